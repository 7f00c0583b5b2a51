//! The monitor, as the gate sees it: one Durable Object, `monitor.js`, which adds up what isolates count.

use worker::js_sys::Promise;
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use crate::platform::race::settled;

#[wasm_bindgen(module = "/src/objects/monitors.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn metrics(namespace: &JsValue, version: &str, ms: u32) -> Result<Promise, JsValue>;
}

/// How long it is waited for, in milliseconds: it may be far away, and Prometheus
/// waits 10 s for the answer.
const TIMEOUT_MS: u32 = 5_000;

/// The monitor.
#[derive(Clone, Debug)]
pub struct Monitor {
    namespace: JsValue,
}

impl Monitor {
    /// That of the namespace.
    pub fn new(namespace: JsValue) -> Self {
        Self { namespace }
    }

    /// Its totals in Prometheus' text format; `None` where it gave no answer.
    pub async fn metrics(&self) -> Option<String> {
        let answer = metrics(&self.namespace, env!("CARGO_PKG_VERSION"), TIMEOUT_MS).ok()?;
        settled(answer).await.ok()?.as_string()
    }
}
