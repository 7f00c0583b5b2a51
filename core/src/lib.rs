//! The rules of ws-ticket: what a ticket is, what a store owes, what a gate decides. No Worker, no I/O: whatever serves
//! requests can depend on this crate and bring its own [`store::TicketStore`].
//!
//! The modules below are in order: each uses only those before it, which `tests/modules.rs` checks.

pub mod time;

pub mod ticket;

pub mod region;

pub mod grant;

pub mod store;

pub mod gate;

pub mod session;

pub mod telemetry;
