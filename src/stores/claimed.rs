//! A ledger in front of a store that can't elect a winner: the store keeps the grant, the ledger the claim on it.
//!
//! `Claimed<Kv>` is `SingleUse` because the ledger has one step that marks and answers. The grant is read first, so that
//! unknown tickets cost no claim and an outage of the store burns nothing.

use std::fmt;

use async_trait::async_trait;
use uuid::Uuid;

use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::{Region, Shard};
use ws_ticket_core::store::{Attempt, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::ticket::Ticket;

/// One attempt's bid for one ticket: what is claimed, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Bid<'a> {
    /// The shard that decides, always the same for a ticket.
    pub shard: Shard,
    /// By whom.
    pub attempt: Attempt,
    /// What is claimed. The ledger must remember it until it expires.
    pub grant: &'a Grant,
}

impl Bid<'_> {
    /// The ticket as the ledger writes it down.
    pub fn ticket(&self) -> Uuid {
        self.grant.ticket_id.uuid()
    }
}

/// The ledger's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The claim stands: this attempt has the ticket, now and whenever it asks again.
    Won,
    /// Another attempt has it.
    Lost,
    /// What the ticket would open was ended. The claim stands, for nothing.
    Ended,
    /// The ticket expired so long ago that the ledger may have forgotten who had it.
    TooLate,
    /// The ledger is of another version, or holds what a newer one wrote: it can't tell who has the ticket.
    NotUnderstood,
}

/// Elects one claim for each ticket.
#[async_trait(?Send)]
pub trait Ledger: fmt::Display {
    /// The shard for a new ticket, near the caller where there is a choice.
    fn pick(&self, grant: &Grant, near: Option<Region>) -> Shard;

    /// Decides, and remembers the decision until the ticket has expired. The same attempt always gets the same verdict, so
    /// a ledger may ask again, by itself, after a reply was lost.
    async fn claim(&self, bid: &Bid<'_>) -> Result<Verdict, StoreError>;

    /// As [`TicketStore::end`], of the tickets that it elects for.
    async fn end(&self, end: &End) -> Result<Known, StoreError>;
}

/// A store with a ledger in front.
pub struct Claimed<S, L> {
    store: S,
    ledger: L,
}

impl<S: TicketStore, L: Ledger> Claimed<S, L> {
    /// `store`'s grants, handed out once by `ledger`.
    pub fn new(store: S, ledger: L) -> Self {
        Self { store, ledger }
    }
}

impl<S: TicketStore, L: Ledger> fmt::Display for Claimed<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.store, self.ledger)
    }
}

#[async_trait(?Send)]
impl<S: TicketStore, L: Ledger> TicketStore for Claimed<S, L> {
    fn guarantee(&self) -> Guarantee {
        Guarantee::SingleUse
    }

    fn reach(&self) -> Reach {
        self.store.reach()
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        self.store.is_home_of(ticket)
    }

    async fn issue(&self, grant: &Grant, near: Option<Region>) -> Result<Ticket, StoreError> {
        let grant = Grant { shard: Some(self.ledger.pick(grant, near)), ..grant.clone() };
        self.store.issue(&grant, near).await
    }

    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        self.ledger.end(end).await
    }

    async fn consume(&self, ticket: &Ticket, attempt: Attempt) -> Result<Consumed, StoreError> {
        let grant = match self.store.consume(ticket, attempt).await? {
            Consumed::Granted(grant) => grant,
            refused => return Ok(refused),
        };
        // A grant of the time before there was a ledger names no shard. It must not be admitted unclaimed, and the same
        // shard must decide for all who present it.
        let shard = grant.shard.unwrap_or(Shard { number: 0, region: None });
        let bid = Bid { shard, attempt, grant: &grant };
        Ok(match self.ledger.claim(&bid).await? {
            Verdict::Ended => Consumed::Ended(grant.ticket_id),
            Verdict::Won => Consumed::Granted(grant),
            Verdict::Lost => Consumed::Used { ticket_id: grant.ticket_id, place: Some(grant.place()) },
            Verdict::TooLate => Consumed::TooLate(grant.ticket_id),
            Verdict::NotUnderstood => Consumed::NotUnderstood(Some(grant.ticket_id)),
        })
    }
}
