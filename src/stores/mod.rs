//! The stores, and the only place that builds them.

pub mod claimed;
pub mod deadline;
pub mod durable;
pub mod fallback;
pub mod instrumented;
pub mod kv;
pub mod ledger;
pub mod memory;
pub mod redis;
pub mod shard;
pub mod upstash;

use worker::Env;
use worker::js_sys::Reflect;
use worker::wasm_bindgen::{JsCast, JsValue};

use crate::config::{KV_BINDING, Leaf, Problem, SHARD_BINDING, Stores};
use crate::grant::Millis;
use crate::store::TicketStore;
use crate::telemetry::Sink;
use crate::ticket::Home;
use claimed::Claimed;
use durable::Durable;
use fallback::Fallback;
use instrumented::{Instrumented, Thresholds};
use kv::{AfterRead, Kv};
use ledger::ShardLedger;
use memory::Memory;
use redis::Redis;
use shard::Shards;
use upstash::Upstash;

/// How each store's tickets name their home; that of `durable` goes on with the shard. Never reuse one, and let none begin
/// another: a ticket in flight must not change hands.
const MEMORY: &str = "m";
const KV: &str = "k";
const DURABLE: &str = "d";
const REDIS: &str = "r";
const UPSTASH: &str = "u";

/// Builds what is configured out of the Worker's bindings. All stores that can't be built are named.
pub fn build(stores: &Stores, env: &Env, clock: fn() -> Millis, sink: Sink) -> Result<Fallback, Vec<Problem>> {
    let builder = Builder { stores, env, clock, sink };
    let (issuing, wrong): (Vec<_>, Vec<_>) =
        stores.issuing.iter().map(|leaf| builder.leaf(leaf)).partition(Result::is_ok);
    let (consuming, wrong_too): (Vec<_>, Vec<_>) =
        stores.consuming.iter().map(|leaf| builder.leaf(leaf)).partition(Result::is_ok);
    let mut problems: Vec<Problem> = wrong.into_iter().chain(wrong_too).filter_map(Result::err).collect();
    problems.dedup();
    if problems.is_empty() {
        let good = |built: Vec<Result<_, _>>| built.into_iter().filter_map(Result::ok).collect();
        Ok(Fallback::new(good(issuing), good(consuming), clock, sink))
    } else {
        Err(problems)
    }
}

struct Builder<'a> {
    stores: &'a Stores,
    env: &'a Env,
    clock: fn() -> Millis,
    sink: Sink,
}

impl Builder<'_> {
    fn leaf(&self, leaf: &Leaf) -> Result<Box<dyn TicketStore>, Problem> {
        Ok(match leaf {
            Leaf::Memory => self.watched(Memory::new(home(MEMORY)?)),
            Leaf::Kv { ledger: false } => self.watched(self.kv(AfterRead::Delete)?),
            Leaf::Kv { ledger: true } => {
                self.watched(Claimed::new(self.kv(AfterRead::Keep)?, ShardLedger(self.shards()?)))
            }
            Leaf::Durable => self.watched(Durable::new(DURABLE, self.shards()?, self.stores.shards_asked)),
            Leaf::Redis(redis) => self.watched(Redis::new(home(REDIS)?, redis.clone(), self.stores.timeout_ms)),
            Leaf::Upstash(upstash) => {
                self.watched(Upstash::new(home(UPSTASH)?, upstash.clone(), self.stores.timeout_ms))
            }
        })
    }

    fn watched(&self, store: impl TicketStore + 'static) -> Box<dyn TicketStore> {
        let (write_ms, read_ms) = (self.stores.slow_write_ms.into(), self.stores.slow_read_ms.into());
        Box::new(Instrumented::new(store, Thresholds { write_ms, read_ms }, self.clock, self.sink))
    }

    fn kv(&self, after_read: AfterRead) -> Result<Kv, Problem> {
        // It has no class of its own to know it by.
        let namespace = Reflect::get(self.env, &KV_BINDING.into()).ok().filter(JsValue::is_object);
        let namespace = namespace.ok_or_else(|| Problem::binding(KV_BINDING, "a Workers KV namespace"))?;
        Ok(Kv::new(home(KV)?, namespace.unchecked_into(), after_read, self.stores.timeout_ms, self.sink))
    }

    fn shards(&self) -> Result<Shards, Problem> {
        let namespace = self
            .env
            .durable_object(SHARD_BINDING)
            .map_err(|_| Problem::binding(SHARD_BINDING, "the Durable Object class TicketShard"))?;
        Ok(Shards::new(namespace, self.stores.shards, self.stores.timeout_ms))
    }
}

fn home(name: &str) -> Result<Home, Problem> {
    Home::parse(name).map_err(|_| Problem::wrong("TICKET_STORE", "has a store with an invalid home"))
}
