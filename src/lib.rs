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

/// What a gate can't cost less than, for the bench.
#[cfg(feature = "frame")]
#[path = "../bench/frame.rs"]
mod frame;

use worker::wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen};
use worker::{Context, Env, Response, Result, event};

use platform::task;
use platform::wire::Request;

/// Does nothing. Where the wasm has panicked, calling it is what begins anew: `entry/index.js` does so before it hands over a text,
/// which would otherwise be written into the memory that is given up.
#[wasm_bindgen]
pub fn revive() {}

/// The door that `entry/index.js` knocks at, with what it has read of the request (`platform/wire.js`): a `Response`, or a promise
/// of one where there is something to wait for.
#[cfg_attr(feature = "frame", expect(unused_variables, unreachable_code, reason = "the frame answers by itself"))]
#[wasm_bindgen]
pub fn handle(facts: String, body: Option<Vec<u8>>, request: web_sys::Request, env: JsValue) -> JsValue {
    #[cfg(feature = "frame")]
    return frame::answer(&facts);
    let started = start::once(env.unchecked_ref());
    #[cfg(feature = "panicking")]
    panic_if_asked_to(&facts);
    task::run(async move { http::serve(Request::new(facts, body, request), &started).await })
}

/// What the named entrypoint `Redeem` asks: a promise of the status in three digits, and JSON behind them.
#[wasm_bindgen]
pub fn redeem(presented: String, env: JsValue) -> JsValue {
    let started = start::once(env.unchecked_ref());
    task::run(async move {
        let (status, text) = http::redeem(presented.as_bytes(), &started).await;
        JsValue::from_str(&format!("{status}{text}"))
    })
}

/// What a room asks when a member presents a fresh ticket (`http/renew.rs`): a promise of `200` and JSON behind it, or of a code.
#[wasm_bindgen]
pub fn renew(presented: String, env: JsValue) -> JsValue {
    let started = start::once(env.unchecked_ref());
    task::run(async move {
        let renewed = http::renew(&presented, &started).await;
        JsValue::from_str(&renewed.map_or_else(str::to_owned, |json| format!("200{json}")))
    })
}

/// What was counted in this isolate since the last time; nothing where there is no monitor to add it up.
#[wasm_bindgen]
pub fn counted() -> Option<String> {
    platform::console::counted()
}

/// The door of the crate `worker`: for who builds the Worker with `worker-build` and its entry. It reads the request itself and
/// leads to the same place.
#[event(fetch)]
async fn fetch(request: worker::Request, env: Env, _: Context) -> Result<Response> {
    let request = Request::read(request.inner()).await;
    let answer = http::serve(request, &start::once(&env)).await;
    answer.dyn_into::<web_sys::Response>().map(Response::from).map_err(|_| "no answer".into())
}

/// What can't happen, for a test of what would follow.
#[cfg(feature = "panicking")]
#[expect(clippy::panic, reason = "it is what this is for")]
fn panic_if_asked_to(facts: &str) {
    if facts.contains("/panic\n") {
        panic!("asked to");
    }
}
