//! `POST /ws-ticket`: a ticket for a caller whom the app's login knows.

use serde::Serialize;
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;
use worker::{Request, Response, Url};

use super::origin::Origins;
use super::{App, Asked, Failure, Refusal, body, cors, no_store, now, rfc3339};
use crate::gate::{NotIssued, Wish};
use crate::identity::{Identity, NotKnown};
use crate::problem::Problem;
use crate::region::Region;
use crate::telemetry::{self, Event, Reason};

/// The route's methods.
pub const ALLOW: &str = "POST, OPTIONS";

#[derive(Serialize)]
struct Answer<'a> {
    ticket: &'a str,
    expires_in: u32,
    expires_at: String,
    url: String,
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
        return Ok(cors::preflight()?);
    }
    let bytes = body::read(asked.request).await??;
    let asked_for = body::parse(headers.get("Content-Type")?.as_deref(), &bytes, app.identity.takes_subject())?;
    let caller = app.identity.caller(asked.request, asked.url, asked_for.subject, now).await?;
    let caller = caller.map_err(|why| unknown(&app.identity, why))?;
    let wish = Wish { room: asked_for.room, origin, bond: None, near: region(asked.request) };
    let issued = app.gate.issue(caller, wish, now).await;
    let issued = issued.map_err(|why| match why {
        NotIssued::LoginExpired => unknown(&app.identity, NotKnown::Refused("token_expires_too_soon")),
        NotIssued::RoomRefused => Problem::RoomRefused.into(),
        NotIssued::Store(error) => Refusal::from(error),
    })?;
    telemetry::emit(&Event::Issued { ticket_id: issued.ticket_id, expires_in: issued.expires_in });
    let ticket = issued.ticket.reveal();
    let answer = Answer {
        ticket,
        expires_in: issued.expires_in,
        expires_at: rfc3339(issued.expires_at),
        url: socket_url(asked.url, ticket),
    };
    Ok(no_store(Response::builder())?.from_json(&answer)?)
}

/// Where the caller is, as the platform sees it (<https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties>).
/// Read by hand, for `worker::Cf` panics on a coordinate that is no number.
fn region(request: &Request) -> Option<Region> {
    let cf = Reflect::get(request.inner(), &"cf".into()).ok().filter(JsValue::is_object)?;
    let text = |name: &str| Reflect::get(&cf, &name.into()).ok()?.as_string();
    Region::of(&text("continent")?, text("longitude").and_then(|degrees| degrees.parse().ok()))
}

/// Where to open the socket: this gate, by the scheme that matches the request's. A ticket needs no escaping.
fn socket_url(url: &Url, ticket: &str) -> String {
    let scheme = if url.scheme() == "http" { "ws" } else { "wss" };
    let authority = url.authority();
    format!("{scheme}://{authority}/ws?ticket={ticket}")
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
