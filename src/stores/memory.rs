//! Tickets in the memory of one isolate: for development, and the last resort when nothing else is bound.
//!
//! `SingleUse`: the step that elects the winner is `HashMap::remove`, and an isolate runs one thing at a time. Its reach is
//! that isolate: Cloudflare runs many of them and ends them at will, and every ticket in one goes with it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use async_trait::async_trait;

use crate::grant::{Grant, Millis};
use crate::store::{Attempt, Cause, Consumed, Guarantee, Reach, StoreError, TicketStore};
use crate::ticket::{Digest, Home, Ticket};

/// How many tickets it holds at most. A grant takes well under 1 KiB, an isolate has 128 MB for everything
/// (<https://developers.cloudflare.com/workers/platform/limits/#memory>).
const CAPACITY: usize = 50_000;

/// The store.
pub struct Memory {
    home: Home,
    capacity: usize,
    held: RefCell<Held>,
}

#[derive(Default)]
struct Held {
    grants: HashMap<Digest, Grant>,
    /// The same tickets, the next to expire first.
    by_expiry: BTreeSet<(Millis, Digest)>,
}

impl Held {
    fn remove(&mut self, digest: &Digest) -> Option<Grant> {
        let grant = self.grants.remove(digest)?;
        self.by_expiry.remove(&(grant.expires_at, *digest));
        Some(grant)
    }

    fn drop_expired(&mut self, now: Millis) {
        while let Some(&(expires_at, digest)) = self.by_expiry.first() {
            if expires_at > now {
                break;
            }
            self.remove(&digest);
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

    async fn issue(&self, grant: &Grant) -> Result<Ticket, StoreError> {
        let mut held = self.held.borrow_mut();
        held.drop_expired(grant.issued_at);
        if held.grants.len() >= self.capacity {
            return Err(StoreError::Unavailable { step: "memory.issue", cause: Cause::Full });
        }
        let ticket = Ticket::mint(self.home.clone())?;
        held.by_expiry.insert((grant.expires_at, *ticket.digest()));
        held.grants.insert(*ticket.digest(), grant.clone());
        Ok(ticket)
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        let grant = self.held.borrow_mut().remove(ticket.digest());
        Ok(grant.map_or(Consumed::Unknown, Consumed::Granted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Subject;
    use crate::ticket::TicketId;
    use futures_util::FutureExt;

    fn grant(issued_at: u64, expires_at: u64) -> Grant {
        Grant {
            ticket_id: TicketId::random().unwrap(),
            subject: Subject::try_from("alice".to_owned()).unwrap(),
            room: None,
            issued_at: Millis(issued_at),
            expires_at: Millis(expires_at),
            shard: None,
        }
    }

    fn issue(store: &Memory, grant: &Grant) -> Result<Ticket, StoreError> {
        store.issue(grant).now_or_never().unwrap()
    }

    fn store(capacity: usize) -> Memory {
        Memory { capacity, ..Memory::new(Home::parse("m").unwrap()) }
    }

    #[test]
    fn expired_tickets_are_let_go() {
        let store = store(10);
        issue(&store, &grant(0, 1_000)).unwrap();
        issue(&store, &grant(0, 3_000)).unwrap();
        issue(&store, &grant(1_000, 2_000)).unwrap();
        assert_eq!(store.held.borrow().grants.len(), 2);
        assert_eq!(store.held.borrow().by_expiry.len(), 2);
    }

    #[test]
    fn a_consumed_ticket_leaves_nothing() {
        let store = store(10);
        let ticket = issue(&store, &grant(0, 1_000)).unwrap();
        store.consume(&ticket, Attempt::random().unwrap()).now_or_never().unwrap().unwrap();
        assert!(store.held.borrow().grants.is_empty());
        assert!(store.held.borrow().by_expiry.is_empty());
    }

    #[test]
    fn full_is_an_outage_until_something_expires() {
        let store = store(1);
        issue(&store, &grant(0, 1_000)).unwrap();
        let full = StoreError::Unavailable { step: "memory.issue", cause: Cause::Full };
        assert_eq!(issue(&store, &grant(999, 2_000)).err(), Some(full));
        assert!(issue(&store, &grant(1_000, 2_000)).is_ok());
    }
}
