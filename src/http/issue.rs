//! `POST /ws-ticket`: a ticket for a caller whom the app's login knows.

use serde::Serialize;
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;
use worker::{Headers, Request, Response, Url};

use super::credential::SUBPROTOCOL;
use super::limit::Wait;
use super::origin::Origins;
use super::problem::Problem;
use super::{App, Asked, Failure, Refusal, body, cookie, cors, no_store, now, rfc3339};
use crate::config::Bind;
use crate::identity::{Identity, NotKnown, without_bond};
use crate::platform::console;
use ws_ticket_core::gate::{NotIssued, Wish};
use ws_ticket_core::region::Region;
use ws_ticket_core::session;
use ws_ticket_core::store::StoreError;
use ws_ticket_core::telemetry::{Event, Reason};
use ws_ticket_core::ticket::Bond;

/// The route's methods.
pub const ALLOW: &str = "POST, OPTIONS";

#[derive(Serialize)]
struct Answer<'a> {
    ticket: &'a str,
    expires_in: u32,
    expires_at: String,
    url: String,
    /// With `TICKET_CARRIAGE=subprotocol`, when the URL has no ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    protocols: Option<[&'a str; 2]>,
    /// The session answers it.
    ping: &'static str,
}

/// Issues.
pub async fn answer(app: &App, asked: &Asked<'_>, origins: &Origins<'_>) -> Result<Response, Failure> {
    let headers = asked.request.headers();
    let preflight = match asked.method.as_str() {
        "POST" => false,
        "OPTIONS" => true,
        _ => return Err(Problem::MethodNotAllowed { allow: ALLOW }.into()),
    };
    let origin = origins.check(headers)??;
    if preflight {
        return cors::preflight(headers);
    }
    by_script(app, headers, origin.as_deref())?;
    let bytes = body::read(asked.request).await?;
    let asked_for = body::parse(headers.get("Content-Type")?.as_deref(), &bytes, app.identity.takes_subject())?;
    let caller = app.identity.caller(asked.request, asked.url, asked_for.subject, now).await?;
    let caller = caller.map_err(|why| unknown(&app.identity, why))?;
    app.limits.issue(&caller.subject).await?;
    let bond = match app.bind {
        Bind::Origin => None,
        Bind::Cookie => Some(bond(headers)?),
    };
    let wish = Wish {
        room: asked_for.room,
        origin: origin.map(|origin| origins.bound(origin)),
        bond: bond.as_ref().map(|bond| *bond.digest()),
        near: region(asked.request),
    };
    let issued = app.gate.issue(caller, wish, now).await;
    let issued = issued.map_err(|why| match why {
        NotIssued::LoginExpired => unknown(&app.identity, NotKnown::Refused("token_expires_too_soon")),
        NotIssued::RoomRefused => Problem::RoomRefused.into(),
        NotIssued::Store(error) => Refusal::from(error),
    })?;
    console::emit(&Event::Issued { ticket_id: issued.ticket_id, expires_in: issued.expires_in });
    let ticket = app.keyring.text(&issued.ticket);
    let url = socket_url(asked.url);
    let in_query = app.carriage.query;
    let answer = Answer {
        expires_in: issued.expires_in,
        expires_at: rfc3339(issued.expires_at),
        url: if in_query { format!("{url}?ticket={ticket}") } else { url },
        protocols: (!in_query).then_some([SUBPROTOCOL, &ticket]),
        ticket: &ticket,
        ping: session::PING,
    };
    let mut builder = no_store(Response::builder())?;
    if let Some(bond) = &bond {
        builder = builder.with_header("Set-Cookie", &cookie::set(bond, app.ttl_seconds))?;
    }
    Ok(builder.from_json(&answer)?)
}

/// Refuses what no script of the app's own pages has sent. A form, or a fetch with mode `no-cors`, comes with whatever
/// cookies the browser has, from any site; browsers say so (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-mode-header>),
/// and those too old for that send an `Origin` at least.
fn by_script(app: &App, headers: &Headers, origin: Option<&str>) -> Result<(), Failure> {
    if headers.get("Sec-Fetch-Mode")?.is_some_and(|mode| mode != "cors" && mode != "same-origin") {
        return Err(Problem::FetchModeRefused.into());
    }
    if !app.identity.is_borne_by_browsers() || origin.is_some() {
        return Ok(());
    }
    let may_be_login = headers.get("Cookie")?.is_some_and(|cookies| !without_bond(cookies).is_empty());
    if may_be_login && !is_by_program(headers)? { Err(Problem::OriginMissing.into()) } else { Ok(()) }
}

/// Whether the request has what no browser adds by itself, as it adds cookies and the passwords of `Basic`. A page of another
/// site that added it would have to say its origin.
fn is_by_program(headers: &Headers) -> Result<bool, Failure> {
    let authorization = headers.get("Authorization")?;
    let scheme = authorization.as_deref().and_then(|text| text.split_once(' ')).map(|(scheme, _)| scheme);
    let is_of_tokens =
        |scheme: &str| ["bearer", "dpop", "token"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
    Ok(scheme.is_some_and(is_of_tokens))
}

/// The browser's own, if it has one, so that its tabs don't take each other's away; else a fresh one.
fn bond(headers: &Headers) -> Result<Bond, Failure> {
    match cookie::read(headers.get("Cookie")?.as_deref()) {
        cookie::Brought::Bond(bond) => Ok(bond),
        cookie::Brought::Nothing | cookie::Brought::Unusable => Ok(Bond::mint().map_err(StoreError::from)?),
    }
}

/// Where the caller is, as the platform sees it (<https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties>).
/// Read by hand, for `worker::Cf` panics on a coordinate that is no number.
fn region(request: &Request) -> Option<Region> {
    let cf = Reflect::get(request.inner(), &"cf".into()).ok().filter(JsValue::is_object)?;
    let text = |name: &str| Reflect::get(&cf, &name.into()).ok()?.as_string();
    Region::of(&text("continent")?, text("longitude").and_then(|degrees| degrees.parse().ok()))
}

/// Where to open the socket: this gate, by the scheme that matches the request's.
fn socket_url(url: &Url) -> String {
    let scheme = if url.scheme() == "http" { "ws" } else { "wss" };
    let authority = url.authority();
    format!("{scheme}://{authority}/ws")
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
