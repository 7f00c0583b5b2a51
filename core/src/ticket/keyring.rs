//! The check that a ticket may carry: with a key, a ticket that nobody issued is told from the others without asking a store.
//!
//! It protects the bill, not the promise: 256 random bits can't be guessed with or without it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Malformed, Ticket};

/// Bytes of the check: half of the hash's output, the least that RFC 2104 §5 allows.
const CHECK_BYTES: usize = 16;
/// Its characters in unpadded base64url.
const CHECK_LEN: usize = 22;

/// Why a text is no ticket to ask a store about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not in a ticket's form.
    Malformed,
    /// In its form, and without a check by one of our keys.
    Forged,
}

impl From<Malformed> for Unreadable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The keys of the check: none, one, or a new one and the one before it.
#[derive(Clone, Default)]
pub struct Keyring {
    keys: Vec<Hmac<Sha256>>,
    check_optional: bool,
}

impl Keyring {
    /// With these keys, the one that signs first.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> Self {
        // An HMAC takes a key of any length.
        Self {
            keys: keys.into_iter().filter_map(|key| Hmac::new_from_slice(key).ok()).collect(),
            check_optional: false,
        }
    }

    /// As this one; also takes tickets that have no check at all, where `optional`. Those may have been issued before there was a key.
    pub fn with_check_optional(self, optional: bool) -> Self {
        Self { check_optional: optional, ..self }
    }

    /// Whether tickets carry a check.
    pub fn checks(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether a ticket needs a check, so that one that nobody issued costs no store call.
    pub fn requires_check(&self) -> bool {
        self.checks() && !self.check_optional
    }

    /// The ticket as its holder gets it: its text and, with a key, the check. A sealed one needs none.
    pub fn text(&self, ticket: &Ticket) -> String {
        let text = ticket.reveal();
        match self.keys.first() {
            Some(key) if !ticket.is_sealed() => {
                let tag = key.clone().chain_update(text).finalize().into_bytes();
                let check = tag.get(..CHECK_BYTES).map(|half| URL_SAFE_NO_PAD.encode(half)).unwrap_or_default();
                format!("{text}{check}")
            }
            _ => text.to_owned(),
        }
    }

    /// Reads what a client presented. Without a key a check is not looked at: tickets in flight survive that it is taken away.
    pub fn read(&self, presented: &str) -> Result<Ticket, Unreadable> {
        let (text, check) = match split(presented) {
            Some((text, check)) => (text, Some(check)),
            None => (presented, None),
        };
        let ticket = Ticket::parse(text)?;
        let check = check.map(|check| URL_SAFE_NO_PAD.decode(check).map_err(|_| Unreadable::Malformed)).transpose()?;
        if !self.checks() || ticket.is_sealed() {
            return Ok(ticket);
        }
        let Some(check) = check else {
            return if self.check_optional { Ok(ticket) } else { Err(Unreadable::Forged) };
        };
        // In constant time.
        let signed = |key: &Hmac<Sha256>| key.clone().chain_update(text).verify_truncated_left(&check).is_ok();
        if self.keys.iter().any(signed) { Ok(ticket) } else { Err(Unreadable::Forged) }
    }
}

/// The ticket and its check, where there is one: what is longer than a ticket by the check's length.
fn split(presented: &str) -> Option<(&str, &str)> {
    let (home, secret) = presented.strip_prefix(super::PREFIX)?.split_once('_')?;
    if home == super::SEALED_HOME || secret.len() != super::SECRET_LEN.saturating_add(CHECK_LEN) {
        return None;
    }
    presented.split_at_checked(presented.len().saturating_sub(CHECK_LEN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Home;

    const OLD: &[u8] = b"the key before";
    const NEW: &[u8] = b"the key of today";

    fn ticket() -> Ticket {
        Ticket::mint(Home::parse("k").unwrap()).unwrap()
    }

    fn why(keyring: &Keyring, text: &str) -> Option<Unreadable> {
        keyring.read(text).err()
    }

    #[test]
    fn what_a_keyring_signed_it_reads() {
        for keyring in [Keyring::default(), Keyring::new([NEW]), Keyring::new([NEW, OLD])] {
            let ticket = ticket();
            let text = keyring.text(&ticket);
            assert_eq!(keyring.read(&text).unwrap().digest(), ticket.digest());
            assert_eq!(text.len(), ticket.reveal().len() + if keyring.checks() { CHECK_LEN } else { 0 });
        }
    }

    #[test]
    fn a_key_is_changed_in_two_steps() {
        let ticket = ticket();
        let before = Keyring::new([OLD]).text(&ticket);
        assert!(Keyring::new([NEW, OLD]).read(&before).is_ok());
        assert_eq!(why(&Keyring::new([NEW]), &before), Some(Unreadable::Forged));
        assert!(Keyring::default().read(&before).is_ok());
        assert_eq!(Keyring::new([NEW, OLD]).text(&ticket), Keyring::new([NEW]).text(&ticket));
    }

    #[test]
    fn a_first_key_is_set_in_two_steps() {
        let (plain, first) = (ticket(), Keyring::new([NEW]).with_check_optional(true));
        assert!(first.read(plain.reveal()).is_ok());
        // A check that is there must be right.
        assert_eq!(why(&first, &Keyring::new([OLD]).text(&plain)), Some(Unreadable::Forged));
        assert!(Keyring::new([NEW]).read(&first.text(&plain)).is_ok());
        assert_eq!(why(&Keyring::new([NEW]), plain.reveal()), Some(Unreadable::Forged));
    }

    #[test]
    fn every_character_counts() {
        let keyring = Keyring::new([NEW]);
        let text = keyring.text(&ticket());
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'x' { 'y' } else { 'x' };
            let mut edited = text.clone();
            edited.replace_range(at..=at, &other.to_string());
            assert!(keyring.read(&edited).is_err(), "{at}");
        }
        assert_eq!(why(&keyring, ticket().reveal()), Some(Unreadable::Forged));
    }

    #[test]
    fn the_form_is_checked_with_and_without_a_key() {
        let text = Keyring::new([NEW]).text(&ticket());
        for keyring in [Keyring::default(), Keyring::new([NEW])] {
            let shorter = text.strip_suffix(|_: char| true).unwrap();
            for bad in [shorter, &format!("{text}A"), &format!("{shorter}!"), "wst_k_", ""] {
                assert_eq!(why(&keyring, bad), Some(Unreadable::Malformed), "{bad}");
            }
        }
    }
}
