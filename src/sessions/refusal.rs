//! The socket that says why there is none. `refusal.js` is the socket.

use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

#[wasm_bindgen(module = "/src/sessions/refusal.js")]
extern "C" {
    /// Opens it and closes it at once with the code and the reason.
    #[wasm_bindgen(catch)]
    pub fn refuse(code: u16, reason: &str, protocol: Option<&str>) -> Result<web_sys::Response, JsValue>;
}
