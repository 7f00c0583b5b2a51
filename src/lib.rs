//! ws-ticket: one ticket, one WebSocket. The gate in front of yours, as a Cloudflare Worker.
//!
//! The modules below are in order: each uses only those before it, which `tests/modules.rs` checks. The design and its
//! decisions are in `docs/architecture.md`.

pub mod ticket;

pub mod region;

pub mod grant;

pub mod store;

pub mod gate;

pub mod config;

pub mod telemetry;

pub mod outside;

pub mod limit;

pub mod stores;

pub mod identity;

pub mod session;

pub mod problem;

pub mod http;

mod start;

use worker::{Context, Env, Request, Response, Result, event};

/// Every request of the Worker comes in here. There is always an answer: an error would be written to the log by the macro,
/// whatever it quotes.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _: Context) -> Result<Response> {
    Ok(http::serve(request, &start::once(&env)).await)
}
