//! The wire: routes, and what every answer has in common. `docs/protocol.md` is the contract.

mod auth;
mod body;
mod control;
mod cookie;
mod cors;
mod credential;
mod ending;
mod health;
mod issue;
mod keys;
pub mod limit;
mod list;
mod logout;
mod metrics;
mod origin;
mod page;
mod place;
mod problem;
mod redeem;
mod renew;
mod reuse;
mod upgrade;

use std::rc::Rc;

use serde::Serialize;
use worker::Fetcher;
use worker::wasm_bindgen::JsValue;

use crate::config::{BadSetting, Bind, Carriage, PlaceSettings, Secret};
use crate::identity::Identity;
use crate::objects::monitors::Monitor;
use crate::platform::console;
use crate::platform::target::Target;
use crate::platform::wire::{Answer, Made, Request};
use crate::sessions::Session;
use crate::stores::condition::Condition;
use control::Control;
use limit::Limits;
use origin::Origins;
use place::Seen;
use problem::Problem;
use ws_ticket_core::gate::Gate;
use ws_ticket_core::store::{Guarantee, StoreError};
use ws_ticket_core::telemetry::{Event, Reason};
use ws_ticket_core::ticket::{Keyring, TicketId};

/// A gate that is ready to serve: made once per isolate.
pub struct App {
    /// Where it stands.
    pub place: PlaceSettings,
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
    /// `ON_REUSE=close`.
    pub closes_reused: bool,
    /// `REFUSE_WITH=close`.
    pub refuses_by_close: bool,
    /// What stands behind it.
    pub session: Session,
    /// The keys of the check that tickets carry.
    pub keyring: Keyring,
    /// Who has one of them may redeem tickets.
    pub redeem_secrets: Vec<Secret>,
    /// Who has one of them may end sessions.
    pub admin_tokens: Vec<Secret>,
    /// What adds up what isolates count.
    pub monitor: Option<Monitor>,
    /// The rate limits.
    pub limits: Limits,
    /// `TICKET_TTL_SECONDS`.
    pub ttl_seconds: u32,
    /// The assets of the page to try the gate with, where it is on.
    pub page: Option<Fetcher>,
    /// Whether production keeps its tickets in the memory of one isolate.
    pub memory_in_production: bool,
    /// Whether production has an echo behind the gate because nobody said what else.
    pub echo_by_default: bool,
}

impl App {
    /// The settings because of which it runs with less than it should: a promise that doesn't hold for a race, tickets in production
    /// that only the isolate which issued them knows, or nothing behind the gate.
    pub fn degraded_by(&self) -> Vec<&'static str> {
        let found = [("TICKET_STORE", self.keeps_less()), ("SESSION", self.echo_by_default)];
        found.into_iter().filter_map(|(name, is_so)| is_so.then_some(name)).collect()
    }

    /// Whether its stores promise less than they should.
    pub fn keeps_less(&self) -> bool {
        self.memory_in_production || self.gate.store().guarantee() == Guarantee::BestEffort
    }

    /// What of the path stands behind `/ws`, where that leads to a session.
    fn behind<'a>(&self, route: &'a str) -> Option<&'a str> {
        route.strip_prefix("/ws").filter(|below| self.session.takes(below))
    }

    /// Whether the browser has to bring or to keep a cookie, which it does across origins only where it is allowed to.
    fn uses_cookies(&self) -> bool {
        self.bind == Bind::Cookie || self.identity.is_borne_by_browsers()
    }
}

/// A request whose URL can be read.
struct Asked<'a> {
    request: &'a Request,
    target: &'a Target,
}

impl Asked<'_> {
    /// The path. A slash at a route's end leads to the same route: a redirect would lose a preflight and a body.
    fn route(&self) -> &str {
        let path = self.target.path.as_str();
        path.strip_suffix('/').filter(|path| ROUTES.contains(path)).unwrap_or(path)
    }
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

