//! What is random: secrets and public ids, from the platform's cryptographic source.

use std::cell::RefCell;
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The platform gave no random bytes, so no ticket can be made.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes to be had")]
pub struct NoRandomness;

/// How many bytes are fetched at a time. Asking the platform costs about the same for few as for many.
const STOCK: usize = 1024;

thread_local! {
    /// Random bytes that nobody has had yet.
    static UNUSED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// `N` bytes from the platform's cryptographic source, at most 1024. Each byte is given once.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    const { assert!(N <= STOCK) };
    UNUSED.with_borrow_mut(|unused| {
        if unused.len() < N {
            let mut stock = vec![0; STOCK];
            getrandom::getrandom(&mut stock).map_err(|_| NoRandomness)?;
            *unused = stock;
        }
        let rest = unused.len().saturating_sub(N);
        let bytes = unused.get(rest..).and_then(|bytes| bytes.try_into().ok()).ok_or(NoRandomness)?;
        // What was given away is no secret of ours to keep.
        if let Some(given) = unused.get_mut(rest..) {
            given.fill(0);
        }
        unused.truncate(rest);
        Ok(bytes)
    })
}

/// A random UUID (version 4, RFC 9562 §5.4).
pub fn random_uuid() -> Result<Uuid, NoRandomness> {
    Ok(uuid::Builder::from_random_bytes(random()?).into_uuid())
}

/// A ticket's public name: a random UUID that is no secret. It stands in logs, in the grant and in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(Uuid);

impl TicketId {
    /// A fresh one.
    pub fn random() -> Result<Self, NoRandomness> {
        random_uuid().map(Self)
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for TicketId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_bytes_are_given_twice() {
        let all: HashSet<[u8; 48]> = (0..1000).map(|_| random().unwrap()).collect();
        assert_eq!(all.len(), 1000);
        // Not even half of them, at any boundary of the stock.
        let halves: HashSet<Vec<u8>> = all.iter().flat_map(|bytes| bytes.chunks(24).map(<[u8]>::to_vec)).collect();
        assert_eq!(halves.len(), 2000);
        assert!(!all.contains(&[0; 48]));
    }
}
