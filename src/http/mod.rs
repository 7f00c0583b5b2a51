//! The wire: routes, and what every answer has in common. `docs/protocol.md` is the contract.

mod body;
mod cookie;
mod cors;
mod credential;
mod health;
mod issue;
pub mod limit;
mod list;
mod origin;
mod page;
mod problem;
mod upgrade;

use std::rc::Rc;

use worker::{Date, Fetcher, Headers, Request, Response, ResponseBuilder, Result, Url};

use crate::config::{Bind, Carriage, Problem as SettingProblem};
use crate::identity::Identity;
use crate::platform::console;
use crate::stores::condition::Condition;
use limit::Limits;
use origin::Origins;
use problem::Problem;
use ws_ticket_core::gate::Gate;
use ws_ticket_core::store::{Guarantee, StoreError};
use ws_ticket_core::telemetry::{Event, Reason};
use ws_ticket_core::ticket::{Keyring, TicketId};
use ws_ticket_core::time::Millis;

/// A gate that is ready to serve: made once per isolate.
pub struct App {
    /// Issues and consumes.
    pub gate: Gate,
    /// How each of the gate's stores is.
    pub conditions: Vec<Rc<Condition>>,
    /// Knows the caller.
    pub identity: Identity,
    /// `ALLOWED_ORIGINS`.
    pub origins: Vec<String>,
    /// `TICKET_CARRIAGE`.
    pub carriage: Carriage,
    /// `BIND`.
    pub bind: Bind,
    /// The keys of the check that tickets carry.
    pub keyring: Keyring,
    /// The rate limits.
    pub limits: Limits,
    /// `TICKET_TTL_SECONDS`.
    pub ttl_seconds: u32,
    /// The assets of the page to try the gate with, where it is on.
    pub page: Option<Fetcher>,
    /// Whether production keeps its tickets in the memory of one isolate.
    pub memory_in_production: bool,
}

impl App {
    /// Whether it runs with less than it should: a promise that doesn't hold for a race, or, in production, tickets that
    /// only the isolate which issued them knows.
    pub fn degraded(&self) -> bool {
        self.memory_in_production || self.gate.store().guarantee() == Guarantee::BestEffort
    }

    /// Whether the browser has to bring or to keep a cookie, which it does across origins only where it is allowed to.
    fn uses_cookies(&self) -> bool {
        self.bind == Bind::Cookie || self.identity.is_borne_by_browsers()
    }
}

/// A request with what several checks need of it, read once.
struct Asked<'a> {
    request: &'a Request,
    url: &'a Url,
    /// As it was sent: `worker::Method` takes one that it doesn't know for GET.
    method: String,
}

/// A refusal on its way out, with its exact reason and what else telemetry wants to know.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    problem: Problem,
    reason: Reason,
    ticket_id: Option<TicketId>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, reason: Reason::Code(problem.code()), ticket_id: None }
    }
}

/// Why a handler gave no answer of its own: a refusal, or a fault of the platform's.
enum Failure {
    Refused(Refusal),
    Fault,
}

impl<T: Into<Refusal>> From<T> for Failure {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<worker::Error> for Failure {
    /// The text stays here: it is the platform's, and may quote what it was given.
    fn from(_: worker::Error) -> Self {
        Self::Fault
    }
}

/// The routes beside the page's.
const ROUTES: [&str; 3] = ["/health", "/ws-ticket", "/ws"];

/// The request's URL. `Host` may hold a login (`u:p@gate.example`), which would end up in the answer's `url`.
fn url_of(text: &str) -> Option<Url> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    // No error is passed on: it repeats the URL, ticket included.
    if authority.contains('@') { None } else { Url::parse(text).ok() }
}

/// Answers a request, whatever happens.
pub async fn serve(request: Request, started: &std::result::Result<App, Vec<SettingProblem>>) -> Response {
    // An error that left the Worker would be written to the log as it is, whatever it quotes, and answered with its own text.
    match answer(request, started).await {
        Ok(response) => response,
        Err(_) => internal(),
    }
}

