//! One shard: a Durable Object that remembers who has which ticket.
//!
//! The step that elects the winner is one statement inside one event of one object: `INSERT … ON CONFLICT DO NOTHING
//! RETURNING` for a claim, `UPDATE … WHERE attempt IS NULL OR attempt = ? RETURNING` for a grant that is kept here. It is
//! written, never only remembered: an object's memory is lost when it hibernates, is evicted or redeployed. Its answer leaves
//! only after the write is durable
//! (<https://developers.cloudflare.com/durable-objects/reference/in-memory-state/>, "output gates"). `tables.rs` has the
//! statements.

mod buckets;
mod ends;
mod tables;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use uuid::Uuid;
use worker::wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{
    Date, DurableObject, Env, Method, Request, Response, ResponseBuilder, State, durable_object, wasm_bindgen,
};

use super::asks::{
    About, Ask, ENDED, GIVEN, GIVEN_AND_NOTED, NOT_UNDERSTOOD, ROOMS_MAX, TAKEN, TOO_LATE, TOO_MANY, UNKNOWN, Word,
    stay_of,
};
use crate::platform::{panics, task};
use buckets::{forgotten_at, table_ends_at};
use ends::Ends;
use tables::{Elected, StorageFailed, Tables};
use ws_ticket_core::grant::Grant;
use ws_ticket_core::ticket::Digest;
use ws_ticket_core::time::Millis;

/// One shard, as the platform has it.
#[durable_object(alarm)]
pub struct TicketShard {
    /// What is asked may go on when the call is over, so it is shared.
    shard: Rc<Shard>,
}

struct Shard {
    state: State,
    tables: Tables,
    ends: Ends,
    /// Whether this instance has seen to it that an alarm is set. The last one may have ended before it could.
    alarm_seen_to: Cell<bool>,
}

impl DurableObject for TicketShard {
    fn new(state: State, _: Env) -> Self {
        panics::tell();
        let (tables, ends) = (Tables::new(state.storage().sql()), Ends::new(state.storage().sql()));
        Self { shard: Rc::new(Shard { state, tables, ends, alarm_seen_to: Cell::default() }) }
    }

    /// For gates of version 0.1, and entries other than ours. [`Self::ask`] is the same by RPC.
    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let body = if request.method() == Method::Post { Some(request.text().await?) } else { None };
        let word = self.shard.answer(&request.path(), body).await?;
        Ok(ResponseBuilder::new().with_status(word.status).fixed(word.record.into_bytes()))
    }

    /// Drops the tables whose tickets may all be forgotten, and comes again when the next may be.
    async fn alarm(&self) -> worker::Result<Response> {
        let now = Date::now().as_millis();
        let next = [self.shard.tables.drop_forgotten(now)?, self.shard.ends.forget(now)?];
        if let Some(next) = next.into_iter().flatten().min() {
            self.shard.wake_up_in(next.saturating_sub(now)).await?;
        }
        Response::empty()
    }
}

#[wasm_bindgen]
impl TicketShard {
    /// What is asked by a path of `asks.rs`, and with a body: the word as three digits, and the record behind them. Where the
    /// storage has failed it is no shard's word.
    pub fn ask(&self, path: String, body: Option<String>) -> JsValue {
        let shard = Rc::clone(&self.shard);
        task::run(async move {
            let word = shard.answer(&path, body).await.unwrap_or_else(|_| FAILED.into());
            JsValue::from_str(&word.to_string())
        })
    }
}

/// What is answered where the storage has failed: nobody's word.
const FAILED: u16 = 500;

impl Shard {
    async fn answer(&self, path: &str, body: Option<String>) -> Result<Word, StorageFailed> {
        match Ask::parse(path) {
            Some(Ask::Put { key, expires_at }) => self.put(&key, expires_at, &body.unwrap_or_default()).await,
            Some(Ask::Take { key, attempt }) => self.take(&key, attempt, body.as_deref().and_then(stay_of)),
            Some(Ask::Claim { key, attempt, expires_at }) => {
                self.claim(&key, attempt, expires_at, body.as_deref().and_then(About::parse)).await
            }
            Some(Ask::End { subject, before, until }) => self.end(&subject, before, until).await,
            Some(Ask::Ended) => match body.as_deref().and_then(About::parse) {
                Some(about) => Ok(self.unless_ended(&about)?.into()),
                None => Ok(NOT_UNDERSTOOD.into()),
            },
            None => Ok(NOT_UNDERSTOOD.into()),
        }
    }

    async fn put(&self, key: &[u8], expires_at: Millis, grant: &str) -> Result<Word, StorageFailed> {
        let is_new = self.make_table(expires_at)?;
        self.tables.put(key, expires_at, grant)?;
        self.wake_up_for(is_new, expires_at).await?;
        Ok(GIVEN.into())
    }

