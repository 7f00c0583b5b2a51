//! The public keys of `JWT_PUBLIC_KEY`.

use std::cell::RefCell;
use std::rc::Rc;

use super::NotKnown;
use super::webcrypto::{CryptoKey, Given, import};
use crate::config::{Algorithm, PublicKey};
use ws_ticket_core::telemetry::{Event, Sink};

/// They, and what the platform made of them. It is asked at the first token: importing is asynchronous, and start-up is not.
pub struct PublicKeys {
    keys: Vec<PublicKey>,
    algorithms: Vec<Algorithm>,
    imported: RefCell<Option<Rc<[CryptoKey]>>>,
    sink: Sink,
}

impl PublicKeys {
    /// Keys, each for those of the algorithms that are of its kind.
    pub fn new(keys: &[PublicKey], algorithms: &[Algorithm], sink: Sink) -> Self {
        Self { keys: keys.to_vec(), algorithms: algorithms.to_vec(), imported: RefCell::new(None), sink }
    }

    /// Those for the algorithm.
    pub async fn of(&self, algorithm: Algorithm) -> Result<Vec<CryptoKey>, NotKnown> {
        let known = self.imported.borrow().clone();
        let all = match known {
            Some(keys) => keys,
            None => self.import().await?,
        };
        Ok(all.iter().filter(|key| key.algorithm() == algorithm).cloned().collect())
    }

    async fn import(&self) -> Result<Rc<[CryptoKey]>, NotKnown> {
        let mut all = Vec::new();
        for key in &self.keys {
            for algorithm in self.algorithms.iter().filter(|algorithm| algorithm.kind() == Some(key.kind)) {
                let Some(key) = import(Given::Spki(&key.spki), *algorithm).await else {
                    // In a key's form and yet none, such as a point that isn't on the curve.
                    (self.sink)(&Event::IdentityFailed { step: "public_key", reason: "malformed", ms: 0 });
                    return Err(NotKnown::Unavailable);
                };
                all.push(key);
            }
        }
        let all: Rc<[_]> = all.into();
        *self.imported.borrow_mut() = Some(Rc::clone(&all));
        Ok(all)
    }
}
