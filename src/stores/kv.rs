//! Grants in Workers KV: cheap, everywhere, and without any step that elects a winner.
//!
//! `BestEffort` alone, since `delete` succeeds whether or not there was something to delete
//! (<https://developers.cloudflare.com/kv/api/delete-key-value-pairs/>) and other locations may see a change only after 60
//! seconds or more (<https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency>). [`super::claimed`] makes it
//! `SingleUse`.

use std::fmt;
use std::future::Future;

use async_trait::async_trait;
use worker::kv::{KvError, KvStore};

use super::deadline::within;
use crate::grant::Grant;
use crate::region::Region;
use crate::store::{Attempt, Cause, Consumed, Guarantee, Reach, StoreError, TicketStore};
use crate::telemetry::{Event, Operation, Outcome, Sink};
use crate::ticket::{Digest, Home, Ticket};

/// KV refuses to expire a key sooner than this, in seconds
/// (<https://developers.cloudflare.com/kv/api/write-key-value-pairs/#expiring-keys>). The gate expires tickets on time.
const MIN_EXPIRATION_TTL: u64 = 60;

/// What happens to a record that was read to consume its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterRead {
    /// It is deleted: all that KV alone can do against a second use.
    Delete,
    /// It stays until it expires, for a ledger remembers who had it. Saves one of the two dearest calls.
    Keep,
}

/// The store.
pub struct Kv {
    home: Home,
    namespace: KvStore,
    after_read: AfterRead,
    timeout_ms: u32,
    sink: Sink,
}

impl Kv {
    /// The namespace as a store whose tickets go by `home`, each call waited for at most `timeout_ms`.
    pub fn new(home: Home, namespace: KvStore, after_read: AfterRead, timeout_ms: u32, sink: Sink) -> Self {
        Self { home, namespace, after_read, timeout_ms, sink }
    }

    async fn call<T>(
        &self,
        step: &'static str,
        asked: impl Future<Output = Result<T, KvError>>,
    ) -> Result<T, StoreError> {
        within(self.timeout_ms, step, asked).await?.map_err(|error| unavailable(step, &error))
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

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        ticket.home() == &self.home
    }

    async fn issue(&self, grant: &Grant, _: Option<Region>) -> Result<Ticket, StoreError> {
        let ticket = Ticket::mint(self.home.clone())?;
        let record = grant.to_json().map_err(|_| StoreError::Corrupt { step: "kv.put" })?;
        let put = async {
            let ttl = grant.ttl_seconds().max(MIN_EXPIRATION_TTL);
            self.namespace.put(&key(ticket.digest()), record)?.expiration_ttl(ttl).execute().await
        };
        self.call("kv.put", put).await?;
        Ok(ticket)
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        if !self.is_home_of(ticket) {
            return Ok(Consumed::Unknown);
        }
        let key = key(ticket.digest());
        let record = self.call("kv.get", self.namespace.get(&key).text()).await?;
        let Some(record) = record else { return Ok(Consumed::Unknown) };
        let grant = match Consumed::of_record(&record, "kv.get")? {
            Consumed::Granted(grant) => grant,
            refused => return Ok(refused),
        };
        if self.after_read == AfterRead::Delete && grant.shard.is_some() {
            // Issued when there was a ledger, which knows whether it was used; here nobody does.
            return Err(StoreError::Unavailable { step: "kv.claim", cause: Cause::Failed });
        }
        if self.after_read == AfterRead::Delete
            && let Err(error) = self.call("kv.delete", self.namespace.delete(&key)).await
        {
            // Admitted all the same: this store promises no more than its best, and KV takes one write a second per key,
            // so a page that connects at once would be refused always.
            (self.sink)(&Event::Store {
                store: "kv",
                operation: Operation::Consume,
                outcome: Outcome::Failed(error),
                ms: 0,
                slow: false,
            });
        }
        Ok(Consumed::Granted(grant))
    }
}
