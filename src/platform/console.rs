//! The Worker's log: a line for each event.

use worker::wasm_bindgen::{self, prelude::wasm_bindgen};
use ws_ticket_core::telemetry::{Event, Level, render};

// By hand: `worker`'s macros make a value of JavaScript's of each line first.
#[wasm_bindgen(js_namespace = console)]
extern "C" {
    fn log(line: &str);
    fn warn(line: &str);
    fn error(line: &str);
}

/// Writes the event to the Worker's log.
pub fn emit(event: &Event<'_>) {
    let line = render(event);
    match event.level() {
        Level::Info => log(&line),
        Level::Warn => warn(&line),
        Level::Alert => error(&line),
    }
}
