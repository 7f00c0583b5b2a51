//! The stores, and the only place that knows them by name.

pub mod claimed;
pub mod kv;
pub mod memory;
pub mod shard;

use worker::Env;

use crate::config::{Composition, KV_BINDING, Problem, SHARD_BINDING};
use crate::store::TicketStore;
use crate::ticket::Home;
use claimed::Claimed;
use kv::{AfterRead, Kv};
use memory::Memory;
use shard::Shards;

/// How each store's tickets name their home. Never reuse one: a ticket in flight must not change hands.
const MEMORY_HOME: &str = "m";
const KV_HOME: &str = "k";

/// Builds the composition out of the Worker's bindings.
pub fn build(composition: Composition, env: &Env) -> Result<Box<dyn TicketStore>, Problem> {
    let home = |name| Home::parse(name).map_err(|_| Problem::wrong("TICKET_STORE", "has a store with an invalid home"));
    let kv = |after_read| -> Result<Kv, Problem> {
        let namespace = env.kv(KV_BINDING).map_err(|_| Problem::binding(KV_BINDING, "a Workers KV namespace"))?;
        Ok(Kv::new(home(KV_HOME)?, namespace, after_read))
    };
    Ok(match composition {
        Composition::Memory => Box::new(Memory::new(home(MEMORY_HOME)?)),
        Composition::Kv => Box::new(kv(AfterRead::Delete)?),
        Composition::KvWithLedger { shards } => {
            let namespace = env
                .durable_object(SHARD_BINDING)
                .map_err(|_| Problem::binding(SHARD_BINDING, "a Durable Object namespace"))?;
            Box::new(Claimed::new(kv(AfterRead::Keep)?, Shards::new(namespace, shards)))
        }
    })
}