    fn take(&self, key: &[u8], attempt: Uuid, session_max_seconds: Option<u32>) -> Result<Word, StorageFailed> {
        Ok(match self.tables.take(key, attempt)? {
            Elected::Won(record) => {
                // One that can't be read here may be a newer version's, and is the gate's to refuse.
                let looks = session_max_seconds.is_some() || self.ends.any(Date::now().as_millis())?;
                let grant = looks.then(|| Grant::from_json(&record).ok()).flatten();
                let about = grant.map(|grant| About::of(&grant, session_max_seconds));
                let status = about.map_or(Ok(GIVEN), |about| self.unless_ended(&about))?;
                Word { status, record }
            }
            Elected::Lost(record) => Word { status: TAKEN, record },
            Elected::Missing => UNKNOWN.into(),
            Elected::NotUnderstood => NOT_UNDERSTOOD.into(),
        })
    }

    async fn claim(
        &self,
        key: &[u8],
        attempt: Uuid,
        expires_at: Millis,
        about: Option<About>,
    ) -> Result<Word, StorageFailed> {
        let now = Date::now().as_millis();
        if forgotten_at(expires_at) <= now {
            return Ok(TOO_LATE.into());
        }
        // A gate that knows nothing of ends doesn't say whose ticket it is.
        if about.is_none() && self.ends.any(now)? {
            return Ok(NOT_UNDERSTOOD.into());
        }
        let is_new = self.make_table(expires_at)?;
        let elected = self.tables.claim(key, attempt, expires_at)?;
        let status = match elected {
            Elected::Won(()) => about.map_or(Ok(GIVEN), |about| self.unless_ended(&about))?,
            Elected::Lost(()) => TAKEN,
            Elected::Missing | Elected::NotUnderstood => NOT_UNDERSTOOD,
        };
        // Nothing was awaited up to here: one event, one election.
        self.wake_up_for(is_new, expires_at).await?;
        Ok(status.into())
    }

    /// What the winner is told, who may have it unless what the ticket would open has been ended. Where the session will be is remembered.
    fn unless_ended(&self, about: &About) -> Result<u16, StorageFailed> {
        if about.issued < self.ends.before(&about.subject)? {
            return Ok(ENDED);
        }
        let Some(stay) = about.stay else { return Ok(GIVEN) };
        self.ends.stays(about, stay)?;
        Ok(GIVEN_AND_NOTED)
    }

    async fn end(&self, subject: &Digest, before: Millis, until: Millis) -> Result<Word, StorageFailed> {
        let rooms = self.ends.rooms(subject, Date::now().as_millis())?;
        let was = self.ends.before(subject)?;
        // Whoever only asks where the sessions are ends none.
        if before != Millis(0) {
            self.ends.add(subject, before, until)?;
            self.wake_up_by(until.0).await?;
        }
        let status = if rooms.len() > ROOMS_MAX { TOO_MANY } else { GIVEN };
        let named = rooms.iter().take(ROOMS_MAX).map(ToString::to_string).collect::<Vec<_>>();
        Ok(Word { status, record: format!("{} {}", was.0, named.join(",")) })
    }

    /// Makes the table where there is none; whether it did.
    fn make_table(&self, expires_at: Millis) -> Result<bool, StorageFailed> {
        let is_new = self.tables.make(expires_at)?;
        if is_new {
            // Until an alarm is set for it, by this event or, should that fail, by the next.
            self.alarm_seen_to.set(false);
        }
        Ok(is_new)
    }

    /// Makes sure that the alarm comes for a new table, at the latest when it is of no more use.
    async fn wake_up_for(&self, is_new: bool, expires_at: Millis) -> Result<(), StorageFailed> {
        if !is_new && self.alarm_seen_to.get() {
            return Ok(());
        }
        self.wake_up_by(table_ends_at(expires_at)).await?;
        self.alarm_seen_to.set(true);
        Ok(())
    }

    /// Makes sure that an alarm comes then, or earlier.
    async fn wake_up_by(&self, end: u64) -> Result<(), StorageFailed> {
        let alarm = self.state.storage().get_alarm().await?.and_then(|at| u64::try_from(at).ok());
        if alarm.is_none_or(|at| at > end) {
            self.wake_up_in(end.saturating_sub(Date::now().as_millis())).await?;
        }
        Ok(())
    }

    async fn wake_up_in(&self, ms: u64) -> Result<(), StorageFailed> {
        Ok(self.state.storage().set_alarm(Duration::from_millis(ms)).await?)
    }
}
