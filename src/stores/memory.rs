//! Tickets in the memory of one isolate: for development, and the last resort when nothing else is bound.
//!
//! `SingleUse`: the step that elects the winner is `HashMap::remove`, and an isolate runs one thing at a time. Its reach is
//! that isolate: Cloudflare runs many of them and ends them at will, and every ticket in one goes with it. Of a used
//! ticket it remembers the public id until the ticket would have expired, so that a second use is told as what it is; where
//! there are too many of them, those that would expire next are forgotten first, and are unknown then. Both are refused.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use async_trait::async_trait;

use ws_ticket_core::grant::{Grant, Subject};
use ws_ticket_core::region::Region;
use ws_ticket_core::store::{Attempt, Cause, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::ticket::{Digest, Home, Ticket, TicketId};
use ws_ticket_core::time::Millis;

/// How many unused tickets it holds at most. A grant takes well under 1 KiB, an isolate has 128 MB for everything
/// (<https://developers.cloudflare.com/workers/platform/limits/#memory>).
const CAPACITY: usize = 50_000;
/// How many used tickets it remembers at most. Each takes some 180 bytes, and no more however many
/// come and go (measured).
const USED_CAPACITY: usize = 100_000;
/// Bytes of JSON that the claims of all its tickets take at most. In memory they can be forty times as large: `[{"":1},…]`.
const CLAIMS_CAPACITY: usize = 1024 * 1024;

/// The store.
pub struct Memory {
    home: Home,
    capacity: usize,
    used_capacity: usize,
    /// `SESSION_MAX_SECONDS`, where to remember in which rooms sessions may be.
    rooms: Option<u32>,
    held: RefCell<Held>,
}

#[derive(Default)]
struct Held {
    grants: HashMap<Digest, Grant>,
    /// Bytes of all their claims, as JSON.
    claims_size: usize,
    used: HashMap<Digest, TicketId>,
    /// The grants, the next to expire first.
    by_expiry: BTreeSet<(Millis, Digest)>,
    /// The used ones likewise.
    used_by_expiry: BTreeSet<(Millis, Digest)>,
    /// Of subjects whose tickets were ended: those issued before the first moment open nothing, and after the second there are none.
    ends: HashMap<Subject, (Millis, Millis)>,
    /// Where sessions of a subject may be, and until when.
    stays: HashMap<Subject, HashMap<Digest, Millis>>,
}

impl Held {
    fn drop_expired(&mut self, now: Millis) {
        while let Some((_, digest)) = self.by_expiry.first().copied().filter(|(expires_at, _)| *expires_at <= now) {
            self.remove(&digest);
        }
        while self.used_by_expiry.first().is_some_and(|(expires_at, _)| *expires_at <= now) {
            self.forget_used();
        }
        self.ends.retain(|_, (_, until)| *until > now);
    }

    /// Whether the grant opens nothing any more; where it does, and sessions are in rooms, remembers where.
    fn has_ended(&mut self, grant: &Grant, rooms: Option<u32>) -> bool {
        let has_ended = self.ends.get(&grant.subject).is_some_and(|(before, _)| grant.issued_at < *before);
        if let Some(session_max_seconds) = rooms.filter(|_| !has_ended) {
            self.stays.retain(|_, rooms| rooms.values().any(|until| *until > grant.issued_at));
            let until = grant.stays_until(session_max_seconds);
            let stay = self.stays.entry(grant.subject.clone()).or_default().entry(grant.place()).or_insert(until);
            *stay = until.max(*stay);
        }
        has_ended
    }

    fn insert(&mut self, digest: Digest, grant: Grant) {
        self.by_expiry.insert((grant.expires_at, digest));
        self.claims_size = self.claims_size.saturating_add(grant.claims.size());
        self.grants.insert(digest, grant);
    }

    fn remove(&mut self, digest: &Digest) -> Option<Grant> {
        let grant = self.grants.remove(digest)?;
        self.by_expiry.remove(&(grant.expires_at, *digest));
        self.claims_size = self.claims_size.saturating_sub(grant.claims.size());
        Some(grant)
    }

    fn remember_used(&mut self, digest: Digest, grant: &Grant, at_most: usize) {
        self.used.insert(digest, grant.ticket_id);
        self.used_by_expiry.insert((grant.expires_at, digest));
        while self.used_by_expiry.len() > at_most {
            self.forget_used();
        }
    }

    fn forget_used(&mut self) {
        if let Some((_, digest)) = self.used_by_expiry.pop_first() {
            self.used.remove(&digest);
        }
    }

    /// In how many seconds there is room again, if nobody uses a ticket before.
    fn room_in(&self, now: Millis) -> Option<u32> {
        let (next, _) = self.by_expiry.first()?;
        u32::try_from(next.since(now).div_ceil(1000)).ok()
    }
}

impl Memory {
    /// An empty store whose tickets go by `home`. With `rooms`, the seconds that a session lasts at most, it
    /// remembers where sessions may be.
    pub fn new(home: Home, rooms: Option<u32>) -> Self {
        Self { home, capacity: CAPACITY, used_capacity: USED_CAPACITY, rooms, held: RefCell::default() }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory")
    }
}

#[async_trait(?Send)]
impl TicketStore for Memory {
    fn guarantee(&self) -> Guarantee {
        Guarantee::SingleUse
    }

    fn reach(&self) -> Reach {
        Reach::Isolate
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        ticket.home() == &self.home
    }

    async fn issue(&self, grant: &Grant, _: Option<Region>) -> Result<Ticket, StoreError> {
        let mut held = self.held.borrow_mut();
        held.drop_expired(grant.issued_at);
        let claims_size = held.claims_size.saturating_add(grant.claims.size());
        if held.grants.len() >= self.capacity || claims_size > CLAIMS_CAPACITY {
            let cause = Cause::Full { seconds: held.room_in(grant.issued_at) };
            return Err(StoreError::Unavailable { step: "memory.issue", cause });
        }
        let ticket = Ticket::mint(self.home.clone())?;
        held.insert(ticket.digest(), grant.clone());
        Ok(ticket)
    }

    /// In this isolate, as far as its tickets reach.
    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        let mut held = self.held.borrow_mut();
        let ended_before = held.ends.get(&end.subject).map(|(before, _)| *before).unwrap_or_default();
        if end.before != Millis(0) {
            let (before, until) = held.ends.entry(end.subject.clone()).or_default();
            (*before, *until) = ((*before).max(end.before), (*until).max(end.kept_until()));
        }
        let rooms = held.stays.get(&end.subject).map(|rooms| rooms.keys().copied().collect()).unwrap_or_default();
        Ok(Known { rooms, ended_before, ..Known::default() })
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        let mut held = self.held.borrow_mut();
        let digest = ticket.digest();
        Ok(match held.remove(&digest) {
            Some(grant) => {
                held.remember_used(digest, &grant, self.used_capacity);
                match held.has_ended(&grant, self.rooms) {
                    true => Consumed::Ended(grant.ticket_id),
                    false => Consumed::Granted(grant),
                }
            }
            None => held
                .used
                .get(&digest)
                .map_or(Consumed::Unknown, |ticket_id| Consumed::Used { ticket_id: *ticket_id, place: None }),
        })
    }
}

#[cfg(test)]
mod tests;
