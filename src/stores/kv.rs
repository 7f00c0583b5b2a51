//! Grants in Workers KV: cheap, everywhere, and without any step that elects a winner.
//!
//! `BestEffort` alone, since `delete` succeeds whether or not there was something to delete
//! (<https://developers.cloudflare.com/kv/api/delete-key-value-pairs/>) and other locations may see a change only after 60
//! seconds or more (<https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency>). [`super::claimed`] makes it
//! `SingleUse`.

use std::fmt;

use async_trait::async_trait;
use worker::kv::{KvError, KvStore};

use crate::grant::Grant;
use crate::store::{Attempt, Cause, Consumed, Guarantee, Reach, StoreError, TicketStore};
use crate::telemetry::{self, Event};
use crate::ticket::{Digest, Home, Ticket};

/// KV refuses to expire a key sooner than this, in seconds
/// (<https://developers.cloudflare.com/kv/api/write-key-value-pairs/#expiring-keys>). The gate expires tickets on time.
const MIN_EXPIRATION_TTL: u64 = 60;

/// What happens to a record that was read to consume its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterRead {
    /// It is deleted: all that KV alone can do against a second use.
    Delete,
    /// It stays until it expires, for a ledger remembers who had it. Saves the most expensive call.
    Keep,
}

/// The store.
pub struct Kv {
    home: Home,
    namespace: KvStore,
    after_read: AfterRead,
}

impl Kv {
    /// The namespace as a store whose tickets go by `home`.
    pub fn new(home: Home, namespace: KvStore, after_read: AfterRead) -> Self {
        Self { home, namespace, after_read }
    }
}

fn key(digest: &Digest) -> String {
    format!("wst:{digest}")
}

/// Only whether it was a limit is taken from the platform's message.
fn unavailable(step: &'static str, error: &KvError) -> StoreError {
    let cause = if error.to_string().contains("429") { Cause::LimitReached } else { Cause::Failed };
    StoreError::Unavailable { step, cause }
}

impl fmt::Display for Kv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kv")
    }
}

#[async_trait(?Send)]
impl TicketStore for Kv {
    fn guarantee(&self) -> Guarantee {
        Guarantee::BestEffort
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    async fn issue(&self, grant: &Grant) -> Result<Ticket, StoreError> {
        let ticket = Ticket::mint(self.home.clone())?;
        let record = grant.to_json().map_err(|_| StoreError::Corrupt { step: "kv.put" })?;
        let put = async {
            let ttl = grant.ttl_seconds().max(MIN_EXPIRATION_TTL);
            self.namespace.put(&key(ticket.digest()), record)?.expiration_ttl(ttl).execute().await
        };
        put.await.map_err(|error| unavailable("kv.put", &error))?;
        Ok(ticket)
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        if ticket.home() != &self.home {
            return Ok(Consumed::Unknown);
        }
        let key = key(ticket.digest());
        let record = self.namespace.get(&key).text().await.map_err(|error| unavailable("kv.get", &error))?;
        let Some(record) = record else { return Ok(Consumed::Unknown) };
        let grant = Grant::from_json(&record).map_err(|_| StoreError::Corrupt { step: "kv.get" })?;
        if self.after_read == AfterRead::Delete
            && let Err(error) = self.namespace.delete(&key).await
        {
            // Admitted all the same: this store promises no more than its best, and KV takes one write a second per key,
            // so a page that connects at once would be refused always.
            telemetry::emit(&Event::StoreFailed { operation: "consume", error: unavailable("kv.delete", &error) });
        }
        Ok(Consumed::Granted(grant))
    }
}
