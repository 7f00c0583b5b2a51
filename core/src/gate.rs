//! The gate: issue and consume, with the rules around them. It knows no HTTP and no store by name.
//!
//! It promises that a ticket admits nobody from the millisecond `expires_at` on, whatever the store still holds; nobody who
//! comes from elsewhere than the one who asked for it; and nobody to a room that the login doesn't allow.

use crate::grant::{Claims, Grant, Room, Subject};
use crate::region::Region;
use crate::store::{Attempt, Cause, Consumed, End, Known, StoreError, TicketStore};
use crate::ticket::{Digest, Ticket, TicketId};
use crate::time::Millis;

/// Who asks for a ticket, as proved by the app's own login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub subject: Subject,
    /// When the login ends, if it says so. A ticket never outlives it.
    pub login_expires_at: Option<Millis>,
    /// The only rooms that the caller may ask for, if the login limits them.
    pub rooms: Option<Vec<String>>,
    /// What travels with the ticket.
    pub claims: Claims,
}

impl Caller {
    fn may_join(&self, room: &Room) -> bool {
        self.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|allowed| allowed == room.as_str()))
    }
}

/// What a ticket is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// To join what.
    pub room: Option<Room>,
    /// The page that asks.
    pub origin: Option<String>,
    /// The digest of the cookie that the upgrade must bring, if it must.
    pub bond: Option<Digest>,
    /// Where the caller is.
    pub near: Option<Region>,
}

/// What the presenter of a ticket has for the cookie of `BIND=cookie`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// None.
    Missing,
    /// None that could be right: malformed, or more than one.
    Unusable,
    /// One, with this digest.
    Bond(Digest),
}

/// The name of a message that is to be obeyed once. Stores remember it as they remember ends.
#[derive(Clone, Debug)]
pub struct MessageName(Subject);

impl MessageName {
    /// By what only this message has: who sent it, and its id.
    pub fn of(sender: &str, id: &str) -> Option<Self> {
        let name = format!("message {}", Digest::of(&format!("{}:{sender}{id}", sender.len())));
        Subject::try_from(name).ok().map(Self)
    }
}

/// Who presents a ticket.
#[derive(Clone, Copy, Debug)]
pub struct Presenter<'a> {
    /// The page; a program has none.
    pub origin: Option<&'a str>,
    /// The browser.
    pub cookie: Cookie,
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
    /// The login doesn't allow the room.
    RoomRefused,
    /// The store gave no answer.
    Store(StoreError),
}

/// How a ticket was presented from elsewhere than it was asked for from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// By another page, or by none.
    Origin,
    /// Without the cookie.
    CookieMissing,
    /// With another cookie.
    Cookie,
}

/// Why nobody was admitted. Exact here and in telemetry; a client learns no more than "refused" of all but the last.
#[derive(Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// No store knows it.
    Unknown,
    /// It is made up: none of our keys has sealed it.
    Forged,
    /// Another attempt had it.
    Used {
        /// The ticket's public name.
        ticket_id: TicketId,
        /// Where what it opened is, where the store still knows.
        place: Option<Digest>,
    },
    /// It came too late.
    Expired(TicketId),
    /// Somebody has ended what it would open.
    Ended(TicketId),
    /// What is kept of it is a newer version's.
    NotUnderstood(Option<TicketId>),
    /// It was presented from elsewhere, and is burnt.
    Elsewhere(TicketId, Mismatch),
    /// The store gave no answer.
    Store(StoreError),
}

/// By how much the clocks of gates may differ, in milliseconds, for an end to be one for tickets of all of them.
pub const SKEW_MS: u64 = 500;
/// How far ahead the moment of an end lies, in milliseconds: first for stores that answer soon, then for those that don't.
const END_LEADS_MS: [u64; 3] = [1_500, 5_000, 30_000];

/// Issues and consumes tickets of one store.
pub struct Gate {
    store: Box<dyn TicketStore>,
    ttl_seconds: u32,
    session_max_seconds: u32,
}

