//! The ticket: the secret handed to the browser, and the names it goes by where a secret must not.
//!
//! Its text is `wst_<home>_<secret>`: `home` says which store issued it (1 to 16 of `a-z0-9`), `secret` is unpadded base64url. Every
//! character is legal both in a URL's query (RFC 3986 §3.4) and in a `Sec-WebSocket-Protocol` token (RFC 9110 §5.6.2), so nothing
//! ever needs escaping. There are two forms, told apart by the home:
//!
//! - A *reference*: the secret is 256 random bits, 43 characters, and a store keeps the grant. Stores see the [`Digest`] of the
//!   *whole* text. A ticket whose home was edited is therefore another ticket, one that nobody issued, and what a store holds
//!   can't be presented.
//! - A *sealed* ticket, of the home [`SEALED_HOME`]: the secret is the grant itself, encrypted (`seal.rs`).

mod bond;
mod derive;
mod digest;
mod keyring;
mod random;
mod seal;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use bond::Bond;
pub use derive::{Purpose, derive};
pub use digest::{Digest, hex};
pub use keyring::{Keyring, Unreadable};
pub use random::{NoRandomness, TicketId, random, random_uuid};
pub use seal::{NotSealed, SealKeys};

/// What every ticket begins with, so that secret scanners and people recognise one.
pub const PREFIX: &str = "wst_";
/// The home of sealed tickets, and of no others.
pub const SEALED_HOME: &str = "s";
/// Characters of a sealed ticket at most, all in all.
pub const SEALED_TEXT_MAX: usize = 512;
/// Characters that 256 bits take in unpadded base64url.
const SECRET_LEN: usize = 43;
/// The longest `home`, in bytes.
const HOME_MAX: usize = 16;

/// The text does not have a ticket's form, so no store can have issued it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in the form of a ticket")]
pub struct Malformed;

/// A ticket in the clear. It has no `Display` and no `Serialize`, its `Debug` hides the secret: [`Ticket::reveal`] is the
/// only way out, and only the answer to the one who asked for the ticket takes it.
pub struct Ticket {
    text: String,
    home: Home,
    /// The bytes of the secret, where it is sealed.
    sealed: Option<Vec<u8>>,
}

impl Ticket {
    /// A fresh reference of the store that goes by `home`.
    pub fn mint(home: Home) -> Result<Self, NoRandomness> {
        let secret = URL_SAFE_NO_PAD.encode(random::<32>()?);
        Ok(Self { text: format!("{PREFIX}{}_{secret}", home.0), home, sealed: None })
    }

    /// Reads what a client presented. Says nothing about whether it was ever issued: that is a store's word.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (home, secret) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(Malformed)?;
        let is_sealed = home == SEALED_HOME;
        let fits = if is_sealed { text.len() <= SEALED_TEXT_MAX } else { secret.len() == SECRET_LEN };
        if !fits {
            return Err(Malformed);
        }
        // A strict decode also refuses stray bits in the last character, so a ticket has exactly one spelling.
        let bytes = URL_SAFE_NO_PAD.decode(secret).map_err(|_| Malformed)?;
        if is_sealed && bytes.len() < seal::LEN_MIN {
            return Err(Malformed);
        }
        Ok(Self { text: text.to_owned(), home: Home::parse(home)?, sealed: is_sealed.then_some(bytes) })
    }

    /// The store that issued it, by the ticket's own word.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// What stores know it by.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.text)
    }

    /// Whether it carries its grant in itself, by its own word.
    pub fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// The secret text.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({PREFIX}{}_…)", self.home.0)
    }
}

/// The store that issued a ticket, as the ticket names it: 1 to 16 of `a-z0-9`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(String);

