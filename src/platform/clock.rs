//! The clock.

use worker::Date;
use ws_ticket_core::time::Millis;

/// Now. The platform's clock moves only with I/O
/// (<https://developers.cloudflare.com/workers/reference/security-model/#step-1-disallow-timers-and-multi-threading>).
pub fn now() -> Millis {
    Millis(Date::now().as_millis())
}
