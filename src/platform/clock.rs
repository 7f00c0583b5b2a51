//! The clock.

use worker::js_sys::Date;
use ws_ticket_core::time::Millis;

/// Now. The platform's clock moves only with I/O
/// (<https://developers.cloudflare.com/workers/reference/security-model/#step-1-disallow-timers-and-multi-threading>).
pub fn now() -> Millis {
    Millis(whole(Date::now()))
}

/// Milliseconds, which the platform gives as a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float to integer saturates")]
fn whole(millis: f64) -> u64 {
    millis as u64
}
