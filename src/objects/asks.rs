//! What gates and shards say to each other. During a rollout, or after a rollback, a gate of one version asks a shard of
//! another, so both keep to this:
//!
//! - A path is read strictly. Whoever asks for something new, or for something old with a new condition, uses another path, and a
//!   shard that doesn't know it answers [`NOT_UNDERSTOOD`] and does nothing. What may be ignored goes into the body of an ask that
//!   had none, at which no shard of before looks.
//! - A shard's words are the status codes of [`WORDS`]. One that a gate doesn't know is never taken for a yes.

use std::fmt;
use std::ops::RangeInclusive;

use uuid::Uuid;

use ws_ticket_core::grant::Grant;
use ws_ticket_core::store::Known;
use ws_ticket_core::ticket::{Digest, hex};
use ws_ticket_core::time::Millis;

// Status codes that nobody else answers with: whatever stands in for a shard, an error page of a platform with 200 or 404
// above all, must not be taken for its word.
/// The shard gives what was asked for.
pub const GIVEN: u16 = 230;
/// There is no such ticket.
pub const UNKNOWN: u16 = 231;
/// Another attempt has it.
pub const TAKEN: u16 = 232;
/// The ticket expired so long ago that the shard may have forgotten who had it.
pub const TOO_LATE: u16 = 233;
/// The shard doesn't understand what it is asked, or what it holds of the ticket is a newer version's. Nothing has happened.
pub const NOT_UNDERSTOOD: u16 = 234;
/// Somebody has ended what the ticket would open; it is used up.
pub const ENDED: u16 = 235;
/// As [`GIVEN`], of an end; but the subject may be in more rooms than these. Which of them are said is left to chance.
pub const TOO_MANY: u16 = 236;
/// As [`GIVEN`], and it is remembered where the session will be. A shard that can't remember it says the other one.
pub const GIVEN_AND_NOTED: u16 = 237;
/// How many rooms an answer names at most.
pub const ROOMS_MAX: usize = 500;
/// All that shards of any version ever say.
pub const WORDS: RangeInclusive<u16> = 230..=239;

/// A shard's word, as it goes by RPC: the status as three digits, and the record behind them where one is handed out.
#[derive(Debug, PartialEq, Eq)]
pub struct Word {
    /// One of [`WORDS`], from a shard that has one.
    pub status: u16,
    /// The grant, or nothing.
    pub record: String,
}

impl From<u16> for Word {
    fn from(status: u16) -> Self {
        Self { status, record: String::new() }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.status, self.record)
    }
}

impl Word {
    /// Reads what was written so.
    pub fn parse(text: &str) -> Option<Self> {
        let (status, record) = text.split_at_checked(3)?;
        Some(Self { status: status.parse().ok()?, record: record.to_owned() })
    }
}

/// What else a gate says of the ticket that it claims, in the body: `<subject> <issued at>`, and behind it, where a session would be in a
/// room that can be asked to end it, ` <room> <session ends at>`. A shard that knows nothing of ends doesn't look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// [`ws_ticket_core::grant::Subject::digest`].
    pub subject: Digest,
    /// When the ticket was issued.
    pub issued: Millis,
    /// Where the session would be.
    pub stay: Option<Stay>,
}

/// That a session may be in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// [`ws_ticket_core::grant::Grant::place`].
    pub room: Digest,
    /// When it ends at the latest.
    pub until: Millis,
}

impl About {
    /// What is to be said of the grant; with the place where there are rooms, and `session_max_seconds` is said.
    pub fn of(grant: &Grant, session_max_seconds: Option<u32>) -> Self {
        Self {
            subject: grant.subject.digest(),
            issued: grant.issued_at,
            stay: session_max_seconds.map(|max| Stay { room: grant.place(), until: grant.stays_until(max) }),
        }
    }

    /// Reads a body; `None` for all that this version doesn't know.
    pub fn parse(body: &str) -> Option<Self> {
        let parts: Vec<_> = body.split(' ').collect();
        let [subject, issued, rest @ ..] = parts.as_slice() else { return None };
        let digest = |text: &str| hex(text).map(Digest::from);
        let stay = match rest {
            [] => None,
            [room, until] => Some(Stay { room: digest(room)?, until: moment(until)? }),
            _ => return None,
        };
        Some(Self { subject: digest(subject)?, issued: moment(issued)?, stay })
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.subject, self.issued.0)?;
        self.stay.map_or(Ok(()), |stay| write!(f, " {} {}", stay.room, stay.until.0))
    }
}

/// Milliseconds, in plain digits.
fn moment(text: &str) -> Option<Millis> {
    text.parse::<u64>().ok().and_then(|ms| Millis::try_from(ms).ok())
}

/// The body of `/take` that asks to remember where the session would be: `stay <SESSION_MAX_SECONDS>`.
pub fn stay(session_max_seconds: u32) -> String {
    format!("stay {session_max_seconds}")
}

