//! ws-ticket: one ticket, one WebSocket. The gate in front of yours, as a Cloudflare Worker.
//!
//! The rules are in the crate `ws-ticket-core`. The modules below are in order: each uses only those before it, which
//! `tests/modules.rs` checks. The design and its decisions are in `docs/architecture.md`.

pub mod platform;

pub mod config;

pub mod objects;

pub mod stores;

pub mod identity;

pub mod sessions;

pub mod http;

mod start;

use worker::{Context, Env, Request, Response, Result, event};

/// Every request of the Worker comes in here. There is always an answer: an error would be written to the log by the macro,
/// whatever it quotes.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _: Context) -> Result<Response> {
    Ok(http::serve(request, &start::once(&env)).await)
}
