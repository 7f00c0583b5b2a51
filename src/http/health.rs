//! `GET /health`: what the gate runs on and what it promises, or all that is wrong with its configuration.

use serde::Serialize;

use super::problem::Problem;
use super::{App, Asked, Started, no_store};
use crate::config::{BadSetting, Bind};
use crate::platform::clock;
use crate::platform::wire::Answer;
use ws_ticket_core::telemetry::Operation;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Running<'a> {
    status: &'static str,
    store: String,
    guarantee: String,
    reach: String,
    identity: &'static str,
    session: &'static str,
    carriage: Vec<&'static str>,
    bind: &'static str,
    ticket_check: &'static str,
    limits: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded_by: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trouble: Vec<Trouble<'a>>,
    version: &'static str,
}

/// What this isolate can't do with a store now.
#[derive(Serialize)]
struct Trouble<'a> {
    store: &'a str,
    operation: &'static str,
    reason: String,
}

#[derive(Serialize)]
struct Misconfigured<'a> {
    status: &'static str,
    problems: &'a [BadSetting],
    version: &'static str,
}

/// 200 when it serves, 500 when it refuses to.
pub fn answer(asked: &Asked<'_>, started: &Started) -> Result<Answer, Problem> {
    match asked.request.method() {
        "GET" | "HEAD" => Ok(report(started)),
        _ => Err(Problem::MethodNotAllowed { allow: "GET, HEAD" }),
    }
}

/// 500, with what would have to be set, where a gate for development is asked by a host that isn't a developer's own.
pub fn outside(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let expected = "production, with a login; or the host's name in DEVELOPMENT_HOSTS, while nobody else can reach it";
    let problem = BadSetting::new("ENVIRONMENT", "is development, and this host is no developer's own", expected);
    answer(asked, &Err(vec![problem]))
}

fn report(started: &Started) -> Answer {
    let (status, report) = match started {
        Ok(app) => {
            let store = app.gate.store();
            let (trouble, degraded_by) = (trouble(app), app.degraded_by());
            let running = Running {
                status: if !degraded_by.is_empty() || !trouble.is_empty() { "degraded" } else { "ok" },
                store: store.to_string(),
                guarantee: store.guarantee().to_string(),
                reach: store.reach().to_string(),
                identity: app.identity.name(),
                session: app.session.name(),
                carriage: those([("query", app.carriage.query), ("subprotocol", app.carriage.subprotocol)]),
                bind: match app.bind {
                    Bind::Origin => "origin",
                    Bind::Cookie => "cookie",
                },
                ticket_check: if app.keyring.requires_check() { "keyed" } else { "form" },
                limits: those([("issue", app.limits.issue.is_some()), ("refusal", app.limits.refusal.is_some())]),
                degraded_by,
                trouble,
                version: VERSION,
            };
            (200, serde_json::to_string(&running))
        }
        Err(problems) => {
            let misconfigured = Misconfigured { status: "misconfigured", problems, version: VERSION };
            (500, serde_json::to_string(&misconfigured))
        }
    };
    // Names, numbers and texts always make JSON.
    no_store(status).header("Content-Type", "application/json").body(report.unwrap_or_default()).into()
}

/// What the stores were last found to be in.
fn trouble(app: &App) -> Vec<Trouble<'_>> {
    let now = clock::now();
    let mut all = Vec::new();
    for condition in &app.conditions {
        for operation in [Operation::Issue, Operation::Consume] {
            if let Some(cause) = condition.trouble(operation, now) {
                let (operation, reason) = (operation.name(), cause.to_string());
                all.push(Trouble { store: condition.store(), operation, reason });
            }
        }
    }
    all
}

/// The names of what is on.
fn those(named: [(&'static str, bool); 2]) -> Vec<&'static str> {
    named.into_iter().filter_map(|(name, on)| on.then_some(name)).collect()
}
