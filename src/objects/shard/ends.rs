//! What a shard knows of subjects whose sessions somebody ended: which of their tickets open nothing any more, and in which rooms their
//! sessions may be. Both are looked at in the very event that elects, so they cost a ticket no call; where nobody was ended and there are
//! no rooms, there is no table either, and no statement.

use std::cell::RefCell;
use std::collections::HashMap;

use worker::{SqlStorage, SqlStorageValue};

use super::tables::{StorageFailed, row};
use crate::objects::asks::{About, ROOMS_MAX, Stay};
use ws_ticket_core::ticket::{Digest, hex};
use ws_ticket_core::time::Millis;

/// Stays are written down with an end that lies up to this much later, in milliseconds, so that who comes again and again costs a row an hour.
const STAY_STEP: u64 = 3_600_000;

/// An end: tickets issued before `before` open nothing, and after `until` there are none.
#[derive(Clone, Copy)]
struct Ended {
    before: Millis,
    until: Millis,
}

/// Both tables. All that it does is synchronous.
pub(super) struct Ends {
    sql: SqlStorage,
    /// Only a copy of what is stored, read again by the next instance.
    known: RefCell<Option<Known>>,
}

#[derive(Default)]
struct Known {
    ends: HashMap<Digest, Ended>,
    /// Whether the table is there.
    has_ends: bool,
    has_stays: bool,
}

impl Ends {
    pub(super) fn new(sql: SqlStorage) -> Self {
        Self { sql, known: RefCell::default() }
    }

    /// Whether an end is remembered that may still matter.
    pub(super) fn any(&self, now: u64) -> Result<bool, StorageFailed> {
        self.with(|known| known.ends.values().any(|ended| ended.until.0 > now))
    }

    /// Before which moment what was issued to the subject has been ended; 1970 where there is none.
    pub(super) fn before(&self, subject: &Digest) -> Result<Millis, StorageFailed> {
        self.with(|known| known.ends.get(subject).map(|ended| ended.before).unwrap_or_default())
    }

    /// Remembers an end; one that was remembered before and lies later stays.
    pub(super) fn add(&self, subject: &Digest, before: Millis, until: Millis) -> Result<(), StorageFailed> {
        let (was, has_table) = self.with(|known| (known.ends.get(subject).copied(), known.has_ends))?;
        if !has_table {
            let columns = "subject TEXT PRIMARY KEY, before INTEGER NOT NULL, until INTEGER NOT NULL";
            self.sql.exec(&format!("CREATE TABLE ends ({columns}) WITHOUT ROWID"), None)?;
        }
        let ended = Ended {
            before: was.map_or(before, |was| was.before.max(before)),
            until: was.map_or(until, |was| was.until.max(until)),
        };
        self.write(
            "INSERT OR REPLACE INTO ends VALUES (?, ?, ?)",
            &[&subject.to_string()],
            &[ended.before, ended.until],
        )?;
        self.with_mut(|known| {
            known.has_ends = true;
            known.ends.insert(*subject, ended);
        })
    }

    /// Remembers that a session of the subject may be in the room.
    pub(super) fn stays(&self, about: &About, stay: Stay) -> Result<(), StorageFailed> {
        if !self.with(|known| known.has_stays)? {
            let columns = "subject TEXT, room TEXT, until INTEGER NOT NULL, PRIMARY KEY (subject, room)";
            self.sql.exec(&format!("CREATE TABLE stays ({columns}) WITHOUT ROWID"), None)?;
            self.with_mut(|known| known.has_stays = true)?;
        }
        let steps = stay.until.0.div_ceil(STAY_STEP);
        let until = Millis(steps.saturating_mul(STAY_STEP));
        let add = "INSERT INTO stays VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET until = ?3 WHERE until < ?3";
        self.write(add, &[&about.subject.to_string(), &stay.room.to_string()], &[until])
    }

