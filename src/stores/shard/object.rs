//! One shard: a Durable Object that remembers who has which ticket.
//!
//! The step that elects the winner is one statement inside one event of one object: `INSERT … ON CONFLICT DO NOTHING
//! RETURNING` for a claim, `UPDATE … WHERE attempt IS NULL RETURNING` for a grant that is kept here. It is written, never
//! only remembered: an object's memory is lost when it hibernates, is evicted or redeployed. Its answer leaves only after the
//! write is durable (<https://developers.cloudflare.com/durable-objects/reference/in-memory-state/>, "output gates").
//!
//! Tickets are kept in a table for each [`BUCKET`] of expiry times, `WITHOUT ROWID`: each step costs one row written, and a
//! table is dropped whole, which costs none, where `DELETE` would cost one more a ticket.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;
use worker::{
    Date, DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, State, durable_object,
    wasm_bindgen,
};

use super::{Ask, GIVEN, NOT_UNDERSTOOD, TAKEN, TOO_LATE, UNKNOWN};
use crate::grant::Millis;

/// Expiry times that share a table, in milliseconds.
const BUCKET: u64 = 300_000;
/// How much longer than its ticket a record is kept, in milliseconds: by how much the clock of a gate may lag behind that of
/// the object. Whoever comes later is refused, so a claim that was forgotten can't be made again.
const MARGIN: u64 = 10_000;

/// One shard.
#[durable_object(alarm)]
pub struct TicketShard {
    state: State,
    sql: SqlStorage,
    /// The buckets that have a table. Only a copy of what is stored, read again by the next instance.
    tables: RefCell<Option<BTreeSet<u64>>>,
    /// Whether this instance has seen to it that an alarm is set. The last one may have ended before it could.
    alarm_seen_to: Cell<bool>,
}

impl DurableObject for TicketShard {
    fn new(state: State, _: Env) -> Self {
        let sql = state.storage().sql();
        Self { state, sql, tables: RefCell::default(), alarm_seen_to: Cell::default() }
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

    /// Drops the tables whose tickets have all expired, and comes again when the next has.
    async fn alarm(&self) -> Result<Response> {
        let now = Date::now().as_millis();
        // Before anything can fail: what is dropped must not be taken for known.
        self.tables.replace(None);
        let mut next: Option<u64> = None;
        for bucket in self.stored_buckets()? {
            let end = self.end_of(bucket)?;
            if end <= now {
                self.sql.exec(&format!("DROP TABLE tickets_{bucket}"), None)?;
            } else {
                next = Some(next.map_or(end, |earlier| earlier.min(end)));
            }
        }
        if let Some(end) = next {
            self.wake_up_in(end.saturating_sub(now)).await?;
        }
        status(GIVEN)
    }
}

impl TicketShard {
    async fn put(&self, key: Vec<u8>, expires_at: Millis, grant: String) -> Result<Response> {
        let bucket = bucket_of(expires_at);
        let is_new = self.make_table(bucket)?;
        self.sql.exec(
            &format!("INSERT INTO tickets_{bucket} (key, expires_at, record) VALUES (?, ?, ?)"),
            vec![blob(key), moment(expires_at)?, SqlStorageValue::String(grant)],
        )?;
        self.wake_up_for(is_new, expires_at).await?;
        status(GIVEN)
    }

    /// Looks in every table, since a ticket doesn't say when it expires: 14 at most, mostly two.
    fn take(&self, key: &[u8], attempt: Uuid) -> Result<Response> {
        let both = || vec![uuid(attempt), blob(key.to_vec())];
        self.know_tables()?;
        for bucket in self.tables.borrow().iter().flatten() {
            let marked =
                format!("UPDATE tickets_{bucket} SET attempt = ? WHERE key = ? AND attempt IS NULL RETURNING record");
            if let Some((record, _)) = self.first(&marked, both())? {
                return Ok(Response::ok(record)?.with_status(GIVEN));
            }
            // Marked already: by this very attempt, if its reply was lost and it asks again.
            let held = format!("SELECT record, attempt = ? AS own FROM tickets_{bucket} WHERE key = ?");
            if let Some((record, own)) = self.first(&held, both())? {
                return Ok(Response::ok(record)?.with_status(if own { GIVEN } else { TAKEN }));
            }
        }
        status(UNKNOWN)
    }