impl Home {
    /// Reads a home as it stands in a ticket.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let well_formed =
            (1..=HOME_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if well_formed { Ok(Self(text.to_owned())) } else { Err(Malformed) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn home() -> Home {
        Home::parse("k").unwrap()
    }

    #[test]
    fn a_minted_ticket_is_read_back_as_itself() {
        let ticket = Ticket::mint(home()).unwrap();
        let read = Ticket::parse(ticket.reveal()).unwrap();
        assert_eq!(read.digest(), ticket.digest());
        assert_eq!(read.home(), &home());
        assert_eq!(ticket.reveal().len(), "wst_k_".len() + SECRET_LEN);
    }

    #[test]
    fn two_tickets_differ() {
        assert_ne!(Ticket::mint(home()).unwrap().digest(), Ticket::mint(home()).unwrap().digest());
    }

    #[test]
    fn another_home_is_another_ticket() {
        let ticket = Ticket::mint(home()).unwrap();
        let edited = ticket.reveal().replacen("wst_k_", "wst_m_", 1);
        assert_ne!(Ticket::parse(&edited).unwrap().digest(), ticket.digest());
    }

    #[test]
    fn debug_hides_the_secret() {
        let ticket = Ticket::mint(home()).unwrap();
        let secret = ticket.reveal().rsplit_once("wst_k_").unwrap().1;
        assert!(!format!("{ticket:?}").contains(secret));
    }

    #[test]
    fn what_has_not_the_form_is_refused() {
        let a = |n| "A".repeat(n);
        for text in [
            String::new(),
            "wst_".into(),
            format!("wst_s_{}", a(43)),
            format!("wst_s_{}", a(seal::LEN_MIN * 4 / 3 - 2)),
            format!("wst_s_{}", a(SEALED_TEXT_MAX - 6 + 2)),
            format!("wst_k_{}", a(80)),
            format!("wst_k_{}", a(42)),
            format!("wst_k_{}", a(44)),
            format!("wst__{}", a(43)),
            format!("wst_K_{}", a(43)),
            format!("wst_k{}", a(43)),
            format!("WST_k_{}", a(43)),
            format!("wst_{}_{}", "k".repeat(17), a(43)),
            format!("wst_k_{}=", a(42)),
            format!("wst_k_{}+", a(42)),
            format!("wst_k_{}é", a(41)),
            format!(" wst_k_{}", a(43)),
            format!("wst_k_{}\n", a(43)),
            // Stray bits in the last character: another spelling of the same 256 bits.
            format!("wst_k_{}B", a(42)),
        ] {
            assert_eq!(Ticket::parse(&text).err(), Some(Malformed), "{text:?}");
        }
        assert!(Ticket::parse(&format!("wst_k_{}", a(43))).is_ok());
        for len in [seal::LEN_MIN * 4 / 3, SEALED_TEXT_MAX - 6] {
            assert!(Ticket::parse(&format!("wst_s_{}", a(len))).is_ok(), "{len}");
        }
    }

    /// The form, said in another way than `parse` says it.
    fn has_the_form(text: &str) -> bool {
        let Some((home, secret)) = text.strip_prefix("wst_").and_then(|rest| rest.split_once('_')) else {
            return false;
        };
        let base64url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let home_fits =
            !home.is_empty() && home.len() <= 16 && home.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let length_fits = if home == "s" { text.len() <= 512 && secret.len() >= 60 } else { secret.len() == 43 };
        // What the last character may be, so that no bit of it is left over.
        let last = match secret.len() % 4 {
            0 => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            2 => "AQgw",
            3 => "AEIMQUYcgkosw048",
            _ => "",
        };
        home_fits && length_fits && secret.chars().all(base64url) && secret.ends_with(|c| last.contains(c))
    }

    proptest! {
        #[test]
        fn parse_takes_just_what_has_the_form(
            text in prop_oneof![any::<String>(), "wst_[a-z0-9]{1,16}_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", "wst_s_[A-Za-z0-9_-]{55,64}[AQgw]?", "wst_s_[A-Za-z0-9_-]{500,510}[AQgw]?", "(wst_)?[a-zA-Z0-9]{0,18}_?[A-Za-z0-9_=+/-]{40,45}"],
        ) {
            let read = Ticket::parse(&text);
            prop_assert_eq!(read.is_ok(), has_the_form(&text));
            if let Ok(ticket) = read {
                prop_assert_eq!(ticket.reveal(), text);
            }
        }

        #[test]
        fn a_keyring_takes_nothing_that_it_has_not_signed(text in prop_oneof![any::<String>(), "wst_[a-z0-9]{1,16}_[A-Za-z0-9_-]{43}([A-Za-z0-9_-]{22})?"]) {
            let (with, without) = (Keyring::new([b"a key".as_slice()]), Keyring::default());
            prop_assert!(with.read(&text).is_err());
            // Whether there is a key or not, the same texts are malformed.
            prop_assert_eq!(with.read(&text).err() == Some(Unreadable::Malformed), without.read(&text).is_err());
        }
    }
}
