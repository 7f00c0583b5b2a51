//! For the bench alone (`--features frame`): what the runtime and one crossing each way charge for what a client and an operator
//! see of the gate. The same facts come in, the same answers go out and the same lines are logged as with `bench/twins/frame.js`,
//! and nothing is decided. No gate in wasm that shows the same can cost less.

use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use crate::platform::wire::{Answer, Made};

#[wasm_bindgen(js_namespace = console)]
extern "C" {
    fn log(line: &str);
}

#[wasm_bindgen(module = "/src/sessions/echo.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn open(
        welcome: &str,
        protocol: Option<&str>,
        ping: &str,
        pong: &str,
        ends_at: Option<f64>,
    ) -> Result<web_sys::Response, JsValue>;
}

const BODY: &str = r#"{"ticket":"wst_m_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","expires_in":300,"expires_at":"2026-11-26T12:00:00.000Z","url":"ws://127.0.0.1:65535/ws?ticket=wst_m_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","ping":"ws-ticket:ping"}"#;
const WELCOME: &str = r#"{"type":"welcome","session":"00000000-0000-4000-8000-000000000000","subject":"dev","room":null,"expires_at":"2026-11-26T12:00:00.000Z"}"#;
const HEAD: [(&str, &str); 7] = [
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Type", "application/json"),
    ("Vary", "Origin"),
    ("Access-Control-Allow-Origin", "http://127.0.0.1:65535"),
    ("Access-Control-Expose-Headers", "Retry-After"),
];
const ISSUED: [&str; 2] = [
    r#"{"event":"store","level":"info","operation":"issue","outcome":"issued","store":"memory","ms":0}"#,
    r#"{"event":"issued","level":"info","ticket_id":"00000000-0000-4000-8000-000000000000","expires_in":300}"#,
];
const CONSUMED: [&str; 2] = [
    r#"{"event":"store","level":"info","operation":"consume","outcome":"granted","store":"memory","ms":0}"#,
    r#"{"event":"consumed","level":"info","ticket_id":"00000000-0000-4000-8000-000000000000","session":"00000000-0000-4000-8000-000000000000","age_ms":12}"#,
];

/// The answer to the request that has these facts.
pub fn answer(facts: &str) -> JsValue {
    let answer = if facts.contains("/nowhere\n") {
        Answer::from(Made::new(200).body("hello".to_owned())).send()
    } else if facts.starts_with("POST") {
        ISSUED.into_iter().for_each(log);
        let made = HEAD.into_iter().fold(Made::new(200), |made, (name, value)| made.header(name, value));
        Answer::from(made.body(BODY.to_owned())).send()
    } else {
        CONSUMED.into_iter().for_each(log);
        open(WELCOME, None, "ws-ticket:ping", "ws-ticket:pong", None)
    };
    answer.map_or(JsValue::UNDEFINED, JsValue::from)
}
