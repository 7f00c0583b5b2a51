//! What happened, one line of JSON each: closed sets of events and reasons.
//!
//! An event can't hold a ticket, a token or a key: there is no field that would take one. A ticket stands in it by its
//! public id. What each event means and when to be alarmed is in `docs/operations.md`.

mod line;
mod tally;

pub use line::render;
pub use tally::Tally;

use crate::gate::Mismatch;
use crate::store::{Guarantee, Reach, StoreError};
use crate::ticket::TicketId;
use serde::Serialize;
use uuid::Uuid;

/// Where events go. A function without a state: nothing to borrow, nothing to keep alive.
pub type Sink = fn(&Event<'_>);

/// How loud an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The gate does its work.
    Info,
    /// Somebody should look, some time.
    Warn,
    /// Somebody should look now.
    Alert,
}

/// Why somebody got no ticket or no socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The ticket is well-formed and no store knows it.
    Unknown,
    /// The ticket has the form, and none of our keys has made its check, or sealed it.
    Forged,
    /// The ticket was consumed before.
    Used,
    /// The ticket came too late.
    Expired,
    /// Somebody has ended what it would open.
    Ended,
    /// What is kept of the ticket was written by a newer version.
    NotUnderstood,
    /// The ticket was presented from elsewhere than it was asked for from, and is burnt.
    Elsewhere(Mismatch),
    /// A check before the store, by the code that the client was told.
    Code(&'static str),
    /// Something about the caller's login.
    Identity(&'static str),
}

/// What a store was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// To write.
    Issue,
    /// To read, once.
    Consume,
    /// To remember an end.
    End,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Consume => "consume",
            Self::End => "end",
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A ticket.
    Issued,
    /// The grant.
    Granted,
    /// Another attempt had it.
    Used,
    /// What the ticket would open was ended; or an end is remembered.
    Ended,
    /// The ticket expired too long ago to tell.
    TooLate,
    /// What is kept of the ticket was written by a newer version.
    NotUnderstood,
    /// No such ticket.
    Unknown,
    /// The ticket is made up.
    Forged,
    /// The grant doesn't fit into a ticket.
    TooLarge,
    /// No answer.
    Failed(StoreError),
}

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// An isolate has read its configuration and is ready.
    Started { store: &'a str, guarantee: Guarantee, reach: Reach, degraded: bool },
    /// An isolate has read its configuration and refuses to serve. Names only.
    Misconfigured { names: &'a [&'static str] },
    /// Tickets are kept in the memory of one isolate although this is production.
    FallbackToMemory,
    /// A ticket was issued.
    Issued { ticket_id: TicketId, expires_in: u32 },
    /// A ticket was consumed and a session begins. `age_ms`: how old the ticket was.
    Consumed { ticket_id: TicketId, session: Uuid, age_ms: u64 },
    /// Somebody was refused.
    Refused { route: &'static str, reason: Reason, status: u16, ticket_id: Option<TicketId> },
    /// A store was asked. `slow`: it took longer than it should.
    Store { store: &'a str, operation: Operation, outcome: Outcome, ms: u64, slow: bool },
    /// Whoever knows the logins gave no answer. `step`: who was asked, `jwks` or `forward`, or `public_key`.
    IdentityFailed { step: &'static str, reason: &'static str, ms: u64 },
    /// A rate limiter gave no answer. `limiter`: `issue` or `refusal`.
    LimiterFailed { limiter: &'static str, reason: &'static str },
    /// From this ticket on another store issues, and not the first choice.
    FellBack { ticket_id: TicketId, store: &'a str },
    /// From this ticket on the first choice issues again.
    Recovered { ticket_id: TicketId, store: &'a str },
    /// An operator has ended sessions: so many, where the gate has them in its hands.
    /// Somebody has presented a ticket that was used.
    Reused {
        /// Its public name.
        ticket_id: TicketId,
    },
    /// Sessions were ended from outside.
    SessionsEnded {
        /// By which route.
        route: &'static str,
        /// How many; `None` where the gate has none in its hands.
        sessions: Option<u64>,
    },
    /// Something that the gate's own code did not foresee; the request was answered 500.
    InternalError { route: &'static str },
}

impl Event<'_> {
    /// How loud it is.
    pub fn level(&self) -> Level {
        match self {
            Self::Misconfigured { .. }
            | Self::FallbackToMemory
            | Self::FellBack { .. }
            | Self::InternalError { .. }
            | Self::Started { degraded: true, .. }
            | Self::Store { outcome: Outcome::Failed(StoreError::Corrupt { .. }), .. } => Level::Alert,
            Self::Store { outcome: Outcome::Failed(_), .. }
            | Self::Store { slow: true, .. }
            | Self::IdentityFailed { .. }
            | Self::LimiterFailed { .. }
            | Self::Refused { reason: Reason::Elsewhere(_) | Reason::NotUnderstood, .. } => Level::Warn,
            Self::Started { .. }
            | Self::Recovered { .. }
            | Self::Issued { .. }
            | Self::Consumed { .. }
            | Self::Reused { .. }
            | Self::SessionsEnded { .. }
            | Self::Refused { .. }
            | Self::Store { .. } => Level::Info,
        }
    }
}
