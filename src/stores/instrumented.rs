//! A store that is watched: what it was asked, what came of it, and how long it took.

use std::fmt;
use std::rc::Rc;

use async_trait::async_trait;

use super::condition::Condition;
use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::Region;
use ws_ticket_core::store::{Attempt, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::telemetry::{Event, Operation, Outcome, Sink};
use ws_ticket_core::ticket::Ticket;
use ws_ticket_core::time::Millis;

/// From when on an operation is slow, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// For issuing.
    pub write_ms: u64,
    /// For consuming.
    pub read_ms: u64,
}

/// The store, watched.
pub struct Instrumented<S> {
    store: S,
    condition: Rc<Condition>,
    thresholds: Thresholds,
    clock: fn() -> Millis,
    sink: Sink,
}

impl<S: TicketStore> Instrumented<S> {
    /// Tells `sink` of every operation, by `clock`, and notes in `condition` how it ended.
    pub fn new(store: S, condition: Rc<Condition>, thresholds: Thresholds, clock: fn() -> Millis, sink: Sink) -> Self {
        Self { store, condition, thresholds, clock, sink }
    }

    fn tell(&self, operation: Operation, outcome: Outcome, began: Millis) {
        let now = (self.clock)();
        let ms = now.since(began);
        let failure = if let Outcome::Failed(error) = &outcome { error.cause() } else { None };
        // An end asks more than issuing and consuming do: what becomes of it says nothing of those.
        if operation != Operation::End {
            self.condition.note(operation, failure, now);
        }
        let limit = match operation {
            Operation::Issue | Operation::End => self.thresholds.write_ms,
            Operation::Consume => self.thresholds.read_ms,
        };
        (self.sink)(&Event::Store { store: &self.store.to_string(), operation, outcome, ms, slow: ms > limit });
    }
}

/// As what it watches.
impl<S: TicketStore> fmt::Display for Instrumented<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait(?Send)]
impl<S: TicketStore> TicketStore for Instrumented<S> {
    fn guarantee(&self) -> Guarantee {
        self.store.guarantee()
    }

    fn reach(&self) -> Reach {
        self.store.reach()
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        self.store.is_home_of(ticket)
    }

    async fn issue(&self, grant: &Grant, near: Option<Region>) -> Result<Ticket, StoreError> {
        let began = (self.clock)();
        let answer = self.store.issue(grant, near).await;
        let outcome = match &answer {
            Ok(_) => Outcome::Issued,
            Err(StoreError::TooLarge { .. }) => Outcome::TooLarge,
            Err(error) => Outcome::Failed(*error),
        };
        self.tell(Operation::Issue, outcome, began);
        answer
    }

    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        let began = (self.clock)();
        let answer = self.store.end(end).await;
        let outcome = answer.as_ref().err().map_or(Outcome::Ended, |error| Outcome::Failed(*error));
        self.tell(Operation::End, outcome, began);
        answer
    }

    async fn consume(&self, ticket: &Ticket, attempt: Attempt) -> Result<Consumed, StoreError> {
        let began = (self.clock)();
        let answer = self.store.consume(ticket, attempt).await;
        let outcome = match &answer {
            Ok(Consumed::Granted(_)) => Outcome::Granted,
            Ok(Consumed::Used { .. }) => Outcome::Used,
            Ok(Consumed::Ended(_)) => Outcome::Ended,
            Ok(Consumed::TooLate(_)) => Outcome::TooLate,
            Ok(Consumed::NotUnderstood(_)) => Outcome::NotUnderstood,
            Ok(Consumed::Forged) => Outcome::Forged,
            Ok(Consumed::Unknown) => Outcome::Unknown,
            Err(error) => Outcome::Failed(*error),
        };
        self.tell(Operation::Consume, outcome, began);
        answer
    }
}
