//! Durable Objects, one a file. `asks.rs` is what the gate and they say to each other; [`shards::Shards`] asks,
//! [`shard::TicketShard`] decides.

mod asks;
pub mod monitors;
pub mod shard;
pub mod shards;

pub use asks::{ENDED, GIVEN, GIVEN_AND_NOTED, TAKEN, TOO_LATE, UNKNOWN};
