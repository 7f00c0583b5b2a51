//! Stores and ledgers that are left alone while they hang: what [`Rests`] means for each of the two.
//!
//! Each thing that can hang for itself rests for itself. A ticket's home names it: the one server of `redis`, or one of many
//! shards, so that a shard that hangs leaves the tickets of all others alone.

use std::fmt;

use async_trait::async_trait;

use super::claimed::{Bid, Ledger, Verdict};
use super::rest::Rests;
use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::{Region, Shard};
use ws_ticket_core::store::{Attempt, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::ticket::Ticket;

/// A store that rests.
pub struct Resting<S> {
    store: S,
    issues_at: &'static str,
    rests: Rests,
}

impl<S: TicketStore> Resting<S> {
    /// `issues_at` is what hangs when issuing does: the home of the store's tickets where one server does both, so that either
    /// tells of the other; else a name that no home has.
    pub fn new(store: S, issues_at: &'static str, rests: Rests) -> Self {
        Self { store, issues_at, rests }
    }
}

/// As what it wraps.
impl<S: TicketStore> fmt::Display for Resting<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait(?Send)]
impl<S: TicketStore> TicketStore for Resting<S> {
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
        self.rests.ask(self.issues_at, self.store.issue(grant, near)).await
    }

    /// Asked whether it rests or not: who ends something wants it ended.
    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        self.store.end(end).await
    }

    async fn consume(&self, ticket: &Ticket, attempt: Attempt) -> Result<Consumed, StoreError> {
        if !self.is_home_of(ticket) {
            return Ok(Consumed::Unknown);
        }
        self.rests.ask(ticket.home().as_str(), self.store.consume(ticket, attempt)).await
    }
}

/// A ledger that rests, each shard for itself. The grant was only read before: a claim that isn't made burns nothing.
pub struct RestingLedger<L> {
    ledger: L,
    rests: Rests,
}

impl<L: Ledger> RestingLedger<L> {
    /// The ledger with its rests.
    pub fn new(ledger: L, rests: Rests) -> Self {
        Self { ledger, rests }
    }
}

/// As what it wraps.
impl<L: Ledger> fmt::Display for RestingLedger<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ledger.fmt(f)
    }
}

#[async_trait(?Send)]
impl<L: Ledger> Ledger for RestingLedger<L> {
    fn pick(&self, grant: &Grant, near: Option<Region>) -> Shard {
        self.ledger.pick(grant, near)
    }

    async fn claim(&self, bid: &Bid<'_>) -> Result<Verdict, StoreError> {
        self.rests.ask(&bid.shard.to_string(), self.ledger.claim(bid)).await
    }

    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        self.ledger.end(end).await
    }
}
