//! Where events go: a line each to the Worker's log, and, where a monitor is to add them up, to the isolate's counts.

use std::cell::RefCell;

use worker::wasm_bindgen::{self, prelude::wasm_bindgen};
use ws_ticket_core::telemetry::{Event, Level, Tally, render};

// By hand: `worker`'s macros make a value of JavaScript's of each line first.
#[wasm_bindgen(js_namespace = console)]
extern "C" {
    fn log(line: &str);
    fn warn(line: &str);
    fn error(line: &str);
}

thread_local! {
    /// What was counted here and not fetched yet, where anybody will.
    static TALLY: RefCell<Option<Tally>> = const { RefCell::new(None) };
}

/// Counts from now on.
pub fn count() {
    TALLY.with_borrow_mut(|tally| {
        tally.get_or_insert_default();
    });
}

/// What was counted since the last time, as `Tally::take` says it.
pub fn counted() -> Option<String> {
    TALLY.with_borrow_mut(|tally| tally.as_mut()?.take())
}

/// Writes the event to the Worker's log, and counts it.
pub fn emit(event: &Event<'_>) {
    TALLY.with_borrow_mut(|tally| {
        if let Some(tally) = tally {
            tally.note(event);
        }
    });
    let line = render(event);
    match event.level() {
        Level::Info => log(&line),
        Level::Warn => warn(&line),
        Level::Alert => error(&line),
    }
}
