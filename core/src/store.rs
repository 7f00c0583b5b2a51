//! The port: what a ticket store is, and what it promises.
//!
//! A store *issues* a ticket for a grant and *consumes* it. There is no `get` and no `delete`, because no order of those
//! two is safe when connections race. A wrapper is a store too, and its `Display` shows what it wraps: `kv+ledger`.

mod fault;

use std::fmt;

use async_trait::async_trait;
use uuid::Uuid;

use crate::grant::{Grant, Subject, Unreadable};
use crate::region::Region;
use crate::ticket::{Digest, NoRandomness, Ticket, TicketId, random_uuid};
use crate::time::Millis;
pub use fault::Fault;

/// Seconds that a ticket can live at most.
pub const TTL_MAX: u32 = 3600;

/// What a store promises when several connections race for one ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// At most one is admitted, whatever races, fails or repeats. A store may say so exactly when its platform has one
    /// step that removes (or marks) and answers.
    SingleUse,
    /// At least one is admitted, and more may be.
    BestEffort,
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SingleUse => "single-use",
            Self::BestEffort => "best-effort",
        })
    }
}

/// From where a ticket of the store can be consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only in the isolate that issued it. Cloudflare runs many and ends them at will.
    Isolate,
    /// Everywhere.
    Global,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Isolate => "isolate",
            Self::Global => "global",
        })
    }
}

/// Why a store gave no answer. A closed set, so that no text of a platform, with who knows what in it, reaches a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The call failed, or its answer was none that it can give.
    Failed,
    /// No answer within `STORE_TIMEOUT_MS`.
    TimedOut,
    /// The platform refused it: too many calls.
    LimitReached,
    /// The platform says that whoever would have answered has too much to do. It is not asked again.
    Overloaded,
    /// Whoever was asked is of another version and doesn't know what was asked. Nothing has happened.
    NotUnderstood,
    /// The store can't hold more tickets; in so many seconds it can, where it knows.
    Full { seconds: Option<u32> },
    /// The store gave no answer several times in a row and is left alone, for so many seconds. Nothing was asked.
    Resting { seconds: u32 },
    /// What a server said, or what became of the connection to it.
    Server(Fault),
    /// No random bytes to be had.
    NoRandomness,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::LimitReached => "limit_reached",
            Self::Overloaded => "overloaded",
            Self::NotUnderstood => "not_understood",
            Self::Full { .. } => "full",
            Self::Resting { .. } => "resting",
            Self::Server(fault) => return fault.fmt(f),
            Self::NoRandomness => "no_randomness",
        })
    }
}

impl Cause {
    /// Whether the store was waited for in vain.
    pub fn is_silence(self) -> bool {
        matches!(self, Self::TimedOut | Self::Server(Fault::TlsTimedOut))
    }

    /// Whether it will be there at the next call too, as far as can be told.
    pub fn is_lasting(self) -> bool {
        match self {
            Self::Failed
            | Self::TimedOut
            | Self::LimitReached
            | Self::Overloaded
            | Self::NotUnderstood
            | Self::NoRandomness => false,
            Self::Full { .. } | Self::Resting { .. } => true,
            Self::Server(fault) => fault.is_lasting(),
        }
    }

    /// For how many seconds, where that is known.
    pub fn seconds(self) -> Option<u32> {
        match self {
            Self::Full { seconds } => seconds,
            Self::Resting { seconds } => Some(seconds),
            _ => None,
        }
    }
}

/// Something other than an answer. It is never "no such ticket": that one is [`Consumed::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing is known about the ticket: answer 503. A consume that ended so may have happened, and is not repeated but
    /// with the same [`Attempt`].
    #[error("{step}: {cause}")]
    Unavailable {
        /// The call that gave no answer, such as `kv.get`.
        step: &'static str,
        /// Why.
        cause: Cause,
    },
    /// There is a record and it can't be read: answer 500, and never fall back to anything.
    #[error("{step}: a record that can't be read")]
    Corrupt {
        /// The call that brought it.
        step: &'static str,
    },
    /// The grant doesn't fit into a ticket that carries it. Nothing has happened, and nothing is wrong with the store; another
    /// one can have it.
    #[error("{step}: too large a grant")]
    TooLarge {
        /// What it was too large for.
        step: &'static str,
    },
}

impl StoreError {
    /// The call at which it happened.
    pub fn step(&self) -> &'static str {
        match self {
            Self::Unavailable { step, .. } | Self::Corrupt { step } | Self::TooLarge { step } => step,
        }
    }

    /// Why it is no answer; `None` where there is one, and it is of no use.
    pub fn cause(&self) -> Option<Cause> {
        if let Self::Unavailable { cause, .. } = self { Some(*cause) } else { None }
    }

    /// In how many seconds it makes sense to try again.
    pub fn retry_after(&self) -> u32 {
        self.cause().and_then(Cause::seconds).unwrap_or(1).max(1)
    }
}

