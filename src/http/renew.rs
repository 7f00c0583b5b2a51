//! A fresh ticket, presented on a socket that is open: what the room asks of it. It is consumed as at an upgrade, by the same rules: it
//! must come from the page, and with the cookie, that the socket was opened from. Whether it is the same subject's and for the same room
//! is the room's to see.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::problem::Problem;
use super::reuse::consumed;
use super::{App, Failure};
use crate::platform::{clock, console};
use crate::sessions::Session;
use ws_ticket_core::gate::{Cookie, Presenter};
use ws_ticket_core::store::{Attempt, StoreError};
use ws_ticket_core::telemetry::Event;
use ws_ticket_core::ticket::{Digest, TicketId};
use ws_ticket_core::time::Millis;

use super::redeem::ticket_of;

/// Its name in telemetry.
pub const ROUTE: &str = "renew";

/// What a room says. No `Debug`: the ticket is a secret.
#[derive(Deserialize)]
struct Presented {
    ticket: String,
    /// The session's id.
    id: Uuid,
    /// The page's, as at the upgrade.
    origin: Option<String>,
    /// The digest of the cookie that came with the upgrade, where the ticket wanted one.
    bond: Option<Digest>,
}

/// What it learns.
#[derive(Serialize)]
struct Renewed {
    key: Digest,
    room: Digest,
    ticket: TicketId,
    issued: Millis,
    ends: Millis,
    until: Millis,
}

/// Consumes the ticket.
pub async fn renew(app: &App, text: &str) -> Result<String, Failure> {
    let Session::Hub(hub) = &app.session else { return Err(Problem::NotFound.into()) };
    let presented: Presented = serde_json::from_str(text).map_err(|_| Failure::Fault)?;
    let ticket = ticket_of(app, &presented.ticket)?;
    let attempt = Attempt::random().map_err(StoreError::from)?;
    let cookie = presented.bond.map_or(Cookie::Missing, Cookie::Bond);
    let by = Presenter { origin: presented.origin.as_deref(), cookie };
    let grant = consumed(app, &ticket, attempt, by).await?;
    let now = clock::now();
    let age_ms = now.since(grant.issued_at);
    console::emit(&Event::Consumed { ticket_id: grant.ticket_id, session: presented.id, age_ms });
    let renewed = Renewed {
        key: grant.subject.digest(),
        room: grant.place(),
        ticket: grant.ticket_id,
        issued: grant.issued_at,
        ends: hub.ends(&grant, now),
        until: hub.until(&grant),
    };
    serde_json::to_string(&renewed).map_err(|_| Failure::Fault)
}