    async fn claim(&self, key: Vec<u8>, attempt: Uuid, expires_at: Millis) -> Result<Response> {
        if forgotten_at(expires_at) <= Date::now().as_millis() {
            return status(TOO_LATE);
        }
        let bucket = bucket_of(expires_at);
        let is_new = self.make_table(bucket)?;
        let insert = format!(
            "INSERT INTO tickets_{bucket} (key, attempt, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1"
        );
        let mut won = self.any(&insert, vec![blob(key.clone()), uuid(attempt), moment(expires_at)?])?;
        if !won {
            // Claimed already: by this very attempt, if its reply was lost and it asks again.
            let own = format!("SELECT 1 FROM tickets_{bucket} WHERE key = ? AND attempt = ?");
            won = self.any(&own, vec![blob(key), uuid(attempt)])?;
        }
        // Nothing was awaited up to here: one event, one election.
        self.wake_up_for(is_new, expires_at).await?;
        status(if won { GIVEN } else { TAKEN })
    }

    /// The buckets that have a table.
    fn stored_buckets(&self) -> Result<BTreeSet<u64>> {
        let tables = "SELECT substr(name, 9) FROM sqlite_master WHERE type = 'table' AND name GLOB 'tickets_*'";
        let mut buckets = BTreeSet::new();
        for row in self.sql.exec(tables, None)?.raw() {
            if let Some(SqlStorageValue::String(bucket)) = row?.first() {
                buckets.extend(bucket.parse::<u64>());
            }
        }
        Ok(buckets)
    }

    fn know_tables(&self) -> Result<()> {
        if self.tables.borrow().is_none() {
            let stored = self.stored_buckets()?;
            self.tables.replace(Some(stored));
        }
        Ok(())
    }

    /// Makes the bucket's table where there is none; whether it did.
    fn make_table(&self, bucket: u64) -> Result<bool> {
        self.know_tables()?;
        if self.tables.borrow().as_ref().is_some_and(|tables| tables.contains(&bucket)) {
            return Ok(false);
        }
        let columns = "key BLOB PRIMARY KEY, attempt BLOB, expires_at INTEGER NOT NULL, record TEXT";
        self.sql.exec(&format!("CREATE TABLE tickets_{bucket} ({columns}) WITHOUT ROWID"), None)?;
        if let Some(tables) = self.tables.borrow_mut().as_mut() {
            tables.insert(bucket);
        }
        // Until an alarm is set for it, by this event or, should that fail, by the next.
        self.alarm_seen_to.set(false);
        Ok(true)
    }

    /// From when on nothing in the bucket's table is needed.
    fn end_of(&self, bucket: u64) -> Result<u64> {
        let last = format!("SELECT coalesce(max(expires_at), 0) FROM tickets_{bucket}");
        let row = self.sql.exec(&last, None)?.raw().next().transpose()?;
        // What can't be read is kept.
        let last = row.as_deref().and_then(<[_]>::first).and_then(whole_number).unwrap_or(u64::MAX);
        Ok(forgotten_at(Millis(last)))
    }

    /// Makes sure that the alarm comes for a new table, at the latest when its first ticket can be forgotten.
    async fn wake_up_for(&self, is_new: bool, expires_at: Millis) -> Result<()> {
        if !is_new && self.alarm_seen_to.get() {
            return Ok(());
        }
        let end = forgotten_at(expires_at);
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

    /// Whether the statement gives a row.
    fn any(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<bool> {
        Ok(self.sql.exec(statement, bindings)?.raw().next().transpose()?.is_some())
    }

    /// The record of the first row, and whether it is the asking attempt's own.
    fn first(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<Option<(String, bool)>> {
        let row = self.sql.exec(statement, bindings)?.raw().next().transpose()?.unwrap_or_default();
        Ok(match row.as_slice() {
            [SqlStorageValue::String(record), own @ ..] => {
                Some((record.clone(), own.first().and_then(whole_number) == Some(1)))
            }
            _ => None,
        })
    }
}

/// Moments and flags; both are far inside what JavaScript's numbers hold exactly.
fn whole_number(value: &SqlStorageValue) -> Option<u64> {
    match value {
        SqlStorageValue::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn status(code: u16) -> Result<Response> {
    Ok(Response::empty()?.with_status(code))
}

fn blob(bytes: Vec<u8>) -> SqlStorageValue {
    SqlStorageValue::Blob(bytes)
}

fn uuid(uuid: Uuid) -> SqlStorageValue {
    blob(uuid.as_bytes().to_vec())
}

fn moment(moment: Millis) -> Result<SqlStorageValue> {
    SqlStorageValue::try_from_i64(i64::try_from(moment.0).unwrap_or(i64::MAX))
}

fn bucket_of(expires_at: Millis) -> u64 {
    expires_at.0.checked_div(BUCKET).unwrap_or_default()
}

/// From when on a ticket that expires then may be forgotten, and is refused.
fn forgotten_at(expires_at: Millis) -> u64 {
    expires_at.0.saturating_add(MARGIN)
}
