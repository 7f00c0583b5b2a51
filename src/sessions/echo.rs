//! The session that sends every message back. `echo.js` is the session; this opens it.

use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use ws_ticket_core::session::{PING, PONG, Welcome};

#[wasm_bindgen(module = "/src/sessions/echo.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = open)]
    fn open_echo(welcome: &str, protocol: Option<&str>, ping: &str, pong: &str) -> Result<web_sys::Response, JsValue>;
}

pub fn open(welcome: &Welcome<'_>, protocol: Option<&str>) -> Result<web_sys::Response, JsValue> {
    let welcome = serde_json::to_string(welcome).map_err(|_| JsValue::UNDEFINED)?;
    open_echo(&welcome, protocol, PING, PONG)
}
