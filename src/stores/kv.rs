//! Grants in Workers KV: cheap, everywhere, and without any step that elects a winner.
//!
//! `BestEffort` alone, since `delete` succeeds whether or not there was something to delete
//! (<https://developers.cloudflare.com/kv/api/delete-key-value-pairs/>) and other locations may see a change only after 60
//! seconds or more (<https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency>). [`super::claimed`] makes it
//! `SingleUse`.

use std::fmt;

use async_trait::async_trait;
use worker::js_sys::{Object, Promise, Reflect};
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use crate::platform::NoAnswer;
use crate::platform::race::within;
use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::Region;
use ws_ticket_core::store::{Attempt, Cause, Consumed, End, Guarantee, Known, Reach, StoreError, TicketStore};
use ws_ticket_core::telemetry::{Event, Operation, Outcome, Sink};
use ws_ticket_core::ticket::{Digest, Home, Ticket};

#[wasm_bindgen]
extern "C" {
    /// A namespace, by its own names: a promise that `worker` waits for can't be raced.
    #[derive(Debug)]
    pub type Namespace;
    #[wasm_bindgen(method, catch)]
    fn get(this: &Namespace, key: &str, kind: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &Namespace, key: &str, value: &str, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn delete(this: &Namespace, key: &str) -> Result<Promise, JsValue>;
}

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
    namespace: Namespace,
    after_read: AfterRead,
    timeout_ms: u32,
    sink: Sink,
}

impl Kv {
    /// The namespace as a store whose tickets go by `home`, each call waited for at most `timeout_ms`.
    pub fn new(home: Home, namespace: Namespace, after_read: AfterRead, timeout_ms: u32, sink: Sink) -> Self {
        Self { home, namespace, after_read, timeout_ms, sink }
    }

    async fn call(&self, step: &'static str, asked: Result<Promise, JsValue>) -> Result<JsValue, StoreError> {
        let answer = match asked {
            Ok(promise) => within(self.timeout_ms, promise).await,
            Err(error) => Err(NoAnswer::Failed(error)),
        };
        answer.map_err(|why| unavailable(step, why))
    }

    fn put(&self, key: &str, record: &str, ttl_seconds: u64) -> Result<Promise, JsValue> {
        let options = Object::new();
        // As a number of JavaScript's own, which a `u64` would not be.
        let ttl_seconds = u32::try_from(ttl_seconds).unwrap_or(u32::MAX);
        Reflect::set(&options, &"expirationTtl".into(), &ttl_seconds.into())?;
        self.namespace.put(key, record, &options)
    }
}

fn key(digest: &Digest) -> String {
    format!("wst:{digest}")
}

fn unavailable(step: &'static str, why: NoAnswer) -> StoreError {
    let cause = match why {
        NoAnswer::TimedOut => Cause::TimedOut,
        NoAnswer::Failed(error) => {
            let message = Reflect::get(&error, &"message".into()).ok().and_then(|text| text.as_string());
            let status = message.as_deref().and_then(status_of);
            if status == Some(429) { Cause::LimitReached } else { Cause::Failed }
        }
    };
    StoreError::Unavailable { step, cause }
}

/// The status in the platform's message, which begins `KV PUT failed: 429 Too Many Requests`. Elsewhere in a message may stand
/// a key, whose digest can have any digits
/// (<https://github.com/cloudflare/workerd/blob/main/src/workerd/api/kv.c%2B%2B>).
fn status_of(message: &str) -> Option<u16> {
    let (verb, rest) = message.strip_prefix("KV ")?.split_once(" failed: ")?;
    let is_verb = !verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let digits = rest.split(' ').next()?;
    let is_status = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_verb && is_status { digits.parse().ok() } else { None }
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
        let put = self.put(&key(&ticket.digest()), &record, grant.ttl_seconds().max(MIN_EXPIRATION_TTL));
        self.call("kv.put", put).await?;
        Ok(ticket)
    }

    /// Alone it has no step that could see an end and a ticket together: whoever wants ends binds a ledger, which the configuration
    /// sees to.
    async fn end(&self, _: &End) -> Result<Known, StoreError> {
        Err(StoreError::Unavailable { step: "kv.end", cause: Cause::NotUnderstood })
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        if !self.is_home_of(ticket) {
            return Ok(Consumed::Unknown);
        }
        let key = key(&ticket.digest());
        let record = self.call("kv.get", self.namespace.get(&key, "text")).await?;
        let Some(record) = record.as_string() else { return Ok(Consumed::Unknown) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_where_it_stands_and_nowhere_else() {
        for (message, status) in [
            ("KV PUT failed: 429 Too Many Requests", Some(429)),
            ("KV GET failed: 429", Some(429)),
            ("KV GET_BULK failed: 503 Service Unavailable", Some(503)),
            ("KV DELETE failed: 500 wst:429", Some(500)),
            ("KV PUT failed: 400 Invalid key wst:0429f", Some(400)),
            ("wst:429 failed: 429 Too Many Requests", None),
            ("KV wst:9 failed: 429 Too Many Requests", None),
            ("KV PUT wst:a failed: 429 x", None),
            ("KV put failed: 429 x", None),
            ("KV  failed: 429 x", None),
            ("KV PUT failed: 4290", None),
            ("KV PUT failed:  429", None),
            ("KV PUT failed: +29 x", None),
            ("KV PUT failed: wst:429", None),
            ("KV PUT failed: ", None),
            ("Network connection lost. 429", None),
            ("", None),
        ] {
            assert_eq!(status_of(message), status, "{message}");
        }
    }
}
