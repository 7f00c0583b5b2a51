//! Grants in Durable Objects: one trip to issue, one to consume, and the strongest consistency there is.
//!
//! `SingleUse`: the step that elects the winner is `UPDATE … WHERE attempt IS NULL RETURNING` inside one event of one object.
//! It marks instead of deleting, for the same one row written: a lost reply can then be asked for again, and a second use is
//! told as what it is. The ticket names its shard, which whoever issued it picked near the user.

use std::fmt;

use async_trait::async_trait;

use super::shard::{GIVEN, Shards, TAKEN, UNKNOWN};
use crate::grant::Grant;
use crate::region::{Region, Shard};
use crate::store::{Attempt, Cause, Consumed, Guarantee, Reach, StoreError, TicketStore};
use crate::ticket::{Home, Ticket};

/// The store.
pub struct Durable {
    tag: &'static str,
    shards: Shards,
}

impl Durable {
    /// Tickets' homes are `tag` and the shard: `d3weur`.
    pub fn new(tag: &'static str, shards: Shards) -> Self {
        Self { tag, shards }
    }

    /// The shard that the ticket names.
    fn shard_of(&self, ticket: &Ticket) -> Option<Shard> {
        ticket.home().as_str().strip_prefix(self.tag)?.parse().ok()
    }
}

impl fmt::Display for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("durable")
    }
}

#[async_trait(?Send)]
impl TicketStore for Durable {
    fn guarantee(&self) -> Guarantee {
        Guarantee::SingleUse
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        self.shard_of(ticket).is_some()
    }

    async fn issue(&self, grant: &Grant, near: Option<Region>) -> Result<Ticket, StoreError> {
        const CORRUPT: StoreError = StoreError::Corrupt { step: "shard.put" };
        let shard = self.shards.pick(near)?;
        let home = Home::parse(&format!("{}{shard}", self.tag)).map_err(|_| CORRUPT)?;
        let ticket = Ticket::mint(home)?;
        let record = grant.to_json().map_err(|_| CORRUPT)?;
        self.shards.put(shard, ticket.digest(), grant.expires_at, &record).await?;
        Ok(ticket)
    }

    async fn consume(&self, ticket: &Ticket, attempt: Attempt) -> Result<Consumed, StoreError> {
        let Some(shard) = self.shard_of(ticket) else { return Ok(Consumed::Unknown) };
        let answer = self.shards.take(shard, ticket.digest(), attempt).await?;
        let grant = || Grant::from_json(&answer.body).map_err(|_| StoreError::Corrupt { step: "shard.take" });
        match answer.status {
            GIVEN => Ok(Consumed::Granted(grant()?)),
            TAKEN => Ok(Consumed::Used(grant()?.ticket_id)),
            UNKNOWN => Ok(Consumed::Unknown),
            _ => Err(StoreError::Unavailable { step: "shard.take", cause: Cause::Failed }),
        }
    }
}