/// What is left to say when an answer can't be made. Nothing in it can fail: a header that can't be set is left out.
fn internal() -> Response {
    console::emit(&Event::InternalError { route: "answer" });
    let problem = Problem::Internal;
    let headers = Headers::new();
    for (name, value) in NO_STORE.iter().chain(&[("Content-Type", "application/problem+json")]) {
        let _ = headers.set(name, value);
    }
    let body = serde_json::to_vec(&problem.details()).unwrap_or_default();
    ResponseBuilder::new().with_headers(headers).with_status(problem.status()).fixed(body)
}

async fn answer(request: Request, started: &std::result::Result<App, Vec<SettingProblem>>) -> Result<Response> {
    let Some(url) = url_of(&request.inner().url()) else { return refuse(Problem::RequestMalformed) };
    let asked = Asked { request: &request, url: &url, method: request.inner().method() };
    let path = url.path();
    // A slash at the end leads to the same route: a redirect would lose a preflight and a body.
    let path = path.strip_suffix('/').filter(|path| ROUTES.contains(path)).unwrap_or(path);
    if path == "/health" {
        return match health::answer(&asked, started) {
            Err(problem) => refuse(problem),
            Ok(response) => response,
        };
    }
    let Ok(app) = started else { return refuse(Problem::Misconfigured) };
    match path {
        "/ws-ticket" => {
            let origins = Origins::new(&app.origins, &url);
            let answer = issue::answer(app, &asked, &origins).await;
            cors::vary(or_refuse("ws-ticket", answer)?, request.headers(), &origins, app.uses_cookies())
        }
        "/ws" => or_refuse("ws", upgrade::answer(app, &asked).await),
        _ => match page::answer(app.page.as_ref(), &asked).await {
            Ok(response) => Ok(response),
            // A path that isn't there is nothing to write down.
            Err(Failure::Refused(Refusal { problem, .. })) => refuse(problem),
            fault @ Err(Failure::Fault) => or_refuse("page", fault),
        },
    }
}

/// A refusal as an answer and as an event.
fn or_refuse(route: &'static str, answer: std::result::Result<Response, Failure>) -> Result<Response> {
    match answer {
        Ok(response) => Ok(response),
        Err(Failure::Refused(Refusal { problem, reason, ticket_id })) => {
            console::emit(&Event::Refused { route, reason, status: problem.status(), ticket_id });
            refuse(problem)
        }
        Err(Failure::Fault) => {
            console::emit(&Event::InternalError { route });
            refuse(Problem::Internal)
        }
    }
}

/// What follows for the client when a store gave no answer. The store itself has told telemetry.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Problem::StoreUnavailable { retry_after: error.retry_after() }.into(),
            StoreError::Corrupt { .. } => Problem::RecordCorrupt.into(),
        }
    }
}

/// The problem as an answer.
fn refuse(problem: Problem) -> Result<Response> {
    let mut builder = no_store(Response::builder())?
        .with_status(problem.status())
        .with_header("Content-Type", "application/problem+json")?;
    for (name, value) in problem.headers() {
        builder = builder.with_header(name, value)?;
    }
    if let Problem::MethodNotAllowed { allow } = problem {
        builder = builder.with_header("Allow", allow)?;
    }
    if let Problem::StoreUnavailable { retry_after } = problem {
        builder = builder.with_header("Retry-After", &retry_after.to_string())?;
    }
    Ok(builder.fixed(serde_json::to_vec(&problem.details())?))
}

/// No answer of ours may be kept, or tell another site where it came from.
const NO_STORE: [(&str, &str); 3] =
    [("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("X-Content-Type-Options", "nosniff")];

fn no_store(builder: ResponseBuilder) -> Result<ResponseBuilder> {
    NO_STORE.iter().try_fold(builder, |builder, (name, value)| builder.with_header(name, value))
}

/// The gate's clock: the one place that reads it. A shard has its own.
pub fn now() -> Millis {
    Millis(Date::now().as_millis())
}

/// RFC 3339, in UTC, with milliseconds.
fn rfc3339(moment: Millis) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact for every date that JavaScript has, and a grant has no other"
    )]
    let date = worker::js_sys::Date::new(&(moment.0 as f64).into());
    date.to_iso_string().into()
}
