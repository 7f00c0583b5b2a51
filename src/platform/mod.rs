//! The only place that talks to JavaScript for I/O: calls to other servers, promises that are waited for, sockets, the log.

pub mod console;
mod fetch;
pub mod race;
pub mod socket;

pub use fetch::{Answer, Ask, at_most, fetch, fetch_by, is_json};
pub use race::{Deadline, NoAnswer};