impl From<JsValue> for Failure {
    fn from(_: JsValue) -> Self {
        Self::Fault
    }
}

/// The routes beside the page's.
const ROUTES: [&str; 12] = [
    "/health",
    "/metrics",
    "/ws-ticket",
    "/ws-ticket/redeem",
    "/ws-ticket/auth",
    "/ws-ticket/revoke",
    "/backchannel-logout",
    "/sessions/end",
    "/sessions/extend",
    "/sessions/list",
    "/ws",
    "/.well-known/jwks.json",
];

/// What start-up came to.
type Started = Result<App, Vec<BadSetting>>;

/// Answers a request, whatever happens. No error leaves the Worker: it would be written to the log as it is, whatever it quotes.
pub async fn serve(request: Option<Request>, started: &Started) -> JsValue {
    let Some(request) = request else { return internal(None).send().map_or(JsValue::UNDEFINED, JsValue::from) };
    let Some(target) = request.target() else { return sent(refuse(Problem::RequestMalformed), None) };
    let Ok(app) = started else { return sent(answer(&Asked { request: &request, target }, started).await, None) };
    match place::see(&app.place, target) {
        Seen::Here(target) => {
            let asked = Asked { request: &request, target: &target };
            sent(answer(&asked, started).await, Some((&asked, app)))
        }
        Seen::Beside => sent(refuse(Problem::NotFound), None),
        Seen::Outside => {
            let asked = Asked { request: &request, target };
            // Whose `BASE_PATH` is none of theirs, too.
            let answer = match target.path.strip_suffix('/').unwrap_or(&target.path).ends_with("/health") {
                true => health::outside(&asked).unwrap_or_else(refuse),
                false => or_refuse("host", Err(Problem::DevelopmentOnly.into())),
            };
            sent(answer, None)
        }
    }
}

/// The answer as the platform wants it; `to` is what it answers, where that is known.
fn sent(answer: Answer, to: Option<(&Asked<'_>, &App)>) -> JsValue {
    let sent = answer.send().or_else(|_| internal(to).send());
    sent.map_or(JsValue::UNDEFINED, JsValue::from)
}

/// What `redeem` of the named entrypoint comes to: a status and JSON, a problem where it is none of 200.
pub async fn redeem(bytes: &[u8], started: &Started) -> (u16, String) {
    let problem = |problem: Problem| (problem.status(), serde_json::to_string(&problem.details()).unwrap_or_default());
    let Ok(app) = started else { return problem(Problem::Misconfigured) };
    match redeem::by_binding(app, bytes).await {
        Ok(text) => (200, text),
        Err(failure) => problem(told(redeem::ROUTE, failure)),
    }
}

/// What `renewal` of a room comes to: who it is, or the code of a refusal.
pub async fn renew(text: &str, started: &Started) -> Result<String, &'static str> {
    let Ok(app) = started else { return Err(Problem::Misconfigured.code()) };
    renew::renew(app, text).await.map_err(|failure| told(renew::ROUTE, failure).code())
}

