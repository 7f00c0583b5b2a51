//! What is random: secrets and public ids, from the platform's cryptographic source.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The platform gave no random bytes, so no ticket can be made.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes to be had")]
pub struct NoRandomness;

/// `N` bytes from the platform's cryptographic source.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::getrandom(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
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

    /// The UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
