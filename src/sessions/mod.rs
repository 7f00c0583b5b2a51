//! What stands behind the gate: the WebSocket after the upgrade. The only place that knows them all.

mod echo;

use worker::wasm_bindgen::JsValue;

use ws_ticket_core::session::{PING, Welcome};

/// A kind of session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Sends every message back.
    Echo,
}

impl Session {
    /// What a client asks to find out whether its connection still leads anywhere; `None` where nobody answers.
    pub fn ping(self) -> Option<&'static str> {
        match self {
            Self::Echo => Some(PING),
        }
    }

    /// Opens it and answers with its other end. The welcome is its first frame; `protocol` is the subprotocol, where there is one. An
    /// error is the platform's, and for nobody's eyes.
    pub fn open(self, welcome: &Welcome<'_>, protocol: Option<&str>) -> Result<web_sys::Response, JsValue> {
        match self {
            Self::Echo => echo::open(welcome, protocol),
        }
    }
}
