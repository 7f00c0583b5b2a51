//! Grants in the tickets themselves, encrypted: to issue one nothing is stored, and any region can open it at once.
//!
//! Nothing elects a winner here, and nothing would ever stop a second use: a sealed ticket can be copied, and stays what it is. So
//! this store stands behind a ledger always ([`super::claimed`]), whose claim is all that a ticket costs. Whoever has the key can make
//! a ticket for anybody.

use std::fmt;

use async_trait::async_trait;

use ws_ticket_core::grant::{Grant, Unreadable};
use ws_ticket_core::region::Region;
use ws_ticket_core::store::{Attempt, Cause, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::ticket::{NotSealed, SealKeys, Ticket};
use ws_ticket_core::time::Millis;

/// The store.
pub struct Sealed {
    keys: SealKeys,
    clock: fn() -> Millis,
}

impl Sealed {
    /// With these keys, the one that seals first. `clock` is the gate's own.
    pub fn new(keys: SealKeys, clock: fn() -> Millis) -> Self {
        Self { keys, clock }
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sealed")
    }
}

#[async_trait(?Send)]
impl TicketStore for Sealed {
    fn guarantee(&self) -> Guarantee {
        Guarantee::BestEffort
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        ticket.is_sealed()
    }

    async fn issue(&self, grant: &Grant, _: Option<Region>) -> Result<Ticket, StoreError> {
        const STEP: &str = "sealed.issue";
        let content = grant.pack().map_err(|_| StoreError::Corrupt { step: STEP })?;
        self.keys.seal(&content).map_err(|why| match why {
            NotSealed::TooLarge => StoreError::TooLarge { step: STEP },
            NotSealed::NoRandomness => StoreError::Unavailable { step: STEP, cause: Cause::NoRandomness },
            // The configuration has seen to it that there is one.
            NotSealed::NoKey => StoreError::Unavailable { step: STEP, cause: Cause::Failed },
        })
    }

    /// Nothing is kept of its tickets: what ends them is the ledger before it.
    async fn end(&self, _: &End) -> Result<Known, StoreError> {
        Ok(Known::default())
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        if !self.is_home_of(ticket) {
            return Ok(Consumed::Unknown);
        }
        let Some(content) = self.keys.open(ticket) else { return Ok(Consumed::Forged) };
        match Grant::unpack(&content) {
            // It can be presented for ever. The gate would refuse it too, by the same clock, after a claim that costs a call.
            Ok(grant) if (self.clock)() >= grant.expires_at => Ok(Consumed::TooLate(grant.ticket_id)),
            Ok(grant) => Ok(Consumed::Granted(grant)),
            Err(Unreadable::Newer(ticket_id)) => Ok(Consumed::NotUnderstood(ticket_id)),
            Err(Unreadable::Corrupt) => Err(StoreError::Corrupt { step: "sealed.open" }),
        }
    }
}

#[cfg(test)]
mod tests;