/// What is left to say when an answer can't be made.
fn internal(to: Option<(&Asked<'_>, &App)>) -> Answer {
    console::emit(&Event::InternalError { route: "answer" });
    let answer = refuse(Problem::Internal);
    match to {
        Some((asked, app)) if asked.route() == "/ws-ticket" => {
            cors::vary(answer, asked.request, &Origins::new(&app.origins, asked.target), app.uses_cookies())
        }
        _ => answer,
    }
}

async fn answer(asked: &Asked<'_>, started: &Started) -> Answer {
    let route = asked.route();
    // Where nobody knows what `BASE_PATH` is, it may stand in front.
    if route == "/health" || (started.is_err() && route.ends_with("/health")) {
        return health::answer(asked, started).unwrap_or_else(refuse);
    }
    let Ok(app) = started else { return refuse(Problem::Misconfigured) };
    match route {
        "/ws-ticket" => {
            let origins = Origins::new(&app.origins, asked.target);
            let answer = issue::answer(app, asked, &origins).await;
            cors::vary(or_refuse("ws-ticket", answer), asked.request, &origins, app.uses_cookies())
        }
        "/ws-ticket/redeem" if !app.redeem_secrets.is_empty() => {
            or_refuse(redeem::ROUTE, redeem::answer(app, asked).await)
        }
        "/ws-ticket/auth" if !app.redeem_secrets.is_empty() => or_refuse(auth::ROUTE, auth::answer(app, asked).await),
        _ if let Some(control) = Control::of(route).filter(|_| !app.admin_tokens.is_empty()) => {
            or_refuse(control.name(), control::answer(app, asked, control).await)
        }
        "/metrics" if let Some(monitor) = app.monitor.as_ref().filter(|_| !app.admin_tokens.is_empty()) => {
            or_refuse(metrics::ROUTE, metrics::answer(app, monitor, asked).await)
        }
        "/backchannel-logout" if app.identity.takes_logouts() => {
            or_refuse(logout::ROUTE, logout::answer(app, asked).await)
        }
        "/.well-known/jwks.json" if app.session.publishes_a_key() => {
            or_refuse(keys::ROUTE, keys::answer(app, asked).await)
        }
        _ if let Some(below) = app.behind(route) => match upgrade::answer(app, asked, below).await {
            Err(failure) if app.refuses_by_close => upgrade::close(asked, told("ws", failure)),
            answer => or_refuse("ws", answer),
        },
        _ => match page::answer(app.page.as_ref(), asked).await {
            Ok(answer) => answer,
            // A path that isn't there is nothing to write down.
            Err(Failure::Refused(Refusal { problem, .. })) => refuse(problem),
            fault @ Err(Failure::Fault) => or_refuse("page", fault),
        },
    }
}

/// A refusal as an answer and as an event.
fn or_refuse(route: &'static str, answer: Result<Answer, Failure>) -> Answer {
    answer.unwrap_or_else(|failure| refuse(told(route, failure)))
}

/// The failure as an event, and as what the client hears of it.
fn told(route: &'static str, failure: Failure) -> Problem {
    match failure {
        Failure::Refused(Refusal { problem, reason, ticket_id }) => {
            console::emit(&Event::Refused { route, reason, status: problem.status(), ticket_id });
            problem
        }
        Failure::Fault => {
            console::emit(&Event::InternalError { route });
            Problem::Internal
        }
    }
}

/// What follows for the client when a store gave no answer. The store itself has told telemetry.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Problem::StoreUnavailable { retry_after: error.retry_after() }.into(),
            StoreError::Corrupt { .. } => Problem::RecordCorrupt.into(),
            StoreError::TooLarge { .. } => Problem::GrantTooLarge.into(),
        }
    }
}

/// The problem as an answer.
fn refuse(problem: Problem) -> Answer {
    let mut made = no_store(problem.status()).header("Content-Type", "application/problem+json");
    for (name, value) in problem.headers() {
        made = made.header(name, value);
    }
    if let Problem::MethodNotAllowed { allow } = problem {
        made = made.header("Allow", allow);
    }
    if let Problem::StoreUnavailable { retry_after } = problem {
        made = made.header("Retry-After", &retry_after.to_string());
    }
    made.body(serde_json::to_string(&problem.details()).unwrap_or_default()).into()
}

/// An answer that nobody may keep, and that doesn't tell another site where it came from, as none of ours may.
fn no_store(status: u16) -> Made {
    Made::new(status)
        .header("Cache-Control", "no-store")
        .header("Referrer-Policy", "no-referrer")
        .header("X-Content-Type-Options", "nosniff")
}

/// The same with JSON in it.
fn json(made: Made, value: &impl Serialize) -> Result<Answer, Failure> {
    let text = serde_json::to_string(value).map_err(|_| Failure::Fault)?;
    Ok(made.header("Content-Type", "application/json").body(text).into())
}
