//! The ledger that is kept in Durable Objects.

use std::fmt;

use async_trait::async_trait;

use super::claimed::{Bid, Ledger, Verdict};
use crate::objects::shards::Shards;
use crate::objects::{GIVEN, TAKEN, TOO_LATE, UNKNOWN};
use ws_ticket_core::region::{Region, Shard};
use ws_ticket_core::store::{Cause, StoreError};
use ws_ticket_core::ticket::NoRandomness;

/// A claim is an `INSERT … ON CONFLICT DO NOTHING RETURNING` in the shard that the grant names.
pub struct ShardLedger(pub Shards);

impl fmt::Display for ShardLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ledger")
    }
}

#[async_trait(?Send)]
impl Ledger for ShardLedger {
    fn pick(&self, near: Option<Region>) -> Result<Shard, NoRandomness> {
        self.0.pick(near)
    }

    async fn claim(&self, bid: &Bid) -> Result<Verdict, StoreError> {
        let answer = self.0.claim(bid.shard, bid.ticket(), bid.attempt, bid.expires_at).await?;
        match answer.status {
            GIVEN => Ok(Verdict::Won),
            TAKEN => Ok(Verdict::Lost),
            TOO_LATE => Ok(Verdict::TooLate),
            // No answer to this.
            UNKNOWN => Err(StoreError::Unavailable { step: "shard.claim", cause: Cause::Failed }),
            _ => Ok(Verdict::NotUnderstood),
        }
    }
}
