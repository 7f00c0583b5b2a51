//! What a shard has written down: tickets, in a table for each bucket of expiry times (`buckets.rs`).
//!
//! A bucket's number says when all of its tickets have expired, so a table is dropped whole and nothing in it is looked at. Tables are
//! `WITHOUT ROWID`: each step costs one row written, and dropping costs none, where `DELETE` would cost one more a ticket.
//!
//! **Versions.** A table's name is `<kind>_<bucket>`; this version's kind is `tickets`. A later version may add columns that this
//! one may leave empty. For anything that this one would have to understand it uses tables of another kind, `tickets2_<bucket>`:
//! this version reads and writes nothing there. It drops them in their time, and what it doesn't find in its own tables, while
//! there are such, it calls not understood: never unknown, and never free to claim.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use uuid::Uuid;
use worker::js_sys::Array;
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};
use worker::{SqlStorage, SqlStorageValue};

use super::buckets::{bucket_of, end_of, kind_and_bucket};
use ws_ticket_core::time::Millis;

/// What the names of this version's tables begin with, and those of any version.
const KIND: &str = "tickets";
/// How many tables one statement looks into; a result has 100 columns at most
/// (<https://developers.cloudflare.com/durable-objects/platform/limits/>).
const LOOK_MAX: usize = 32;

// A statement by what is bound to its parameters, in their order. Moments are numbers of JavaScript's, which hold each that there
// can be.
#[wasm_bindgen(module = "/src/objects/shard/tables.js")]
extern "C" {
    /// The first row.
    #[wasm_bindgen(catch)]
    pub(super) fn row(sql: &JsValue, statement: &str) -> Result<Option<Array>, JsValue>;
    #[wasm_bindgen(catch, js_name = row)]
    fn with_key(sql: &JsValue, statement: &str, key: &[u8]) -> Result<Option<Array>, JsValue>;
    #[wasm_bindgen(catch, js_name = row)]
    fn with_attempt(sql: &JsValue, statement: &str, attempt: &[u8], key: &[u8]) -> Result<Option<Array>, JsValue>;
    #[wasm_bindgen(catch, js_name = row)]
    fn with_claim(
        sql: &JsValue,
        statement: &str,
        key: &[u8],
        attempt: &[u8],
        expires_at: f64,
    ) -> Result<Option<Array>, JsValue>;
    #[wasm_bindgen(catch, js_name = row)]
    fn with_record(
        sql: &JsValue,
        statement: &str,
        key: &[u8],
        expires_at: f64,
        record: &str,
    ) -> Result<Option<Array>, JsValue>;
}

/// The platform's storage has failed. What it says of it stays here: it may quote what it was given.
#[derive(Debug)]
pub(super) struct StorageFailed;

impl From<worker::Error> for StorageFailed {
    fn from(_: worker::Error) -> Self {
        Self
    }
}

impl From<JsValue> for StorageFailed {
    fn from(_: JsValue) -> Self {
        Self
    }
}

impl From<StorageFailed> for worker::Error {
    fn from(_: StorageFailed) -> Self {
        Self::from("the storage failed")
    }
}

/// What taking or claiming a ticket comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Elected<T> {
    /// This attempt has it.
    Won(T),
    /// Another has.
    Lost(T),
    /// It isn't here.
    Missing,
    /// It may be in a table of a newer version.
    NotUnderstood,
}

/// The tables that there are.
#[derive(Default)]
struct Known {
    /// This version's, by bucket.
    own: BTreeSet<u64>,
    /// Those of newer versions: each name with its bucket.
    newer: BTreeMap<String, u64>,
}

/// The tables of one shard. All that it does is synchronous: whoever calls it awaits nothing in between.
pub(super) struct Tables {
    sql: SqlStorage,
    /// Only a copy of what is stored, read again by the next instance.
    known: RefCell<Option<Rc<Known>>>,
}

impl Tables {
    pub(super) fn new(sql: SqlStorage) -> Self {
        Self { sql, known: RefCell::default() }
    }

    /// Makes the table for tickets that expire then, where there is none; whether it did.
    pub(super) fn make(&self, expires_at: Millis) -> Result<bool, StorageFailed> {
        let bucket = bucket_of(expires_at);
        if self.known()?.own.contains(&bucket) {
            return Ok(false);
        }
        let columns = "key BLOB PRIMARY KEY, attempt BLOB, expires_at INTEGER NOT NULL, record TEXT";
        self.sql.exec(&format!("CREATE TABLE {KIND}_{bucket} ({columns}) WITHOUT ROWID"), None)?;
        self.known.replace(None);
        Ok(true)
    }

    /// Writes a grant down, into a table that there is.
    pub(super) fn put(&self, key: &[u8], expires_at: Millis, record: &str) -> Result<(), StorageFailed> {
        let bucket = bucket_of(expires_at);
        let put = format!("INSERT INTO {KIND}_{bucket} (key, expires_at, record) VALUES (?, ?, ?)");
        with_record(self.sql.as_ref(), &put, key, expires_at.js(), record)?;
        Ok(())
    }