impl From<NoRandomness> for StoreError {
    fn from(_: NoRandomness) -> Self {
        Self::Unavailable { step: "random", cause: Cause::NoRandomness }
    }
}

/// A random id of one consuming request. A store that is asked again with the same attempt, after a reply was lost, gives
/// the same answer; another attempt is told "used".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt(Uuid);

impl Attempt {
    /// A fresh one: once per request that presents a ticket.
    pub fn random() -> Result<Self, NoRandomness> {
        random_uuid().map(Self)
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }
}

/// Of somebody else's making, as random as ours.
impl From<Uuid> for Attempt {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// Whose tickets are ended, and which of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Whose.
    pub subject: Subject,
    /// Those that were issued before this moment. An end that says an earlier one than another before it changes nothing; 1970 only asks
    /// where the sessions may be.
    pub before: Millis,
}

impl End {
    /// How long it has to be remembered: until none of the tickets can be alive, whichever time to live they had.
    pub fn kept_until(&self) -> Millis {
        self.before.plus_seconds(TTL_MAX.saturating_add(60))
    }
}

/// What a store knew of a subject when it was asked to end what that has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// In which rooms its sessions may be, where the store was told to remember that.
    pub rooms: Vec<Digest>,
    /// Whether there may be more rooms than these. Whoever asks again is told others.
    pub more: bool,
    /// The moment of the end that was remembered before; 1970 where there was none.
    pub ended_before: Millis,
}

impl Known {
    /// Together with what another one knew.
    pub fn and(mut self, other: Self) -> Self {
        self.rooms.extend(other.rooms);
        let ended_before = self.ended_before.max(other.ended_before);
        Self { rooms: self.rooms, more: self.more || other.more, ended_before }
    }
}

/// A store's answer to `consume`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consumed {
    /// This attempt, and by a `SingleUse` store no other, has the grant. Whether it has expired is the gate's business.
    Granted(Grant),
    /// Another attempt had it before. Only stores that still know a used ticket can say so; the others say `Unknown`.
    Used {
        /// The ticket's public name.
        ticket_id: TicketId,
        /// Where what it opened is ([`Grant::place`]), where the store still knows the grant.
        place: Option<Digest>,
    },
    /// What it would have opened was ended before: see [`TicketStore::end`]. It is used up.
    Ended(TicketId),
    /// So long after its expiry that the store no longer knows who had it, and can't hand it out safely.
    TooLate(TicketId),
    /// What is kept of it was written by a newer version and has a condition that this one doesn't know. Nobody is admitted;
    /// another ticket may be another version's.
    NotUnderstood(Option<TicketId>),
    /// It carries its grant in itself, and none of our keys has sealed it: made up, or its key was taken away.
    Forged,
    /// There is no such ticket here: never issued, used, or cleaned up.
    Unknown,
}

impl Consumed {
    /// What a record comes to that `step` brought and that this attempt has: its grant, where it can be read.
    pub fn of_record(record: &str, step: &'static str) -> Result<Self, StoreError> {
        match Grant::from_json(record) {
            Ok(grant) => Ok(Self::Granted(grant)),
            Err(Unreadable::Newer(ticket_id)) => Ok(Self::NotUnderstood(ticket_id)),
            Err(Unreadable::Corrupt) => Err(StoreError::Corrupt { step }),
        }
    }
}

/// Issues and consumes tickets.
///
/// A store's time to live only cleans up: expiry is decided once, in the gate. So no store decides by a clock of its own whether
/// a ticket has expired (a shard's only guards what it has forgotten), and all of them expire it at the same millisecond.
#[async_trait(?Send)]
pub trait TicketStore: fmt::Display {
    /// What it promises when connections race.
    fn guarantee(&self) -> Guarantee;

    /// From where its tickets can be consumed.
    fn reach(&self) -> Reach;

    /// Whether the ticket says that it was issued here.
    fn is_home_of(&self, ticket: &Ticket) -> bool;

    /// Makes a ticket for the grant and keeps what is needed to consume it, near the caller where the store has a choice.
    /// After an error the ticket exists nowhere that anybody could present it from.
    async fn issue(&self, grant: &Grant, near: Option<Region>) -> Result<Ticket, StoreError>;

    /// Ends what the subject has: when this has answered, none of the store's tickets that [`End`] means is handed out any more, whatever
    /// raced with it. Says what it knew of the subject. After an error some of them may still open; to end it again is harmless.
    async fn end(&self, end: &End) -> Result<Known, StoreError>;

    /// Hands the ticket's grant to this attempt. A ticket of another home is `Unknown`, and costs no call.
    async fn consume(&self, ticket: &Ticket, attempt: Attempt) -> Result<Consumed, StoreError>;
}
