//! The grant: what a ticket is good for, and the small types it is made of.

mod claims;
mod packed;
mod record;

use serde::{Deserialize, Serialize};

pub use claims::{CLAIMS_BYTES_MAX, Claims, TooLarge};
pub use record::Unreadable;

use crate::region::Shard;
use crate::ticket::{Digest, TicketId};
use crate::time::Millis;

/// A text is empty, too long, or has control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {max} bytes without control characters")]
pub struct BadText {
    max: usize,
}

fn checked(text: String, max: usize) -> Result<String, BadText> {
    if (1..=max).contains(&text.len()) && !text.chars().any(char::is_control) { Ok(text) } else { Err(BadText { max }) }
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(text: String) -> Result<Self, BadText> {
                checked(text, $max).map(Self)
            }
        }

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
    };
}

bounded_text!(
    /// Who the caller is, in the words of the app's own login (a token's `sub`). 1 to 256 bytes, no control characters.
    Subject, 256
);
bounded_text!(
    /// What the caller wants to join. 1 to 128 bytes, no control characters.
    Room, 128
);

impl Subject {
    /// Its name where texts of any length and script can't stand: in the names of objects, in what they keep.
    pub fn digest(&self) -> Digest {
        Digest::of(&format!("subject:{}", self.0))
    }

    /// The name of the room that only this subject comes to. No [`Room`] has it.
    pub fn own_room(&self) -> Digest {
        Digest::of(&format!("own:{}", self.0))
    }
}

impl Room {
    /// Its name where texts of any length and script can't stand.
    pub fn digest(&self) -> Digest {
        Digest::of(&format!("room:{}", self.0))
    }
}

/// What a ticket is good for. Stores keep it as JSON, by [`Grant::to_json`] and [`Grant::from_json`]; a sealed ticket carries it in few
/// bytes, by [`Grant::pack`] and [`Grant::unpack`]. There is no other form.
///
/// A record of a later version may have members that this one doesn't know: they are ignored. What must not be ignored, a
/// restriction above all, is named in the record's member `must`, a list of texts; `record.rs` has those that are
/// known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The ticket's public name.
    pub ticket_id: TicketId,
    /// Who may connect.
    pub subject: Subject,
    /// To what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// What the login says of them.
    #[serde(default, skip_serializing_if = "Claims::is_empty")]
    pub claims: Claims,
    /// The `Origin` of the page that asked for the ticket: the upgrade must come from the same one. A program has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The digest of the cookie that the upgrade must bring, with `BIND=cookie`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bond: Option<Digest>,
    /// When the ticket was issued.
    pub issued_at: Millis,
    /// From this millisecond on the ticket admits nobody.
    pub expires_at: Millis,
    /// Which shard of the ledger elects the one connection. It stands in the grant, so that a ticket in flight keeps its
    /// shard when the number of shards changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// From this millisecond on no session that it opened goes on. A ticket of a version that knew no ends has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_ends_at: Option<Millis>,
}

impl Grant {
    /// How long a store has to keep it, in whole seconds, rounded up.
    pub fn ttl_seconds(&self) -> u64 {
        self.expires_at.since(self.issued_at).div_ceil(1000)
    }

    /// Where what it opens is, with rooms: the ticket's room, or without one a room of the subject's own, which nobody else can come to.
    pub fn place(&self) -> Digest {
        self.room.as_ref().map_or_else(|| self.subject.own_room(), Room::digest)
    }

    /// Until when what it opened may last: to its own end, or, where somebody prolongs that from outside, so long as two of the longest
    /// sessions after the ticket was issued. For so long it has to be remembered where it is.
    pub fn stays_until(&self, session_max_seconds: u32) -> Millis {
        // Of a ticket that says no end a session begins to count when it opens.
        let own = self.session_ends_at.unwrap_or_else(|| self.expires_at.plus_seconds(session_max_seconds));
        own.max(self.issued_at.plus_seconds(session_max_seconds.saturating_mul(2)))
    }

    /// As stores write it down.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// As stores read it.
    pub fn from_json(text: &str) -> Result<Self, Unreadable> {
        if record::may_demand(text) {
            record::meets_demands(text)?;
        }
        serde_json::from_str(text).map_err(|_| Unreadable::Corrupt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Bond;
    use crate::time::LAST_DATE;
    use serde_json::{Map, Value, json};

    pub(super) fn grant() -> Grant {
        Grant {
            ticket_id: TicketId::random().unwrap(),
            subject: Subject::try_from("alice".to_owned()).unwrap(),
            room: None,
            claims: Claims::try_from(Map::from_iter([("role".to_owned(), json!(["admin"]))])).unwrap(),
            origin: Some("https://app.example.com".to_owned()),
            bond: Some(*Bond::mint().unwrap().digest()),
            issued_at: Millis(1_000),
            expires_at: Millis(301_001),
            shard: "3weur".parse().ok(),
            session_ends_at: Some(Millis(3_601_000)),
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was() {
        let grant = grant();
        assert_eq!(Grant::from_json(&grant.to_json().unwrap()).unwrap(), grant);
    }

    #[test]
    fn a_record_of_an_earlier_version_reads_as_it_was_meant() {
        let Value::Object(mut record) = serde_json::from_str(&grant().to_json().unwrap()).unwrap() else { panic!() };
        for later in ["claims", "origin", "bond", "session_ends_at"] {
            assert!(record.remove(later).is_some());
        }
        let read = Grant::from_json(&Value::from(record).to_string()).unwrap();
        assert_eq!((read.claims.is_empty(), read.origin, read.bond), (true, None, None));
        assert_eq!(read.session_ends_at, None);
    }

    #[test]
    fn a_stored_subject_is_checked_again() {
        let json = grant().to_json().unwrap().replace("alice", r"a\u0000b");
        assert!(Grant::from_json(&json).is_err());
    }

    #[test]
    fn a_moment_that_is_no_date_is_refused() {
        let json = |end: u64| grant().to_json().unwrap().replace("301001", &end.to_string());
        assert!(Grant::from_json(&json(LAST_DATE)).is_ok());
        assert!(Grant::from_json(&json(LAST_DATE + 1)).is_err());
        assert!(Grant::from_json(&json(u64::MAX)).is_err());
    }

    #[test]
    fn the_time_to_keep_is_rounded_up() {
        assert_eq!(grant().ttl_seconds(), 301);
    }

    #[test]
    fn what_it_opened_may_last_as_long_as_somebody_may_prolong_it() {
        assert_eq!(grant().stays_until(3_600), Millis(7_201_000));
        assert_eq!(grant().stays_until(60), Millis(3_601_000));
        let endless = Grant { session_ends_at: None, ..grant() };
        assert_eq!(endless.stays_until(60), Millis(361_001));
    }

    #[test]
    fn texts_have_bounds() {
        for (text, good) in [("a", true), ("", false), ("a\nb", false), ("a\u{7f}", false), ("é", true)] {
            assert_eq!(Room::try_from(text.to_owned()).is_ok(), good, "{text:?}");
        }
        assert!(Room::try_from("a".repeat(128)).is_ok());
        assert!(Room::try_from("a".repeat(129)).is_err());
        assert!(Subject::try_from("a".repeat(256)).is_ok());
        assert!(Subject::try_from("a".repeat(257)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_record_makes_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 1..8), at: proptest::sample::Index) {
            let mut record = grant().to_json().unwrap().into_bytes();
            let at = at.index(record.len());
            record.truncate(at);
            record.extend(bytes);
            let _ = Grant::from_json(&String::from_utf8_lossy(&record));
        }
    }
}
