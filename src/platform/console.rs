//! The Worker's log: a line for each event.

use ws_ticket_core::telemetry::{Event, Level, render};

/// Writes the event to the Worker's log.
pub fn emit(event: &Event<'_>) {
    let line = render(event);
    match event.level() {
        Level::Info => worker::console_log!("{line}"),
        Level::Warn => worker::console_warn!("{line}"),
        Level::Alert => worker::console_error!("{line}"),
    }
}
