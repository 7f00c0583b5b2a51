//! The ledger in Durable Objects, from both sides: [`Shards`] asks, [`TicketShard`] decides.
//!
//! The step that elects the winner is one `INSERT … ON CONFLICT DO NOTHING RETURNING` inside one event of one object. The
//! claim is written, never only remembered: an object's memory is lost when it hibernates, is evicted or redeployed. Its
//! answer leaves only after the write is durable
//! (<https://developers.cloudflare.com/durable-objects/reference/durable-objects-faq/>, "output gates").
//!
//! Claims are kept in a table for each [`BUCKET`] of expiry times, `WITHOUT ROWID`: a claim costs one row written, and a
//! table is dropped whole, which costs none (`DELETE` would cost one more a claim).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;
use worker::{
    Date, DurableObject, Env, ObjectNamespace, Request, Response, Result, SqlStorage, SqlStorageValue, State,
    durable_object, wasm_bindgen,
};

use super::claimed::{Claim, Ledger, Verdict};
use crate::grant::Millis;
use crate::store::{Cause, StoreError};

/// Expiry times that share a table, in milliseconds.
const BUCKET: u64 = 300_000;
/// How much longer than its last ticket a table is kept, in milliseconds: the clocks of the gate and of the object may
/// differ by that much. Whoever comes later still is refused, so a claim that was forgotten can't be made again.
const MARGIN: u64 = 60_000;

/// The shards of the ledger, as the gate sees them.
pub struct Shards {
    namespace: ObjectNamespace,
    count: NonZeroU16,
}

impl Shards {
    /// `count` objects of the namespace.
    pub fn new(namespace: ObjectNamespace, count: NonZeroU16) -> Self {
        Self { namespace, count }
    }

    async fn ask(&self, claim: &Claim) -> Result<u16> {
        // A stub of its own for each call: one that has failed stays broken
        // (https://developers.cloudflare.com/durable-objects/best-practices/error-handling/).
        let stub = self.namespace.get_by_name(&format!("ledger-{}", claim.shard))?;
        let Claim { attempt, expires_at, .. } = claim;
        let url = format!("https://shard/claim/{}/{}/{}", claim.ticket(), attempt.uuid(), expires_at.0);
        Ok(stub.fetch_with_str(&url).await?.status_code())
    }
}

impl fmt::Display for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ledger")
    }
}

#[async_trait(?Send)]
impl Ledger for Shards {
    fn shards(&self) -> u16 {
        self.count.get()
    }

    async fn claim(&self, claim: &Claim) -> std::result::Result<Verdict, StoreError> {
        match self.ask(claim).await {
            Ok(WON) => Ok(Verdict::Won),
            Ok(LOST) => Ok(Verdict::Lost),
            _ => Err(StoreError::Unavailable { step: "ledger.claim", cause: Cause::Failed }),
        }
    }
}

/// Status codes by which a shard answers.
const WON: u16 = 200;
const LOST: u16 = 409;
const NO_CLAIM: u16 = 400;

/// One shard of the ledger.
#[durable_object(alarm)]
pub struct TicketShard {
    state: State,
    /// Tables known to exist, with an alarm set. Only a shortcut: what isn't here is looked up.
    tables: RefCell<BTreeSet<u64>>,
}

impl DurableObject for TicketShard {
    fn new(state: State, _: Env) -> Self {
        Self { state, tables: RefCell::default() }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let status = match AskedClaim::parse(&request.path()) {
            Some(claim) => self.claim(claim).await?,
            None => NO_CLAIM,
        };
        Ok(Response::empty()?.with_status(status))
    }

    async fn alarm(&self) -> Result<Response> {
        let now = Date::now().as_millis();
        let sql = self.state.storage().sql();
        let mut kept = BTreeSet::new();
        for bucket in stored_buckets(&sql)? {
            if end_of(bucket) <= now {
                sql.exec(&format!("DROP TABLE IF EXISTS claims_{bucket}"), None)?;
            } else {
                kept.insert(bucket);
            }
        }
        let next = kept.first().copied();
        self.tables.replace(kept);
        if let Some(bucket) = next {
            self.set_alarm(bucket, now).await?;
        }
        Response::empty()
    }
}

