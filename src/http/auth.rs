//! `GET /ws-ticket/auth`: whose ticket does an upgrade bring that a proxy is about to pass on? For nginx's `auth_request`
//! (<https://nginx.org/en/docs/http/ngx_http_auth_request_module.html>), and for whoever asks in the same way before a request goes on.
//!
//! It is redeem (`redeem.rs`) in the words of proxies: the original request is in headers, "yes" is 200 with who it is in
//! headers, "no" is 401 or 403. The proxy's id of the request is the attempt, so it has to be random and the proxy's own; where it makes
//! none the gate makes one.

use uuid::Uuid;

use super::limit::Address;
use super::origin::Origins;
use super::problem::Problem;
use super::redeem::is_about_the_ticket;
use super::reuse::consumed;
use super::upgrade::counted;
use super::{App, Asked, Failure, Refusal, cookie, credential, no_store};
use crate::identity::bearer;
use crate::platform::wire::{Answer, Header, Request};
use crate::platform::{clock, console};
use crate::sessions::ticket_headers;
use ws_ticket_core::gate::Presenter;
use ws_ticket_core::grant::Grant;
use ws_ticket_core::store::Attempt;
use ws_ticket_core::telemetry::Event;
use ws_ticket_core::ticket::random_uuid;

/// Its name in telemetry.
pub const ROUTE: &str = "auth";

/// What the proxy says of the request that it holds back.
struct Original {
    query: String,
    attempt: Uuid,
    address: Option<Address>,
}

/// Says who comes, in headers; or refuses.
pub async fn answer(app: &App, asked: &Asked<'_>) -> Result<Answer, Failure> {
    let request = asked.request;
    if request.method() != "GET" {
        return Err(Problem::MethodNotAllowed { allow: "GET" }.into());
    }
    let secret = request.other_header("authorization");
    if !bearer::brings_one_of(secret.as_deref(), &app.redeem_secrets) {
        return Err(Problem::RedeemRefused.into());
    }
    let original = original(request).ok_or(Problem::OriginalMalformed)?;
    let attempt = original.attempt;
    let origins = Origins::new(&app.origins, asked.target);
    match counted(app, original.address.clone(), consume(app, &origins, request, &original)).await {
        Ok(grant) => {
            let age_ms = clock::now().since(grant.issued_at);
            console::emit(&Event::Consumed { ticket_id: grant.ticket_id, session: attempt, age_ms });
            Ok(told(&grant, attempt))
        }
        // Of 400 proxies make an error of their own: what is wrong with a ticket is 401, whatever it is.
        Err(Failure::Refused(refusal)) if is_about_the_ticket(refusal.problem) && refusal.problem.status() == 400 => {
            Err(Refusal { problem: Problem::TicketRefused, ..refusal }.into())
        }
        Err(failure) => Err(failure),
    }
}

/// Reads it; `None` where something is missing, or nothing that a proxy says.
fn original(request: &Request) -> Option<Original> {
    let uri = request.other_header("x-original-uri").or_else(|| request.other_header("x-forwarded-uri"))?;
    let query = uri.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
    let attempt = match request.other_header("x-request-id") {
        Some(id) => Uuid::try_parse(&id).ok()?,
        // Of a proxy that makes none: then no reply of ours can be asked for again.
        None => random_uuid().ok()?,
    };
    let address = match request.other_header("x-real-ip") {
        Some(address) => Some(Address::parse(&address)?),
        None => None,
    };
    Some(Original { query, attempt, address })
}

async fn consume(app: &App, origins: &Origins<'_>, request: &Request, original: &Original) -> Result<Grant, Failure> {
    let origin = origins.check(request)?.map(|origin| origins.bound(origin));
    let offers = request.header(Header::SecWebSocketProtocol);
    let credential = credential::read(&original.query, offers, app.carriage, &app.keyring)?;
    let cookie = (&cookie::read(request.header(Header::Cookie))).into();
    let by = Presenter { origin: origin.as_deref(), cookie };
    consumed(app, &credential.ticket, Attempt::from(original.attempt), by).await
}

/// The grant in headers. Those that have nothing to say are there too, empty: some proxies would leave the client's own in their place, or
/// the name of a variable.
fn told(grant: &Grant, session: Uuid) -> Answer {
    let headers = ticket_headers::of(grant, session);
    let is_there = |name: &str| headers.iter().any(|(there, _)| *there == name);
    let missing = ticket_headers::OPTIONAL.into_iter().filter(|name| !is_there(name)).map(|name| (name, ""));
    let all = headers.iter().map(|(name, value)| (*name, value.as_str())).chain(missing);
    all.fold(no_store(200), |made, (name, value)| made.header(name, value)).into()
}
