//! What every session says: its first frame, and the answer to a ping.

use serde::Serialize;
use uuid::Uuid;

use crate::grant::{Claims, Grant};
use crate::time::Millis;

/// What a client asks by whether its connection still leads anywhere: a text message, for browsers can't send a ping frame.
/// It and its answer are fixed texts, so that a Durable Object can have the platform answer without being woken
/// (<https://developers.cloudflare.com/durable-objects/api/state/#setwebsocketautoresponse>).
pub const PING: &str = "ws-ticket:ping";
/// The answer to `PING`.
pub const PONG: &str = "ws-ticket:pong";

/// The first frame of every session.
#[derive(Serialize)]
pub struct Welcome<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    session: Uuid,
    subject: &'a crate::grant::Subject,
    room: Option<&'a crate::grant::Room>,
    #[serde(skip_serializing_if = "Claims::is_empty")]
    claims: &'a Claims,
    expires_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_expires_at: Option<String>,
}

impl<'a> Welcome<'a> {
    /// For a session that begins with `grant`; `expires_at` is the grant's, as RFC 3339.
    pub fn new(session: Uuid, grant: &'a Grant, expires_at: &'a str) -> Self {
        Self {
            kind: "welcome",
            session,
            subject: &grant.subject,
            room: grant.room.as_ref(),
            claims: &grant.claims,
            expires_at,
            session_expires_at: grant.session_ends_at.map(Millis::rfc3339),
        }
    }
}