impl TicketShard {
    async fn claim(&self, claim: AskedClaim) -> Result<u16> {
        let now = Date::now().as_millis();
        let bucket = bucket_of(claim.expires_at);
        if end_of(bucket) <= now {
            return Ok(LOST);
        }
        let sql = self.state.storage().sql();
        let known = self.tables.borrow().contains(&bucket);
        if !known {
            sql.exec(
                &format!(
                    "CREATE TABLE IF NOT EXISTS claims_{bucket} \
                     (ticket BLOB PRIMARY KEY, attempt BLOB NOT NULL) WITHOUT ROWID"
                ),
                None,
            )?;
        }
        // Nothing is awaited up to here: one event, one election.
        let status = if elect(&sql, bucket, &claim)? { WON } else { LOST };
        if !known {
            self.wake_up_for(bucket, now).await?;
            self.tables.borrow_mut().insert(bucket);
        }
        Ok(status)
    }

    /// Makes sure that an alarm comes for the bucket, at the latest when it ends.
    async fn wake_up_for(&self, bucket: u64, now: u64) -> Result<()> {
        let alarm = self.state.storage().get_alarm().await?.and_then(|at| u64::try_from(at).ok());
        if alarm.is_none_or(|at| at > end_of(bucket)) { self.set_alarm(bucket, now).await } else { Ok(()) }
    }

    async fn set_alarm(&self, bucket: u64, now: u64) -> Result<()> {
        self.state.storage().set_alarm(Duration::from_millis(end_of(bucket).saturating_sub(now))).await
    }
}

/// A claim as it arrives at the shard: `/claim/<ticket id>/<attempt>/<expires at, in ms>`.
#[derive(Debug, PartialEq, Eq)]
struct AskedClaim {
    ticket: Uuid,
    attempt: Uuid,
    expires_at: Millis,
}

impl AskedClaim {
    fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("/claim/")?.split('/');
        let ticket = Uuid::try_parse(parts.next()?).ok()?;
        let attempt = Uuid::try_parse(parts.next()?).ok()?;
        let expires_at = Millis(parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self { ticket, attempt, expires_at })
    }
}

/// Whether this attempt has the ticket.
fn elect(sql: &SqlStorage, bucket: u64, claim: &AskedClaim) -> Result<bool> {
    let answers = |statement: &str| -> Result<bool> {
        let blob = |uuid: Uuid| SqlStorageValue::Blob(uuid.as_bytes().to_vec());
        let mut rows = sql.exec(statement, vec![blob(claim.ticket), blob(claim.attempt)])?;
        Ok(Iterator::next(&mut rows).transpose()?.is_some())
    };
    let won = answers(&format!(
        "INSERT INTO claims_{bucket} (ticket, attempt) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1"
    ))?;
    // A claim that is there already may be this very attempt's, if its reply was lost and it asks again.
    Ok(won || answers(&format!("SELECT 1 FROM claims_{bucket} WHERE ticket = ? AND attempt = ?"))?)
}

fn bucket_of(expires_at: Millis) -> u64 {
    expires_at.0.checked_div(BUCKET).unwrap_or_default()
}

/// From when on the bucket's claims are forgotten and refused.
fn end_of(bucket: u64) -> u64 {
    bucket.saturating_add(1).saturating_mul(BUCKET).saturating_add(MARGIN)
}

/// The buckets that have a table.
fn stored_buckets(sql: &SqlStorage) -> Result<Vec<u64>> {
    #[derive(serde::Deserialize)]
    struct Table {
        name: String,
    }
    let tables = sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'claims_*'", None)?;
    Ok(tables.to_array::<Table>()?.iter().filter_map(|t| t.name.strip_prefix("claims_")?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_outlives_its_last_ticket_by_the_margin() {
        for expires_at in [0, 1, BUCKET - 1, BUCKET, 1_795_000_000_123] {
            assert!(end_of(bucket_of(Millis(expires_at))) > expires_at + MARGIN);
        }
    }

    #[test]
    fn a_claim_is_read_strictly() {
        let (ticket, attempt) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let good = format!("/claim/{ticket}/{attempt}/42");
        assert_eq!(AskedClaim::parse(&good), Some(AskedClaim { ticket, attempt, expires_at: Millis(42) }));
        for bad in ["/", "/claim/1/2/3", &good.replace("42", "-1"), &format!("{good}/"), &format!("/x{good}")] {
            assert_eq!(AskedClaim::parse(bad), None, "{bad}");
        }
    }
}