/// The seconds of such a body.
pub fn stay_of(body: &str) -> Option<u32> {
    body.strip_prefix("stay ")?.parse().ok()
}

/// What a shard says of a subject: `<moment of its last end> <rooms, with commas between them>`.
pub fn known(record: &str) -> Option<Known> {
    let (before, rooms) = record.split_once(' ')?;
    let rooms = rooms.split(',').filter(|name| !name.is_empty()).map(|name| hex(name).map(Digest::from));
    Some(Known { rooms: rooms.collect::<Option<_>>()?, ended_before: moment(before)?, ..Known::default() })
}

/// What a shard can be asked. As a path: `/put/<digest>/<expires at>` with the grant as the body,
/// `/take/<digest>/<attempt>` with [`stay`] or nothing, `/claim/<ticket id>/<attempt>/<expires at>` with an [`About`],
/// `/end/<subject>/<before>/<until>`, answered with what is [`known`], and `/ended` with an [`About`]; digests and UUIDs in hexadecimal, moments in
/// milliseconds.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// Keep a grant.
    Put { key: Vec<u8>, expires_at: Millis },
    /// Hand it out to this attempt.
    Take { key: Vec<u8>, attempt: Uuid },
    /// Remember that this attempt has a ticket whose grant is kept elsewhere.
    Claim { key: Vec<u8>, attempt: Uuid, expires_at: Millis },
    /// Remember until then that tickets of the subject that were issued before open nothing.
    End { subject: Digest, before: Millis, until: Millis },
    /// Say whether that is so of a ticket whose own shard can't know.
    Ended,
}

impl Ask {
    /// Reads a path; `None` for all that this version doesn't know.
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<_> = path.strip_prefix('/')?.split('/').collect();
        let uuid = |text: &str| Uuid::try_parse(text).ok();
        Some(match parts.as_slice() {
            ["put", digest, expires_at] => Self::Put { key: hex(digest)?.to_vec(), expires_at: moment(expires_at)? },
            ["take", digest, attempt] => Self::Take { key: hex(digest)?.to_vec(), attempt: uuid(attempt)? },
            ["claim", ticket, attempt, expires_at] => Self::Claim {
                key: uuid(ticket)?.as_bytes().to_vec(),
                attempt: uuid(attempt)?,
                expires_at: moment(expires_at)?,
            },
            ["end", subject, before, until] => {
                Self::End { subject: hex(subject)?.into(), before: moment(before)?, until: moment(until)? }
            }
            ["ended"] => Self::Ended,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_strictly() {
        let (ticket, attempt) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let digest = "0f".repeat(32);
        let key = vec![0x0f; 32];
        let claim = format!("/claim/{ticket}/{attempt}/42");
        let put = format!("/put/{digest}/42");
        let take = format!("/take/{digest}/{attempt}");
        let expires_at = Millis(42);
        assert_eq!(Ask::parse(&claim), Some(Ask::Claim { key: ticket.as_bytes().to_vec(), attempt, expires_at }));
        assert_eq!(Ask::parse(&put), Some(Ask::Put { key: key.clone(), expires_at }));
        assert_eq!(Ask::parse(&take), Some(Ask::Take { key, attempt }));
        for bad in [
            "/",
            "",
            "/claim/1/2/3",
            &claim.replace("42", "-1"),
            &claim.replace("42", "8640000000000001"),
            &format!("{claim}/"),
            &format!("{take}/42"),
            &format!("/x{claim}"),
            &put.replace("0f0f", "0f"),
            &put.replace("0f", "é"),
            &put.replace("put", "take"),
        ] {
            assert_eq!(Ask::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_word_reads_back_as_it_was() {
        for word in [Word::from(GIVEN), Word { status: TAKEN, record: "{\"a\":\"é\"}".to_owned() }] {
            assert_eq!(Word::parse(&word.to_string()), Some(word));
        }
        for bad in ["", "23", "2x0", "é30"] {
            assert_eq!(Word::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_known_is_read_strictly() {
        let room = "0f".repeat(32);
        let read = known(&format!("42 {room},{room}")).unwrap();
        assert_eq!((read.rooms.len(), read.ended_before), (2, Millis(42)));
        assert_eq!(known("0 "), Some(Known::default()));
        for bad in ["", "0", " ", "-1 ", "0 0f", &format!("{room},{room}")] {
            assert_eq!(known(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_stay_is_read_strictly() {
        assert_eq!(stay_of(&stay(3600)), Some(3600));
        for bad in ["", "stay", "stay ", "stay -1", "stay 1 ", "stays 1"] {
            assert_eq!(stay_of(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "(/(put|take|claim|[a-z]{0,5})(/[0-9a-fé+-]{0,70}){0,4})?.{0,10}") {
            let _ = Ask::parse(&path);
        }
    }
}
