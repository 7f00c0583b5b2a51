//! `GET /ws`, and with an upstream what is below it: consumes the ticket and opens the session.
//!
//! The cheap checks come first: method, upgrade, handshake, origin, the ticket's form. A request that fails one of them
//! costs no store call and burns no ticket.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::credential::{SUBPROTOCOL, is_ticket};
use super::limit::Address;
use super::list::elements;
use super::origin::Origins;
use super::problem::Problem;
use super::reuse::consumed;
use super::{App, Asked, Failure, Refusal, cookie, credential, refuse};
use crate::config::is_token;
use crate::platform::wire::{Answer, Header, Request};
use crate::platform::{clock, console};
use crate::sessions::{self, NotOpened, Opening};
use ws_ticket_core::gate::{NotAdmitted, Presenter};
use ws_ticket_core::store::{Attempt, StoreError};
use ws_ticket_core::telemetry::{Event, Reason};
use ws_ticket_core::ticket::{TicketId, random_uuid};

/// Admits or refuses; `below` is the path behind `/ws`.
pub async fn answer(app: &App, asked: &Asked<'_>, below: &str) -> Result<Answer, Failure> {
    let address = asked.request.header(Header::CfConnectingIp).and_then(Address::parse);
    counted(app, address, admit(app, asked, below)).await
}

/// What this comes to for somebody at the address. Refusals are counted for it, and one that has too many waits before anything is
/// looked at.
pub async fn counted<T>(
    app: &App,
    address: Option<Address>,
    admit: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(address) = address.filter(|_| app.limits.refusal.is_some()) else { return admit.await };
    if app.limits.is_blocked(&address, clock::now()) {
        return Err(Problem::RateLimited.into());
    }
    let answer = admit.await;
    if let Err(Failure::Refused(refusal)) = &answer
        && refusal.problem.status() < 500
        && app.limits.refusal(&address, clock::now).await.is_err()
    {
        // The log keeps the exact reason; the client learns only that it has to wait.
        return Err(Refusal { problem: Problem::RateLimited, ..*refusal }.into());
    }
    answer
}

async fn admit(app: &App, asked: &Asked<'_>, below: &str) -> Result<Answer, Failure> {
    let request = asked.request;
    let origins = Origins::new(&app.origins, asked.target);
    let address = app.session.address(origins.own(), below, &asked.target.query).ok_or(Problem::NotFound)?;
    if request.method() != "GET" {
        return Err(Problem::MethodNotAllowed { allow: "GET" }.into());
    }
    handshake(request)?;
    let origin = origins.check(request)?.map(|origin| origins.bound(origin));
    let offers = request.header(Header::SecWebSocketProtocol);
    let credential = credential::read(&asked.target.query, offers, app.carriage, &app.keyring)?;
    // Everything that can fail should fail before the ticket is burnt.
    app.session.ready().await.map_err(|_| Failure::Fault)?;
    let attempt = Attempt::random().map_err(StoreError::from)?;
    let session = random_uuid().map_err(StoreError::from)?;
    let cookie = (&cookie::read(request.header(Header::Cookie))).into();
    let presenter = Presenter { origin: origin.as_deref(), cookie };
    let grant = consumed(app, &credential.ticket, attempt, presenter).await?;
    let now = clock::now();
    let opening = Opening {
        session,
        grant: &grant,
        request: request.raw(),
        own_origin: origins.own(),
        address: &address,
        offers: &credential.offers,
        otherwise: credential.otherwise,
    };
    let response = app.session.open(&opening, now).await.map_err(|why| not_opened(why, grant.ticket_id))?;
    // Only now is there a socket: what fails before is an error of the gate or of what is behind it, and admits nobody.
    let age_ms = now.since(grant.issued_at);
    console::emit(&Event::Consumed { ticket_id: grant.ticket_id, session, age_ms });
    Ok(Answer::Raw(response))
}

/// The refusal as a socket that is closed at once, where a socket was asked for: its code is 4000 and the status; 4408, "come back", for a ticket that is refused; or 4503 for all that
/// may be over in a while, and its reason the problem's code. A browser gives up where it offered subprotocols and none is chosen.
pub fn close(asked: &Asked<'_>, problem: Problem) -> Answer {
    let request = asked.request;
    if request.method() != "GET" || handshake(request).is_err() {
        return refuse(problem);
    }
    let code = match problem.status() {
        // Of a ticket alone: a fresh one may be good. By 4401 clients stay away, those of graphql-ws for ever.
        401 => 4408,
        status @ (400 | 403 | 429 | 500) => status.saturating_add(4000),
        502..=504 => 4503,
        _ => 4400,
    };
    let offers = request.header(Header::SecWebSocketProtocol).unwrap_or_default();
    let chosen = elements(offers).filter(|offer| is_token(offer) && !is_ticket(offer));
    // The app's own first, as where the socket is opened.
    let chosen = chosen.min_by_key(|offer| *offer == SUBPROTOCOL);
    sessions::refuse(code, problem.code(), chosen).map_or_else(|_| refuse(problem), Answer::Raw)
}

fn not_opened(why: NotOpened, ticket_id: TicketId) -> Failure {
    let problem = match why {
        NotOpened::Refused => Problem::UpstreamRefused,
        NotOpened::Failed => Problem::UpstreamFailed,
        NotOpened::TimedOut => Problem::UpstreamTimeout,
        NotOpened::RoomFull => Problem::RoomFull,
        NotOpened::NoRoom => Problem::RoomUnavailable,
        NotOpened::Over => return NotAdmitted::Ended(ticket_id).into(),
        NotOpened::Fault => return Failure::Fault,
    };
    Refusal { ticket_id: Some(ticket_id), ..problem.into() }.into()
}

impl From<NotAdmitted> for Refusal {
    fn from(why: NotAdmitted) -> Self {
        let refused = |reason, ticket_id| Self { problem: Problem::TicketRefused, reason, ticket_id };
        match why {
            NotAdmitted::Unknown => refused(Reason::Unknown, None),
            NotAdmitted::Forged => refused(Reason::Forged, None),
            NotAdmitted::Used { ticket_id, .. } => refused(Reason::Used, Some(ticket_id)),
            NotAdmitted::Expired(ticket_id) => refused(Reason::Expired, Some(ticket_id)),
            NotAdmitted::Ended(ticket_id) => refused(Reason::Ended, Some(ticket_id)),
            NotAdmitted::NotUnderstood(ticket_id) => refused(Reason::NotUnderstood, ticket_id),
            NotAdmitted::Elsewhere(ticket_id, mismatch) => refused(Reason::Elsewhere(mismatch), Some(ticket_id)),
            NotAdmitted::Store(error) => error.into(),
        }
    }
}

/// The handshake of RFC 6455 §4.2.1, as far as the platform leaves it to us. `Upgrade` is a list (RFC 9110 §7.8), but the
/// platform opens a socket only where `websocket` stands in it alone: a longer one is refused here, before it could burn a
/// ticket. `Connection` belongs to the hop and isn't looked at, by the platform neither.
fn handshake(request: &Request) -> Result<(), Failure> {
    let is_upgrade = request.header(Header::Upgrade).is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    if !is_upgrade {
        return Err(Problem::UpgradeRequired.into());
    }
    let version = request.header(Header::SecWebSocketVersion);
    let key = request.header(Header::SecWebSocketKey).and_then(|key| STANDARD.decode(key).ok());
    let good = version == Some("13") && key.is_some_and(|key| key.len() == 16);
    if good { Ok(()) } else { Err(Problem::HandshakeInvalid.into()) }
}
