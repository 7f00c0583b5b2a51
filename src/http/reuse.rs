//! Consuming a ticket, and what follows where somebody presents one that was used: a copy of it is about. With `ON_REUSE=close` the session
//! that it opened is closed too, since nobody can tell which of the two is the one whose ticket it is.

use super::ending::Ask;
use super::{App, Failure};
use crate::platform::race::behind_the_answer;
use crate::platform::{clock, console};
use crate::sessions::Session;
use ws_ticket_core::gate::{NotAdmitted, Presenter};
use ws_ticket_core::grant::Grant;
use ws_ticket_core::store::{Attempt, TTL_MAX};
use ws_ticket_core::telemetry::Event;
use ws_ticket_core::ticket::{Digest, Ticket, TicketId};

/// In telemetry, the route of an end that follows from a reuse.
const ROUTE: &str = "reuse";

/// The ticket's grant, once.
pub async fn consumed(app: &App, ticket: &Ticket, attempt: Attempt, by: Presenter<'_>) -> Result<Grant, Failure> {
    let admitted = app.gate.consume(ticket, attempt, by, clock::now).await;
    if let Err(NotAdmitted::Used { ticket_id, place }) = &admitted {
        console::emit(&Event::Reused { ticket_id: *ticket_id });
        if let Some(place) = place.filter(|_| app.closes_reused) {
            close(app, *ticket_id, place);
        }
    }
    Ok(admitted?)
}

/// Closes what the ticket opened, or is about to open. Nobody waits: whoever presents a copy learns nothing.
fn close(app: &App, ticket_id: TicketId, place: Digest) {
    let Session::Hub(hub) = &app.session else { return };
    let until = Some(clock::now().plus_seconds(TTL_MAX));
    let Ok(ask) = serde_json::to_string(&Ask { ticket: Some(ticket_id), until, ..Ask::default() }) else { return };
    let hub = hub.clone();
    behind_the_answer(async move {
        let sessions = hub.ask(place, "endTicket", &ask).await.and_then(|count| count.parse().ok());
        console::emit(&Event::SessionsEnded { route: ROUTE, sessions });
    });
}
