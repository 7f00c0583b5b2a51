//! Who comes, in headers: for a server behind the gate, and for a proxy that asks it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;
use ws_ticket_core::grant::Grant;

/// Those that a grant may have nothing for.
pub const OPTIONAL: [&str; 3] = ["X-Ticket-Room", "X-Ticket-Claims", "X-Ticket-Session-Expires"];

/// Names and values, all of them ASCII: subject and room percent-encoded UTF-8, moments in seconds since 1970, claims as JSON in
/// base64url without padding. Room and claims are absent where there are none.
pub fn of(grant: &Grant, session: Uuid) -> Vec<(&'static str, String)> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut headers = vec![
        ("X-Ticket-Subject", encoded(grant.subject.as_str())),
        ("X-Ticket-Id", grant.ticket_id.to_string()),
        ("X-Ticket-Session", session.to_string()),
        ("X-Ticket-Expires", grant.expires_at.0.div_euclid(1000).to_string()),
    ];
    if let Some(end) = grant.session_ends_at {
        headers.push(("X-Ticket-Session-Expires", end.0.div_euclid(1000).to_string()));
    }
    if let Some(room) = &grant.room {
        headers.push(("X-Ticket-Room", encoded(room.as_str())));
    }
    if !grant.claims.is_empty() {
        // Texts, numbers and lists of them always make JSON.
        let json = serde_json::to_vec(&grant.claims).unwrap_or_default();
        headers.push(("X-Ticket-Claims", URL_SAFE_NO_PAD.encode(json)));
    }
    headers
}
