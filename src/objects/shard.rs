//! One shard: a Durable Object that remembers who has which ticket.
//!
//! The step that elects the winner is one statement inside one event of one object: `INSERT … ON CONFLICT DO NOTHING
//! RETURNING` for a claim, `UPDATE … WHERE attempt IS NULL OR attempt = ? RETURNING` for a grant that is kept here. It is
//! written, never only remembered: an object's memory is lost when it hibernates, is evicted or redeployed. Its answer leaves
//! only after the write is durable
//! (<https://developers.cloudflare.com/durable-objects/reference/in-memory-state/>, "output gates"). `tables.rs` has the
//! statements.

mod buckets;
mod tables;

use std::cell::Cell;
use std::time::Duration;

use uuid::Uuid;
use worker::{Date, DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

use super::asks::{Ask, GIVEN, NOT_UNDERSTOOD, TAKEN, TOO_LATE, UNKNOWN};
use buckets::{forgotten_at, table_ends_at};
use tables::{Elected, Tables};
use ws_ticket_core::time::Millis;

/// One shard.
#[durable_object(alarm)]
pub struct TicketShard {
    state: State,
    tables: Tables,
    /// Whether this instance has seen to it that an alarm is set. The last one may have ended before it could.
    alarm_seen_to: Cell<bool>,
}

impl DurableObject for TicketShard {
    fn new(state: State, _: Env) -> Self {
        let tables = Tables::new(state.storage().sql());
        Self { state, tables, alarm_seen_to: Cell::default() }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match Ask::parse(&request.path()) {
            Some(Ask::Put { key, expires_at }) => {
                let grant = request.text().await?;
                self.put(key, expires_at, grant).await
            }
            Some(Ask::Take { key, attempt }) => self.take(&key, attempt),
            Some(Ask::Claim { key, attempt, expires_at }) => self.claim(key, attempt, expires_at).await,
            None => status(NOT_UNDERSTOOD),
        }
    }

    /// Drops the tables whose tickets may all be forgotten, and comes again when the next may be.
    async fn alarm(&self) -> Result<Response> {
        let now = Date::now().as_millis();
        if let Some(end) = self.tables.drop_forgotten(now)? {
            self.wake_up_in(end.saturating_sub(now)).await?;
        }
        status(GIVEN)
    }
}

impl TicketShard {
    async fn put(&self, key: Vec<u8>, expires_at: Millis, grant: String) -> Result<Response> {
        let is_new = self.make_table(expires_at)?;
        self.tables.put(key, expires_at, grant)?;
        self.wake_up_for(is_new, expires_at).await?;
        status(GIVEN)
    }

    fn take(&self, key: &[u8], attempt: Uuid) -> Result<Response> {
        match self.tables.take(key, attempt)? {
            Elected::Won(record) => Ok(Response::ok(record)?.with_status(GIVEN)),
            Elected::Lost(record) => Ok(Response::ok(record)?.with_status(TAKEN)),
            Elected::Missing => status(UNKNOWN),
            Elected::NotUnderstood => status(NOT_UNDERSTOOD),
        }
    }

    async fn claim(&self, key: Vec<u8>, attempt: Uuid, expires_at: Millis) -> Result<Response> {
        if forgotten_at(expires_at) <= Date::now().as_millis() {
            return status(TOO_LATE);
        }
        let is_new = self.make_table(expires_at)?;
        let elected = self.tables.claim(key, attempt, expires_at)?;
        // Nothing was awaited up to here: one event, one election.
        self.wake_up_for(is_new, expires_at).await?;
        status(match elected {
            Elected::Won(()) => GIVEN,
            Elected::Lost(()) => TAKEN,
            Elected::Missing | Elected::NotUnderstood => NOT_UNDERSTOOD,
        })
    }

    /// Makes the table where there is none; whether it did.
    fn make_table(&self, expires_at: Millis) -> Result<bool> {
        let is_new = self.tables.make(expires_at)?;
        if is_new {
            // Until an alarm is set for it, by this event or, should that fail, by the next.
            self.alarm_seen_to.set(false);
        }
        Ok(is_new)
    }

    /// Makes sure that the alarm comes for a new table, at the latest when it is of no more use.
    async fn wake_up_for(&self, is_new: bool, expires_at: Millis) -> Result<()> {
        if !is_new && self.alarm_seen_to.get() {
            return Ok(());
        }
        let end = table_ends_at(expires_at);
        let alarm = self.state.storage().get_alarm().await?.and_then(|at| u64::try_from(at).ok());
        if alarm.is_none_or(|at| at > end) {
            self.wake_up_in(end.saturating_sub(Date::now().as_millis())).await?;
        }
        self.alarm_seen_to.set(true);
        Ok(())
    }

    async fn wake_up_in(&self, ms: u64) -> Result<()> {
        self.state.storage().set_alarm(Duration::from_millis(ms)).await
    }
}

fn status(code: u16) -> Result<Response> {
    Ok(Response::empty()?.with_status(code))
}
