//! Several stores, the next where one fails, with a fresh ticket at each step.
//!
//! A write that failed may have happened, so the next store gets a ticket of its own: a ticket exists in one store only.
//! The ticket names its home, and consuming looks there alone: home down is "no answer", whatever other stores are up. So a
//! list promises what its weakest store does.

use std::cell::Cell;
use std::fmt;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::rest::{LONGEST_MS, left_ms, length_ms};
use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::Region;
use ws_ticket_core::store::{Attempt, Cause, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::telemetry::{Event, Sink};
use ws_ticket_core::ticket::{Ticket, TicketId};
use ws_ticket_core::time::Millis;

/// Stores that issue, the first choice first, and others that only consume what they issued before.
pub struct Fallback {
    issuing: Vec<Member>,
    consuming: Vec<Box<dyn TicketStore>>,
    /// The place of the store that issued last.
    place: Cell<usize>,
    clock: fn() -> Millis,
    sink: Sink,
}

struct Member {
    store: Box<dyn TicketStore>,
    rest: Rest,
}

/// Whether a store that failed is left alone, and until when.
#[derive(Default)]
struct Rest {
    failures: Cell<u32>,
    until: Cell<Millis>,
}

impl Rest {
    fn is_on(&self, now: Millis) -> bool {
        left_ms(self.until.get(), now, LONGEST_MS) > 0
    }

    /// The store has failed, and rests from now on: from the moment of the failure, and not of the request, which may have come
    /// long before. While it rests, requests that were under way may fail too: they tell nothing new, and change nothing.
    fn failed(&self, now: Millis) {
        if self.is_on(now) {
            return;
        }
        self.until.set(Millis(now.0.saturating_add(length_ms(self.failures.get()))));
        self.failures.set(self.failures.get().saturating_add(1));
    }

    fn succeeded(&self) {
        self.failures.set(0);
        self.until.set(Millis(0));
    }
}

impl Fallback {
    /// Issues in the first of `issuing` that can, and consumes in all.
    pub fn new(
        issuing: Vec<Box<dyn TicketStore>>,
        consuming: Vec<Box<dyn TicketStore>>,
        clock: fn() -> Millis,
        sink: Sink,
    ) -> Self {
        let issuing = issuing.into_iter().map(|store| Member { store, rest: Rest::default() }).collect();
        Self { issuing, consuming, place: Cell::default(), clock, sink }
    }

    /// Tells when another store issues than before. Who is told of each ticket soon listens to none.
    fn issued_at(&self, place: usize, store: &dyn TicketStore, ticket_id: TicketId) {
        if self.place.replace(place) == place {
            return;
        }
        let store = &store.to_string();
        (self.sink)(&match place {
            0 => Event::Recovered { ticket_id, store },
            _ => Event::FellBack { ticket_id, store },
        });
    }

    fn all(&self) -> impl Iterator<Item = &dyn TicketStore> {
        self.issuing.iter().map(|member| &member.store).chain(&self.consuming).map(AsRef::as_ref)
    }
}

/// `fallback(kv+ledger, memory)`; a single issuing store by its own name.
impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.issuing.iter().map(|member| member.store.to_string()).collect();
        match names.as_slice() {
            [one] => f.write_str(one),
            names => write!(f, "fallback({})", names.join(", ")),
        }
    }
}

#[async_trait(?Send)]
impl TicketStore for Fallback {
    fn guarantee(&self) -> Guarantee {
        // Of those too that only consume: their tickets are still out.
        let single = self.all().all(|store| store.guarantee() == Guarantee::SingleUse);
        if single { Guarantee::SingleUse } else { Guarantee::BestEffort }
    }

    fn reach(&self) -> Reach {
        let global = self.issuing.iter().all(|member| member.store.reach() == Reach::Global);
        if global { Reach::Global } else { Reach::Isolate }
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        self.all().any(|store| store.is_home_of(ticket))
    }

    async fn issue(&self, grant: &Grant, near: Option<Region>) -> Result<Ticket, StoreError> {
        let now = (self.clock)();
        let (awake, resting): (Vec<_>, Vec<_>) =
            self.issuing.iter().enumerate().partition(|(_, member)| !member.rest.is_on(now));
        let mut refusal = None;
        let mut fits = true;
        // Those that rest come last, not never: a store that may be back beats none.
        for (place, member) in awake.into_iter().chain(resting) {
            match member.store.issue(grant, near).await {
                Ok(ticket) => {
                    member.rest.succeeded();
                    // That a grant is too large for a store tells nothing of the store.
                    if fits {
                        self.issued_at(place, member.store.as_ref(), grant.ticket_id);
                    }
                    return Ok(ticket);
                }
                Err(failure @ StoreError::Unavailable { cause, .. }) => {
                    // One that rests by itself was not asked.
                    if !matches!(cause, Cause::Resting { .. }) {
                        member.rest.failed((self.clock)());
                    }
                    // Of all answers the one that may be another next time.
                    refusal = Some(failure);
                }
                Err(too_large @ StoreError::TooLarge { .. }) => {
                    fits = false;
                    refusal.get_or_insert(too_large);
                }
                Err(corrupt @ StoreError::Corrupt { .. }) => return Err(corrupt),
            }
        }
        Err(refusal.unwrap_or(StoreError::Unavailable { step: "fallback.issue", cause: Cause::Failed }))
    }

    /// In all of them, at the same time: the tickets of each are out.
    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        let ended = join_all(self.all().map(|store| store.end(end))).await;
        let mut known = Known::default();
        for ended in ended {
            known = known.and(ended?);
        }
        Ok(known)
    }

    async fn consume(&self, ticket: &Ticket, attempt: Attempt) -> Result<Consumed, StoreError> {
        match self.all().find(|store| store.is_home_of(ticket)) {
            Some(home) => home.consume(ticket, attempt).await,
            None => Ok(Consumed::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_failed_rests_longer_and_longer() {
        let rest = Rest::default();
        assert!(!rest.is_on(Millis(0)));
        let mut now = Millis(1_000_000);
        for length in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            rest.failed(now);
            // Another one that was asked before.
            rest.failed(Millis(now.0 + 1));
            assert!(rest.is_on(Millis(now.0 + length - 1)) && !rest.is_on(Millis(now.0 + length)), "{length}");
            now = Millis(now.0 + length);
        }
        rest.failed(now);
        rest.succeeded();
        assert!(!rest.is_on(now));
        rest.failed(now);
        assert!(!rest.is_on(Millis(now.0 + 1_000)));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_rest_longer() {
        let rest = Rest::default();
        let (now, earlier) = (Millis(10_000_000), Millis(6_400_000));
        rest.failed(now);
        assert!(rest.is_on(now) && !rest.is_on(earlier));
        // It rests by the clock that there is now.
        rest.failed(earlier);
        assert!(rest.is_on(earlier) && !rest.is_on(Millis(earlier.0 + 2_000)));
    }
}
