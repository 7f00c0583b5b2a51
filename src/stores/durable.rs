//! Grants in Durable Objects: one trip to issue, one to consume, and the strongest consistency there is.
//!
//! `SingleUse`: the step that elects the winner is `UPDATE … WHERE attempt IS NULL OR attempt = ? RETURNING` inside one event of
//! one object. It marks instead of deleting, for the same one row written: a lost reply can then be asked for again, and a second use is
//! told as what it is. The ticket names its shard, which whoever issued it picked near the user.

use std::fmt;

use async_trait::async_trait;

use crate::objects::shards::Shards;
use crate::objects::{ENDED, GIVEN, GIVEN_AND_NOTED, TAKEN, TOO_LATE, UNKNOWN};
use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::{Region, Shard};
use ws_ticket_core::store::{Attempt, Cause, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::ticket::{Home, Ticket};

/// The store.
pub struct Durable {
    tag: &'static str,
    shards: Shards,
    asked_below: u16,
}

impl Durable {
    /// Tickets' homes are `tag` and the shard: `d3weur`. A ticket that names a shard of the number `asked_below` or more is
    /// nobody's: whoever makes tickets up must not wake objects that no ticket was ever issued from.
    pub fn new(tag: &'static str, shards: Shards, asked_below: u16) -> Self {
        Self { tag, shards, asked_below }
    }

    /// The shard that the ticket names.
    fn shard_of(&self, ticket: &Ticket) -> Option<Shard> {
        let shard: Shard = ticket.home().as_str().strip_prefix(self.tag)?.parse().ok()?;
        (shard.number < self.asked_below).then_some(shard)
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
        let shard = self.shards.pick(grant, near);
        let home = Home::parse(&format!("{}{shard}", self.tag)).map_err(|_| CORRUPT)?;
        let ticket = Ticket::mint(home)?;
        let record = grant.to_json().map_err(|_| CORRUPT)?;
        self.shards.put(shard, &ticket.digest(), grant.expires_at, &record).await?;
        Ok(ticket)
    }

    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        self.shards.end(end).await
    }

    async fn consume(&self, ticket: &Ticket, attempt: Attempt) -> Result<Consumed, StoreError> {
        const STEP: &str = "shard.take";
        let Some(shard) = self.shard_of(ticket) else { return Ok(Consumed::Unknown) };
        let answer = self.shards.take(shard, &ticket.digest(), attempt).await?;
        match answer.status {
            GIVEN | GIVEN_AND_NOTED | ENDED | TAKEN => match Consumed::of_record(&answer.record, STEP)? {
                Consumed::Granted(grant) => Ok(match self.shards.settle(shard, &grant, answer.status).await? {
                    GIVEN => Consumed::Granted(grant),
                    ENDED => Consumed::Ended(grant.ticket_id),
                    TAKEN => Consumed::Used { ticket_id: grant.ticket_id, place: Some(grant.place()) },
                    _ => Consumed::NotUnderstood(Some(grant.ticket_id)),
                }),
                refused => Ok(refused),
            },
            UNKNOWN => Ok(Consumed::Unknown),
            // No answer to this.
            TOO_LATE => Err(StoreError::Unavailable { step: STEP, cause: Cause::Failed }),
            _ => Ok(Consumed::NotUnderstood(None)),
        }
    }
}
