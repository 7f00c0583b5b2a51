//! The stores, and the only place that builds them.

pub mod claimed;
pub mod condition;
pub mod durable;
pub mod ends;
pub mod fallback;
pub mod instrumented;
pub mod kv;
pub mod ledger;
pub mod memory;
pub mod redis;
pub mod rest;
pub mod resting;
pub mod sealed;
pub mod upstash;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use worker::Env;
use worker::js_sys::Reflect;
use worker::wasm_bindgen::{JsCast, JsValue};

use crate::config::{BadSetting, KV_BINDING, Leaf, SHARD_BINDING, Stores};
use crate::objects::shards::{ShardSettings, Shards};
use claimed::Claimed;
use condition::Condition;
use durable::Durable;
use ends::Ends;
use fallback::Fallback;
use instrumented::{Instrumented, Thresholds};
use kv::{AfterRead, Kv};
use ledger::ShardLedger;
use memory::Memory;
use redis::Redis;
use rest::Rests;
use resting::{Resting, RestingLedger};
use sealed::Sealed;
use upstash::Upstash;
use ws_ticket_core::store::TicketStore;
use ws_ticket_core::telemetry::Sink;
use ws_ticket_core::ticket::{Home, SealKeys};
use ws_ticket_core::time::Millis;

/// How each store's tickets name their home; that of `durable` goes on with the shard, and sealed tickets have
/// [`ws_ticket_core::ticket::SEALED_HOME`]. Never reuse one, and let none begin another: a ticket in flight must not change hands.
const MEMORY: &str = "m";
const KV: &str = "k";
const DURABLE: &str = "d";
const REDIS: &str = "r";
const UPSTASH: &str = "u";

/// What issuing rests by where it may hang while consuming doesn't: no ticket's home has capitals.
const ISSUING: &str = "ISSUING";

/// The stores, and how each of them is.
pub type Built = (Fallback, Vec<Rc<Condition>>);

/// Builds what is configured out of the Worker's bindings. All stores that can't be built are named.
pub fn build(stores: &Stores, env: &Env, clock: fn() -> Millis, sink: Sink) -> Result<Built, Vec<BadSetting>> {
    let builder = Builder { stores, env, clock, sink, conditions: RefCell::default(), shards_told: Cell::default() };
    let mut problems = Vec::new();
    let mut built = |leaves: &[Leaf]| {
        let built = leaves.iter().map(|leaf| builder.leaf(leaf));
        built.filter_map(|store| store.map_err(|problem| problems.push(problem)).ok()).collect()
    };
    let (issuing, consuming) = (built(&stores.issuing), built(&stores.consuming));
    problems.dedup();
    if problems.is_empty() {
        Ok((Fallback::new(issuing, consuming, clock, sink), builder.conditions.into_inner()))
    } else {
        Err(problems)
    }
}

struct Builder<'a> {
    stores: &'a Stores,
    env: &'a Env,
    clock: fn() -> Millis,
    sink: Sink,
    conditions: RefCell<Vec<Rc<Condition>>>,
    /// Whether a store that was built already tells the shards of ends.
    shards_told: Cell<bool>,
}

impl Builder<'_> {
    fn leaf(&self, leaf: &Leaf) -> Result<Box<dyn TicketStore>, BadSetting> {
        Ok(match leaf {
            Leaf::Memory => self.watched(Memory::new(home(MEMORY)?, self.stays())),
            Leaf::Kv { ledger: false } => self.watched(self.resting(self.kv(AfterRead::Delete)?, ISSUING)),
            Leaf::Kv { ledger: true } => {
                // KV and each shard hang for themselves.
                let kv = self.resting(self.kv(AfterRead::Keep)?, ISSUING);
                self.watched(Claimed::new(kv, self.ledger()?))
            }
            Leaf::Durable => {
                self.watched(self.resting(Durable::new(DURABLE, self.shards()?, self.stores.shards_asked), ISSUING))
            }
            Leaf::Sealed(secrets) => {
                let keys = SealKeys::new(secrets.iter().map(|secret| secret.reveal().as_bytes()));
                self.watched(Claimed::new(Sealed::new(keys, self.clock), self.ledger()?))
            }
            Leaf::Redis(redis) => {
                let store = Redis::new(home(REDIS)?, redis.clone(), self.stores.timeout_ms, self.ends());
                self.watched(self.resting(store, REDIS))
            }
            Leaf::Upstash(upstash) => {
                let store = Upstash::new(home(UPSTASH)?, upstash.clone(), self.stores.timeout_ms, self.ends());
                self.watched(self.resting(store, UPSTASH))
            }
        })
    }

    fn watched(&self, store: impl TicketStore + 'static) -> Box<dyn TicketStore> {
        let (write_ms, read_ms) = (self.stores.slow_write_ms.into(), self.stores.slow_read_ms.into());
        let condition = Rc::new(Condition::new(store.to_string()));
        self.conditions.borrow_mut().push(Rc::clone(&condition));
        Box::new(Instrumented::new(store, condition, Thresholds { write_ms, read_ms }, self.clock, self.sink))
    }

    fn resting<S: TicketStore>(&self, store: S, issues_at: &'static str) -> Resting<S> {
        Resting::new(store, issues_at, self.rests())
    }

    /// The longest call waits for two answers, and a second is for what lies between.
    fn rests(&self) -> Rests {
        Rests::new(u64::from(self.stores.timeout_ms).saturating_mul(2).saturating_add(1_000), self.clock)
    }

    fn ends(&self) -> Option<Ends> {
        self.stores.ends.then(|| Ends { session_max_seconds: self.stays() })
    }

    /// `SESSION_MAX_SECONDS`, where sessions are in rooms and can be ended from outside.
    fn stays(&self) -> Option<u32> {
        (self.stores.ends && self.stores.rooms).then_some(self.stores.session_max_seconds)
    }

    fn kv(&self, after_read: AfterRead) -> Result<Kv, BadSetting> {
        // It has no class of its own to know it by.
        let namespace = Reflect::get(self.env, &KV_BINDING.into()).ok().filter(JsValue::is_object);
        let namespace = namespace.ok_or_else(|| BadSetting::binding(KV_BINDING, "a Workers KV namespace"))?;
        Ok(Kv::new(home(KV)?, namespace.unchecked_into(), after_read, self.stores.timeout_ms, self.sink))
    }

    fn ledger(&self) -> Result<RestingLedger<ShardLedger>, BadSetting> {
        Ok(RestingLedger::new(ShardLedger(self.shards()?), self.rests()))
    }

    fn shards(&self) -> Result<Shards, BadSetting> {
        let namespace = self
            .env
            .durable_object(SHARD_BINDING)
            .map_err(|_| BadSetting::binding(SHARD_BINDING, "the Durable Object class TicketShard"))?;
        let settings = ShardSettings {
            count: self.stores.shards,
            previous: self.stores.shards_before,
            timeout_ms: self.stores.timeout_ms,
            ends: self.stores.ends,
            stays: self.stays(),
            tells: !self.shards_told.replace(true),
        };
        Ok(Shards::new(namespace, settings))
    }
}

fn home(name: &str) -> Result<Home, BadSetting> {
    Home::parse(name).map_err(|_| BadSetting::wrong("TICKET_STORE", "has a store with an invalid home"))
}