    /// The rooms where sessions of the subject may be: one more than [`ROOMS_MAX`] at most, others each time, so that nobody can stay in one
    /// that is never said.
    pub(super) fn rooms(&self, subject: &Digest, now: u64) -> Result<Vec<Digest>, StorageFailed> {
        if !self.with(|known| known.has_stays)? {
            return Ok(Vec::new());
        }
        let most = ROOMS_MAX.saturating_add(1);
        let rooms =
            format!("SELECT room FROM stays WHERE subject = ? AND until > {now} ORDER BY random() LIMIT {most}");
        let mut found = Vec::new();
        for row in self.sql.exec(&rooms, vec![SqlStorageValue::String(subject.to_string())])?.raw() {
            if let Some(SqlStorageValue::String(room)) = row?.into_iter().next()
                && let Some(room) = hex(&room)
            {
                found.push(Digest::from(room));
            }
        }
        Ok(found)
    }

    /// Drops what matters no more; when the next may be dropped.
    pub(super) fn forget(&self, now: u64) -> Result<Option<u64>, StorageFailed> {
        let (has_ends, has_stays) = self.with(|known| (known.has_ends, known.has_stays))?;
        let mut next: Option<u64> = None;
        for (table, _) in [("ends", has_ends), ("stays", has_stays)].into_iter().filter(|(_, there)| *there) {
            self.sql.exec(&format!("DELETE FROM {table} WHERE until <= {now}"), None)?;
            let first = row(self.sql.as_ref(), &format!("SELECT min(until) FROM {table}"))?;
            let first = first.and_then(|row| row.get(0).as_f64()).and_then(whole);
            next = [next, first].into_iter().flatten().min();
        }
        self.known.replace(None);
        Ok(next)
    }

    fn write(&self, statement: &str, texts: &[&str], moments: &[Millis]) -> Result<(), StorageFailed> {
        let texts = texts.iter().map(|text| SqlStorageValue::String((*text).to_owned()));
        let moments = moments.iter().map(|moment| SqlStorageValue::Float(moment.js()));
        self.sql.exec(statement, texts.chain(moments).collect::<Vec<_>>())?;
        Ok(())
    }

    fn with<T>(&self, look: impl FnOnce(&Known) -> T) -> Result<T, StorageFailed> {
        if self.known.borrow().is_none() {
            let known = self.read()?;
            self.known.replace(Some(known));
        }
        self.known.borrow().as_ref().map(look).ok_or(StorageFailed)
    }

    fn with_mut(&self, change: impl FnOnce(&mut Known)) -> Result<(), StorageFailed> {
        self.known.borrow_mut().as_mut().map(change).ok_or(StorageFailed)
    }

    fn read(&self) -> Result<Known, StorageFailed> {
        let mut known = Known::default();
        for row in self.sql.exec("SELECT name FROM sqlite_master WHERE name IN ('ends', 'stays')", None)?.raw() {
            match row?.into_iter().next() {
                Some(SqlStorageValue::String(name)) if name == "ends" => known.has_ends = true,
                Some(SqlStorageValue::String(name)) if name == "stays" => known.has_stays = true,
                _ => {}
            }
        }
        if !known.has_ends {
            return Ok(known);
        }
        for row in self.sql.exec("SELECT subject, before, until FROM ends", None)?.raw() {
            let row = row?;
            let [SqlStorageValue::String(subject), before, until] = row.as_slice() else { continue };
            if let (Some(subject), Some(before), Some(until)) = (hex(subject), moment(before), moment(until)) {
                known.ends.insert(Digest::from(subject), Ended { before, until });
            }
        }
        Ok(known)
    }
}

/// A moment as the storage gives it back.
fn moment(value: &SqlStorageValue) -> Option<Millis> {
    match value {
        SqlStorageValue::Integer(ms) => u64::try_from(*ms).ok().map(Millis),
        SqlStorageValue::Float(ms) => whole(*ms).map(Millis),
        _ => None,
    }
}

/// A whole number of JavaScript's, of milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is known to be in range")]
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64)
}
