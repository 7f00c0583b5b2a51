//! The session that sends every message back. `echo.js` is the session; this opens it.

use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use ws_ticket_core::session::{PING, PONG, Welcome};
use ws_ticket_core::time::Millis;

#[wasm_bindgen(module = "/src/sessions/echo.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = open)]
    fn open_echo(
        welcome: &str,
        protocol: Option<&str>,
        ping: &str,
        pong: &str,
        ends_at: Option<f64>,
    ) -> Result<web_sys::Response, JsValue>;
}

pub fn open(
    welcome: &Welcome<'_>,
    protocol: Option<&str>,
    ends_at: Option<Millis>,
) -> Result<web_sys::Response, JsValue> {
    let welcome = serde_json::to_string(welcome).map_err(|_| JsValue::UNDEFINED)?;
    open_echo(&welcome, protocol, PING, PONG, ends_at.map(Millis::js))
}