    /// Marks the grant as this attempt's and reads it. A ticket doesn't say when it expires: it is mostly in the newest table, and
    /// then one statement is all. Otherwise one more looks into all of them, and where it isn't there that was it.
    pub(super) fn take(&self, key: &[u8], attempt: Uuid) -> Result<Elected<String>, StorageFailed> {
        let known = self.known()?;
        let newest = known.own.last().copied();
        if let Some(newest) = newest
            && let Some(record) = self.mark(newest, key, attempt)?
        {
            return Ok(Elected::Won(record));
        }
        Ok(match self.find(&known, key)? {
            None if known.newer.is_empty() => Elected::Missing,
            None => Elected::NotUnderstood,
            // It was tried already, and is another's.
            Some((bucket, record)) if Some(bucket) == newest => Elected::Lost(record),
            Some((bucket, record)) => match self.mark(bucket, key, attempt)? {
                Some(record) => Elected::Won(record),
                None => Elected::Lost(record),
            },
        })
    }

    /// The election: this one statement. It gives the record to who comes first, and to the same attempt when it asks again
    /// because its reply was lost.
    fn mark(&self, bucket: u64, key: &[u8], attempt: Uuid) -> Result<Option<String>, StorageFailed> {
        let mark = format!(
            "UPDATE {KIND}_{bucket} SET attempt = ?1 WHERE key = ?2 AND (attempt IS NULL OR attempt = ?1) RETURNING record"
        );
        let row = with_attempt(self.sql.as_ref(), &mark, attempt.as_bytes(), key)?;
        Ok(row.and_then(|row| row.get(0).as_string()))
    }

    /// In which table the grant is, and the grant.
    fn find(&self, known: &Known, key: &[u8]) -> Result<Option<(u64, String)>, StorageFailed> {
        let newest_first: Vec<u64> = known.own.iter().rev().copied().collect();
        for buckets in newest_first.chunks(LOOK_MAX) {
            let looks: Vec<_> =
                buckets.iter().map(|bucket| format!("(SELECT record FROM {KIND}_{bucket} WHERE key = ?1)")).collect();
            let row = with_key(self.sql.as_ref(), &format!("SELECT {}", looks.join(", ")), key)?.unwrap_or_default();
            let mut found = buckets.iter().zip(row).filter_map(|(bucket, value)| Some((*bucket, value.as_string()?)));
            if let Some(found) = found.next() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Claims the ticket for this attempt, in a table that there is.
    pub(super) fn claim(&self, key: &[u8], attempt: Uuid, expires_at: Millis) -> Result<Elected<()>, StorageFailed> {
        let sql = self.sql.as_ref();
        let bucket = bucket_of(expires_at);
        let may_be_elsewhere = self.known()?.newer.values().any(|newer| *newer == bucket);
        if !may_be_elsewhere {
            let claim = format!(
                "INSERT INTO {KIND}_{bucket} (key, attempt, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1"
            );
            if with_claim(sql, &claim, key, attempt.as_bytes(), expires_at.js())?.is_some() {
                return Ok(Elected::Won(()));
            }
        }
        // Claimed already: by this very attempt, if its reply was lost and it asks again.
        let holder = format!("SELECT attempt = ?1 FROM {KIND}_{bucket} WHERE key = ?2");
        Ok(match with_attempt(sql, &holder, attempt.as_bytes(), key)?.map(|row| row.get(0).as_f64()) {
            Some(Some(1.0)) => Elected::Won(()),
            Some(_) => Elected::Lost(()),
            None => Elected::NotUnderstood,
        })
    }

    /// Drops the tables whose tickets may all be forgotten; when the next may be.
    pub(super) fn drop_forgotten(&self, now: u64) -> Result<Option<u64>, StorageFailed> {
        // Before anything can fail: what is dropped must not be taken for known.
        self.known.replace(None);
        let known = self.known()?;
        let own = known.own.iter().map(|bucket| (format!("{KIND}_{bucket}"), *bucket));
        let newer = known.newer.iter().map(|(name, bucket)| (name.clone(), *bucket));
        let mut next: Option<u64> = None;
        self.known.replace(None);
        for (name, bucket) in own.chain(newer) {
            let end = end_of(bucket);
            if end <= now {
                self.sql.exec(&format!("DROP TABLE \"{}\"", name.replace('"', "\"\"")), None)?;
            } else {
                next = Some(next.map_or(end, |earlier| earlier.min(end)));
            }
        }
        Ok(next)
    }

    fn known(&self) -> Result<Rc<Known>, StorageFailed> {
        if let Some(known) = self.known.borrow().as_ref() {
            return Ok(Rc::clone(known));
        }
        let mut known = Known::default();
        let names = format!("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '{KIND}*'");
        for row in self.sql.exec(&names, None)?.raw() {
            let Some(SqlStorageValue::String(name)) = row?.into_iter().next() else { continue };
            match kind_and_bucket(&name) {
                Some((KIND, bucket)) => {
                    known.own.insert(bucket);
                }
                Some((_, bucket)) => {
                    known.newer.insert(name, bucket);
                }
                None => {}
            }
        }
        let known = Rc::new(known);
        self.known.replace(Some(Rc::clone(&known)));
        Ok(known)
    }
}
