//! The gate: issue and consume, with the rules around them. It knows no HTTP and no store by name.
//!
//! It promises that a ticket admits nobody from the millisecond `expires_at` on, whatever the store still holds.

use crate::grant::{Grant, Millis, Room, Subject};
use crate::region::Region;
use crate::store::{Attempt, Cause, Consumed, StoreError, TicketStore};
use crate::ticket::{Ticket, TicketId};

/// Who asks for a ticket, as proved by the app's own login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub subject: Subject,
    /// When the login ends, if it says so. A ticket never outlives it.
    pub login_expires_at: Option<Millis>,
}

/// A ticket that was just issued.
#[derive(Debug)]
pub struct Issued {
    /// The secret, for the caller's eyes only.
    pub ticket: Ticket,
    /// Its public name.
    pub ticket_id: TicketId,
    /// How long it can be used: exactly this many seconds.
    pub expires_in: u32,
    /// From this millisecond on it can't.
    pub expires_at: Millis,
}

/// Why no ticket was issued.
#[derive(Debug, PartialEq, Eq)]
pub enum NotIssued {
    /// Less than a second of the caller's login is left.
    LoginExpired,
    /// The store gave no answer.
    Store(StoreError),
}

/// Why nobody was admitted. Exact here and in telemetry; a client learns no more than "refused" of the first three.
#[derive(Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// No store knows it.
    Unknown,
    /// Another attempt had it.
    Used(TicketId),
    /// It came too late.
    Expired(TicketId),
    /// The store gave no answer.
    Store(StoreError),
}

/// Issues and consumes tickets of one store.
pub struct Gate {
    store: Box<dyn TicketStore>,
    ttl_seconds: u32,
}

impl Gate {
    /// A gate whose tickets live `ttl_seconds`.
    pub fn new(store: Box<dyn TicketStore>, ttl_seconds: u32) -> Self {
        Self { store, ttl_seconds }
    }

    /// The store behind it.
    pub fn store(&self) -> &dyn TicketStore {
        self.store.as_ref()
    }

    /// A ticket for the caller, good for `TICKET_TTL_SECONDS` or what is left of the login, whichever is shorter.
    pub async fn issue(
        &self,
        caller: Caller,
        room: Option<Room>,
        near: Option<Region>,
        clock: impl Fn() -> Millis,
    ) -> Result<Issued, NotIssued> {
        let now = clock();
        let expires_in = caller.login_expires_at.map_or(self.ttl_seconds, |end| {
            // Whole seconds, rounded down: what is told is what is enforced, and the login is never outlived.
            let left = end.since(now).checked_div(1000).and_then(|s| u32::try_from(s).ok()).unwrap_or(u32::MAX);
            left.min(self.ttl_seconds)
        });
        if expires_in == 0 {
            return Err(NotIssued::LoginExpired);
        }
        let expires_at = now.plus_seconds(expires_in);
        let ticket_id = TicketId::random().map_err(|error| NotIssued::Store(error.into()))?;
        let grant = Grant { ticket_id, subject: caller.subject, room, issued_at: now, expires_at, shard: None };
        let ticket = self.store.issue(&grant, near).await.map_err(NotIssued::Store)?;
        // A store that took its time may have used up a short life.
        if clock() >= expires_at {
            return Err(NotIssued::Store(StoreError::Unavailable { step: "gate.issue", cause: Cause::TimedOut }));
        }
        Ok(Issued { ticket, ticket_id, expires_in, expires_at })
    }

    /// The ticket's grant, once. The clock is read after the store has answered: a store that took its time can't stretch
    /// a ticket's life.
    pub async fn consume(
        &self,
        ticket: &Ticket,
        attempt: Attempt,
        clock: impl Fn() -> Millis,
    ) -> Result<Grant, NotAdmitted> {
        match self.store.consume(ticket, attempt).await {
            Ok(Consumed::Granted(grant)) if clock() >= grant.expires_at => Err(NotAdmitted::Expired(grant.ticket_id)),
            Ok(Consumed::Granted(grant)) => Ok(grant),
            Ok(Consumed::TooLate(ticket_id)) => Err(NotAdmitted::Expired(ticket_id)),
            Ok(Consumed::Used(ticket_id)) => Err(NotAdmitted::Used(ticket_id)),
            Ok(Consumed::Unknown) => Err(NotAdmitted::Unknown),
            Err(error) => Err(NotAdmitted::Store(error)),
        }
    }
}
