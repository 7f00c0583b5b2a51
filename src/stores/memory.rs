//! Tickets in the memory of one isolate: for development, and the last resort when nothing else is bound.
//!
//! `SingleUse`: the step that elects the winner is `HashMap::remove`, and an isolate runs one thing at a time. Its reach is
//! that isolate: Cloudflare runs many of them and ends them at will, and every ticket in one goes with it. Of a used
//! ticket it remembers the public id until the ticket would have expired, so that a second use is told as what it is.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use async_trait::async_trait;

use crate::grant::{Grant, Millis};
use crate::region::Region;
use crate::store::{Attempt, Cause, Consumed, Guarantee, Reach, StoreError, TicketStore};
use crate::ticket::{Digest, Home, Ticket, TicketId};

/// How many tickets it holds at most. A grant takes well under 1 KiB, an isolate has 128 MB for everything
/// (<https://developers.cloudflare.com/workers/platform/limits/#memory>).
const CAPACITY: usize = 50_000;
/// Bytes of JSON that the claims of all its tickets take at most. In memory they can be forty times as large: `[{"":1},…]`.
const CLAIMS_CAPACITY: usize = 1024 * 1024;

/// The store.
pub struct Memory {
    home: Home,
    capacity: usize,
    held: RefCell<Held>,
}

#[derive(Default)]
struct Held {
    grants: HashMap<Digest, Grant>,
    /// Bytes of all their claims, as JSON.
    claims_size: usize,
    used: HashMap<Digest, TicketId>,
    /// All of both, the next to expire first.
    by_expiry: BTreeSet<(Millis, Digest)>,
}

impl Held {
    fn drop_expired(&mut self, now: Millis) {
        while let Some(&(expires_at, digest)) = self.by_expiry.first() {
            if expires_at > now {
                break;
            }
            self.by_expiry.pop_first();
            self.remove(&digest);
            self.used.remove(&digest);
        }
    }

    fn remove(&mut self, digest: &Digest) -> Option<Grant> {
        let grant = self.grants.remove(digest)?;
        self.claims_size = self.claims_size.saturating_sub(grant.claims.size());
        Some(grant)
    }

    fn take(&mut self, digest: &Digest) -> Consumed {
        match self.remove(digest) {
            Some(grant) => {
                self.used.insert(*digest, grant.ticket_id);
                Consumed::Granted(grant)
            }
            None => self.used.get(digest).map_or(Consumed::Unknown, |ticket_id| Consumed::Used(*ticket_id)),
        }
    }
}

impl Memory {
    /// An empty store whose tickets go by `home`.
    pub fn new(home: Home) -> Self {
        Self { home, capacity: CAPACITY, held: RefCell::default() }
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
        if held.by_expiry.len() >= self.capacity || claims_size > CLAIMS_CAPACITY {
            return Err(StoreError::Unavailable { step: "memory.issue", cause: Cause::Full });
        }
        let ticket = Ticket::mint(self.home.clone())?;
        held.by_expiry.insert((grant.expires_at, *ticket.digest()));
        held.claims_size = claims_size;
        held.grants.insert(*ticket.digest(), grant.clone());
        Ok(ticket)
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        Ok(self.held.borrow_mut().take(ticket.digest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::{CLAIMS_MAX, Claims, Subject};
    use futures_util::FutureExt;

    fn grant(issued_at: u64, expires_at: u64) -> Grant {
        Grant {
            ticket_id: TicketId::random().unwrap(),
            subject: Subject::try_from("alice".to_owned()).unwrap(),
            room: None,
            claims: Claims::default(),
            origin: None,
            bond: None,
            issued_at: Millis(issued_at),
            expires_at: Millis(expires_at),
            shard: None,
        }
    }

    fn issue(store: &Memory, grant: &Grant) -> Result<Ticket, StoreError> {
        store.issue(grant, None).now_or_never().unwrap()
    }

    fn store(capacity: usize) -> Memory {
        Memory { capacity, ..Memory::new(Home::parse("m").unwrap()) }
    }

    fn consume(store: &Memory, ticket: &Ticket) -> Consumed {
        store.consume(ticket, Attempt::random().unwrap()).now_or_never().unwrap().unwrap()
    }

    #[test]
    fn expired_tickets_are_let_go_used_or_not() {
        let store = store(10);
        let used = issue(&store, &grant(0, 1_000)).unwrap();
        consume(&store, &used);
        issue(&store, &grant(0, 1_000)).unwrap();
        issue(&store, &grant(0, 3_000)).unwrap();
        issue(&store, &grant(1_000, 2_000)).unwrap();
        let held = store.held.borrow();
        assert_eq!((held.grants.len(), held.used.len(), held.by_expiry.len()), (2, 0, 2));
    }

    #[test]
    fn of_a_used_ticket_only_the_public_id_is_left() {
        let store = store(10);
        let grant = grant(0, 1_000);
        let ticket = issue(&store, &grant).unwrap();
        assert_eq!(consume(&store, &ticket), Consumed::Granted(grant.clone()));
        assert_eq!(consume(&store, &ticket), Consumed::Used(grant.ticket_id));
        assert!(store.held.borrow().grants.is_empty());
    }

    #[test]
    fn full_is_an_outage_until_something_expires() {
        let store = store(1);
        issue(&store, &grant(0, 1_000)).unwrap();
        let full = StoreError::Unavailable { step: "memory.issue", cause: Cause::Full };
        assert_eq!(issue(&store, &grant(999, 2_000)).err(), Some(full));
        assert!(issue(&store, &grant(1_000, 2_000)).is_ok());
    }

    #[test]
    fn claims_are_bounded_as_a_whole() {
        let store = store(CAPACITY);
        let claims = serde_json::Map::from_iter([("a".to_owned(), "x".repeat(CLAIMS_MAX - 8).into())]);
        let grant = Grant { claims: Claims::try_from(claims).unwrap(), ..grant(0, 1_000) };
        let tickets: Vec<_> = (0..CLAIMS_CAPACITY / CLAIMS_MAX).map(|_| issue(&store, &grant).unwrap()).collect();
        assert!(issue(&store, &grant).is_err());
        consume(&store, &tickets[0]);
        assert!(issue(&store, &grant).is_ok());
        assert!(issue(&store, &grant).is_err());
        assert!(issue(&store, &Grant { issued_at: Millis(1_000), expires_at: Millis(2_000), ..grant.clone() }).is_ok());
        assert_eq!(store.held.borrow().claims_size, CLAIMS_MAX);
    }
}
