//! The only place that talks to JavaScript for I/O: requests and answers, calls to other servers, promises that are waited for,
//! sockets, the clock, the log.

pub mod clock;
pub mod console;
mod fetch;
pub mod panics;
pub mod race;
pub mod socket;
pub mod target;
pub mod task;
pub mod wire;

pub use fetch::{Call, Fetched, at_most, fetch, is_json};
pub use race::{Deadline, NoAnswer};