impl Gate {
    /// A gate whose tickets live `ttl_seconds`, and what they open `session_max_seconds` after they were issued.
    pub fn new(store: Box<dyn TicketStore>, ttl_seconds: u32, session_max_seconds: u32) -> Self {
        Self { store, ttl_seconds, session_max_seconds }
    }

    /// The store behind it.
    pub fn store(&self) -> &dyn TicketStore {
        self.store.as_ref()
    }

    /// A ticket for the caller, good for `TICKET_TTL_SECONDS`, or what is left of the login or of the longest session, whichever is
    /// shortest.
    pub async fn issue(&self, caller: Caller, wish: Wish, clock: impl Fn() -> Millis) -> Result<Issued, NotIssued> {
        if wish.room.as_ref().is_some_and(|room| !caller.may_join(room)) {
            return Err(NotIssued::RoomRefused);
        }
        let now = clock();
        let longest = now.plus_seconds(self.session_max_seconds);
        let session_ends_at = caller.login_expires_at.map_or(longest, |end| end.min(longest));
        // Whole seconds, rounded down: what is told is what is enforced, and neither login nor session is outlived.
        let left = session_ends_at.since(now).div_euclid(1000);
        let expires_in = u32::try_from(left).unwrap_or(u32::MAX).min(self.ttl_seconds);
        if expires_in == 0 {
            return Err(NotIssued::LoginExpired);
        }
        let expires_at = now.plus_seconds(expires_in);
        let ticket_id = TicketId::random().map_err(|error| NotIssued::Store(error.into()))?;
        let grant = Grant {
            ticket_id,
            subject: caller.subject,
            room: wish.room,
            claims: caller.claims,
            origin: wish.origin,
            bond: wish.bond,
            issued_at: now,
            expires_at,
            shard: None,
            session_ends_at: Some(session_ends_at),
        };
        let ticket = self.store.issue(&grant, wish.near).await.map_err(NotIssued::Store)?;
        // A store that took its time may have used up a short life.
        if clock() >= expires_at {
            return Err(NotIssued::Store(StoreError::Unavailable { step: "gate.issue", cause: Cause::TimedOut }));
        }
        Ok(Issued { ticket, ticket_id, expires_in, expires_at })
    }

