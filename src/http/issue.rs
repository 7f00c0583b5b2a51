//! `POST /ws-ticket`: a ticket for a caller whom the app's login knows.

use serde::Serialize;

use super::credential::SUBPROTOCOL;
use super::limit::Wait;
use super::origin::Origins;
use super::problem::Problem;
use super::{App, Asked, Failure, Refusal, body, cookie, cors, json, no_store};
use crate::config::Bind;
use crate::identity::{Identity, NotKnown, without_bond};
use crate::platform::target::Target;
use crate::platform::wire::{Answer, Header, Request};
use crate::platform::{clock, console};
use ws_ticket_core::gate::{NotIssued, Wish};
use ws_ticket_core::region::Region;
use ws_ticket_core::store::StoreError;
use ws_ticket_core::telemetry::{Event, Reason};
use ws_ticket_core::ticket::Bond;

#[derive(Serialize)]
struct Fresh<'a> {
    ticket: &'a str,
    expires_in: u32,
    expires_at: String,
    /// Where the session has a socket here.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// With `TICKET_CARRIAGE=subprotocol`, when the URL has no ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    protocols: Option<[&'a str; 2]>,
    /// Where the session answers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ping: Option<&'static str>,
}

/// Issues.
pub async fn answer(app: &App, asked: &Asked<'_>, origins: &Origins<'_>) -> Result<Answer, Failure> {
    let request = asked.request;
    let preflight = match request.method() {
        "POST" => false,
        "OPTIONS" => true,
        _ => return Err(Problem::MethodNotAllowed { allow: cors::ALLOW }.into()),
    };
    let origin = origins.check(request)?;
    if preflight {
        return cors::preflight(request);
    }
    by_script(app, request, origin)?;
    let bytes = body::read(request, body::MAX).await?;
    let asked_for = body::parse(request.header(Header::ContentType), &bytes, app.identity.takes_subject())?;
    let caller = app.identity.caller(request, asked.target, asked_for.subject, clock::now).await;
    let caller = caller.map_err(|why| unknown(&app.identity, why))?;
    app.limits.issue(&caller.subject).await?;
    let bond = match app.bind {
        Bind::Origin => None,
        Bind::Cookie => Some(bond(request)?),
    };
    let wish = Wish {
        room: asked_for.room,
        origin: origin.map(|origin| origins.bound(origin)),
        bond: bond.as_ref().map(|bond| *bond.digest()),
        near: request.place().as_ref().and_then(Region::of),
    };
    let issued = app.gate.issue(caller, wish, clock::now).await;
    let issued = issued.map_err(|why| match why {
        NotIssued::LoginExpired => unknown(&app.identity, NotKnown::Refused("token_expires_too_soon")),
        NotIssued::RoomRefused => Problem::RoomRefused.into(),
        NotIssued::Store(error) => Refusal::from(error),
    })?;
    console::emit(&Event::Issued { ticket_id: issued.ticket_id, expires_in: issued.expires_in });
    let ticket = app.keyring.text(&issued.ticket);
    let url = app.session.has_socket().then(|| socket_url(asked.target));
    let in_query = app.carriage.query;
    let fresh = Fresh {
        expires_in: issued.expires_in,
        expires_at: issued.expires_at.rfc3339(),
        protocols: (url.is_some() && !in_query).then_some([SUBPROTOCOL, &ticket]),
        url: url.map(|url| if in_query { format!("{url}?ticket={ticket}") } else { url }),
        ticket: &ticket,
        ping: app.session.ping(),
    };
    let mut made = no_store(200);
    if let Some(bond) = &bond {
        made = made.header("Set-Cookie", &cookie::set(bond, app.ttl_seconds));
    }
    json(made, &fresh)
}

/// Refuses what no script of the app's own pages has sent. A form, or a fetch with mode `no-cors`, comes with whatever
/// cookies the browser has, from any site; browsers say so (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-mode-header>),
/// and those too old for that send an `Origin` at least.
fn by_script(app: &App, request: &Request, origin: Option<&str>) -> Result<(), Failure> {
    if request.header(Header::SecFetchMode).is_some_and(|mode| mode != "cors" && mode != "same-origin") {
        return Err(Problem::FetchModeRefused.into());
    }
    if !app.identity.is_borne_by_browsers() || origin.is_some() {
        return Ok(());
    }
    let may_be_login = request.header(Header::Cookie).is_some_and(|cookies| !without_bond(cookies).is_empty());
    if may_be_login && !is_by_program(request) { Err(Problem::OriginMissing.into()) } else { Ok(()) }
}

/// Whether the request has what no browser adds by itself, as it adds cookies and the passwords of `Basic`. A page of another
/// site that added it would have to say its origin.
fn is_by_program(request: &Request) -> bool {
    let authorization = request.header(Header::Authorization);
    let scheme = authorization.and_then(|text| text.split_once(' ')).map(|(scheme, _)| scheme);
    let is_of_tokens =
        |scheme: &str| ["bearer", "dpop", "token"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
    scheme.is_some_and(is_of_tokens)
}

/// The browser's own, if it has one, so that its tabs don't take each other's away; else a fresh one.
fn bond(request: &Request) -> Result<Bond, Failure> {
    match cookie::read(request.header(Header::Cookie)) {
        cookie::Brought::Bond(bond) => Ok(bond),
        cookie::Brought::Nothing | cookie::Brought::Unusable => Ok(Bond::mint().map_err(StoreError::from)?),
    }
}

/// Where to open the socket: this gate, by the scheme that matches the request's.
fn socket_url(target: &Target) -> String {
    let scheme = if target.scheme == "http" { "ws" } else { "wss" };
    format!("{scheme}://{}{}/ws", target.authority, target.base)
}

impl From<Wait> for Refusal {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::OverLimit => Problem::RateLimited.into(),
            Wait::Unavailable => Problem::LimiterUnavailable.into(),
        }
    }
}

fn unknown(identity: &Identity, why: NotKnown) -> Refusal {
    let refused = |problem: Problem, reason| Refusal { reason: Reason::Identity(reason), ..problem.into() };
    match why {
        NotKnown::Missing => Problem::IdentityMissing { expected: identity.expected() }.into(),
        NotKnown::Refused(reason) => refused(Problem::IdentityRefused, reason),
        NotKnown::Forbidden(reason) => refused(Problem::IdentityForbidden, reason),
        NotKnown::Unavailable => Problem::IdentityUnavailable.into(),
    }
}
