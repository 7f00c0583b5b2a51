//! The ledger that is kept in Durable Objects.

use std::fmt;

use async_trait::async_trait;

use super::claimed::{Bid, Ledger, Verdict};
use crate::objects::shards::Shards;
use crate::objects::{ENDED, GIVEN, TAKEN, TOO_LATE, UNKNOWN};
use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::{Region, Shard};
use ws_ticket_core::store::{Cause, End, Known, StoreError};

/// A claim is an `INSERT … ON CONFLICT DO NOTHING RETURNING` in the shard that the grant names.
pub struct ShardLedger(pub Shards);

impl fmt::Display for ShardLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ledger")
    }
}

#[async_trait(?Send)]
impl Ledger for ShardLedger {
    fn pick(&self, grant: &Grant, near: Option<Region>) -> Shard {
        self.0.pick(grant, near)
    }

    async fn end(&self, end: &End) -> Result<Known, StoreError> {
        self.0.end(end).await
    }

    async fn claim(&self, bid: &Bid<'_>) -> Result<Verdict, StoreError> {
        match self.0.claim(bid.shard, bid.grant, bid.attempt).await? {
            GIVEN => Ok(Verdict::Won),
            ENDED => Ok(Verdict::Ended),
            TAKEN => Ok(Verdict::Lost),
            TOO_LATE => Ok(Verdict::TooLate),
            // No answer to this.
            UNKNOWN => Err(StoreError::Unavailable { step: "shard.claim", cause: Cause::Failed }),
            _ => Ok(Verdict::NotUnderstood),
        }
    }
}