    /// Ends what the subject has. When it has answered, no ticket opens anything that was issued before, by whichever gate whose clock
    /// differs by less than [`SKEW_MS`]; nor does one that is issued within `block_seconds`. Tickets of the next few seconds may be
    /// refused, too. `close` closes what is open: it learns what is ended, and the rooms in which the subject's sessions may be. It
    /// is asked up to three times. Where the subject may be in more rooms than a store says at once, those are closed, and it is an error.
    pub async fn end<E: From<StoreError>>(
        &self,
        subject: &Subject,
        block_seconds: u32,
        clock: impl Fn() -> Millis,
        mut close: impl AsyncFnMut(&End, &[Digest]) -> Result<(), E>,
    ) -> Result<(), E> {
        for lead in END_LEADS_MS {
            let until = Millis(clock().0.saturating_add(lead));
            let end = End { subject: subject.clone(), before: until.plus_seconds(block_seconds) };
            let known = self.known_of(&end).await?;
            close(&end, &known.rooms).await?;
            all_of(&known)?;
            // Where stores or rooms took their time, whoever asked would otherwise hear of an end that lies before the answer.
            if clock().0.saturating_add(SKEW_MS) < until.0 {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable { step: "gate.end", cause: Cause::TimedOut }.into())
    }

    /// Ends what the subject has of tickets that were issued before a moment which has passed; later ones stay.
    pub async fn end_earlier<E: From<StoreError>>(
        &self,
        subject: &Subject,
        before: Millis,
        mut close: impl AsyncFnMut(&End, &[Digest]) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = End { subject: subject.clone(), before };
        let known = self.known_of(&end).await?;
        close(&end, &known.rooms).await?;
        Ok(all_of(&known)?)
    }

    /// Makes sure that the ticket opens nothing any more, whatever it was; whether it still could. To do so again is harmless.
    pub async fn revoke(
        &self,
        ticket: &Ticket,
        attempt: Attempt,
        clock: impl Fn() -> Millis,
    ) -> Result<bool, StoreError> {
        // An attempt of nobody's has it.
        match self.store.consume(ticket, attempt).await? {
            Consumed::Granted(grant) => Ok(clock() < grant.expires_at),
            // Nothing has happened to it, and a gate of another version may yet open it.
            Consumed::NotUnderstood(_) => {
                Err(StoreError::Unavailable { step: "gate.revoke", cause: Cause::NotUnderstood })
            }
            Consumed::Used { .. }
            | Consumed::Ended(_)
            | Consumed::TooLate(_)
            | Consumed::Forged
            | Consumed::Unknown => Ok(false),
        }
    }

    /// In which rooms the subject's sessions may be.
    pub async fn rooms(&self, subject: &Subject) -> Result<Vec<Digest>, StoreError> {
        let known = self.known_of(&End { subject: subject.clone(), before: Millis(0) }).await?;
        all_of(&known)?;
        Ok(known.rooms)
    }

    /// Whether the message of somebody's has come before: [`Self::has_come`].
    pub async fn came(&self, message: &MessageName) -> Result<bool, StoreError> {
        let known = self.store.end(&End { subject: message.0.clone(), before: Millis(0) }).await?;
        Ok(known.ended_before != Millis(0))
    }

    /// Remembers that the message has come, at least until then.
    pub async fn has_come(&self, message: MessageName, until: Millis) -> Result<(), StoreError> {
        self.store.end(&End { subject: message.0, before: until }).await.map(drop)
    }

    async fn known_of(&self, end: &End) -> Result<Known, StoreError> {
        let mut known = self.store.end(end).await?;
        known.rooms.sort_unstable();
        known.rooms.dedup();
        Ok(known)
    }

    /// The ticket's grant, once. The clock is read after the store has answered: a store that took its time can't stretch
    /// a ticket's life. Where it comes from is compared after that too: who presents a ticket that isn't theirs burns it.
    pub async fn consume(
        &self,
        ticket: &Ticket,
        attempt: Attempt,
        by: Presenter<'_>,
        clock: impl Fn() -> Millis,
    ) -> Result<Grant, NotAdmitted> {
        match self.store.consume(ticket, attempt).await {
            Ok(Consumed::Granted(grant)) if clock() >= grant.expires_at => Err(NotAdmitted::Expired(grant.ticket_id)),
            Ok(Consumed::Granted(grant)) => match mismatch(&grant, by) {
                Some(mismatch) => Err(NotAdmitted::Elsewhere(grant.ticket_id, mismatch)),
                None => Ok(grant),
            },
            Ok(Consumed::Ended(ticket_id)) => Err(NotAdmitted::Ended(ticket_id)),
            Ok(Consumed::TooLate(ticket_id)) => Err(NotAdmitted::Expired(ticket_id)),
            Ok(Consumed::Used { ticket_id, place }) => Err(NotAdmitted::Used { ticket_id, place }),
            Ok(Consumed::NotUnderstood(ticket_id)) => Err(NotAdmitted::NotUnderstood(ticket_id)),
            Ok(Consumed::Forged) => Err(NotAdmitted::Forged),
            Ok(Consumed::Unknown) => Err(NotAdmitted::Unknown),
            Err(error) => Err(NotAdmitted::Store(error)),
        }
    }
}

/// An error where there may be more rooms than those that are known.
fn all_of(known: &Known) -> Result<(), StoreError> {
    if known.more {
        return Err(StoreError::Unavailable { step: "gate.rooms", cause: Cause::Full { seconds: None } });
    }
    Ok(())
}

fn mismatch(grant: &Grant, by: Presenter<'_>) -> Option<Mismatch> {
    if grant.origin.is_some() && grant.origin.as_deref() != by.origin {
        return Some(Mismatch::Origin);
    }
    match (grant.bond, by.cookie) {
        (None, _) => None,
        (Some(bond), Cookie::Bond(brought)) if brought == bond => None,
        (Some(_), Cookie::Missing) => Some(Mismatch::CookieMissing),
        (Some(_), _) => Some(Mismatch::Cookie),
    }
}
