//! One secret, several labelled purposes: a key for each purpose is derived from the secret, and from none of them can the
//! secret or the key of another purpose be found.
//!
//! The derivation is HKDF with SHA-256 (RFC 5869), without a salt, 32 bytes long; `info` is the purpose's label. Anybody with
//! the secret can do the same: `crypto.hkdfSync("sha256", secret, "", label, 32)` in Node.js. A label that was once in use is
//! never given to another purpose.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What a key is derived for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The check that tickets carry, where there is no `TICKET_KEY`.
    TicketCheck,
    /// What tickets are sealed with, from `SEAL_KEY`.
    Seal,
    /// What such a key is known by, in the tickets that it seals.
    SealId,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::TicketCheck => b"ws-ticket ticket-check v1",
            Self::Seal => b"ws-ticket seal v1",
            Self::SealId => b"ws-ticket seal-id v1",
        }
    }
}

/// The secret's key for the purpose. `None` never happens: it stands for what the types of the hash's crate allow.
pub fn derive(secret: &[u8], purpose: Purpose) -> Option<[u8; 32]> {
    hkdf(&[0; 32], secret, purpose.label())
}

/// The first 32 bytes of HKDF (RFC 5869 §2): extract, then one round of expand.
fn hkdf(salt: &[u8], secret: &[u8], info: &[u8]) -> Option<[u8; 32]> {
    hmac(&hmac(salt, &[secret])?, &[info, &[1]])
}

/// An HMAC takes a key of any length.
fn hmac(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::hex;

    #[test]
    fn it_is_the_hkdf_of_rfc_5869() {
        // The test cases A.1 and A.3 of the RFC, of which the first 32 bytes.
        let secret = [0x0b; 22];
        let (salt, info): (Vec<u8>, Vec<u8>) = ((0x00..=0x0c).collect(), (0xf0..=0xf9).collect());
        let first = hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
        assert_eq!(hkdf(&salt, &secret, &info), first);
        let third = hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
        assert_eq!(hkdf(&[0; 32], &secret, b""), third);
    }

    #[test]
    fn each_secret_has_a_key_of_its_own() {
        let derived = derive(b"a secret", Purpose::TicketCheck);
        assert_ne!(derived, derive(b"another secret", Purpose::TicketCheck));
        assert_ne!(derived, derive(b"a secret", Purpose::Seal));
        assert_ne!(derive(b"a secret", Purpose::Seal), derive(b"a secret", Purpose::SealId));
        assert_ne!(derived, hkdf(&[0; 32], b"a secret", b"ws-ticket another purpose v1"));
    }
}
