//! `GET /health`: what the gate runs on and what it promises, or all that is wrong with its configuration.

use serde::Serialize;
use worker::{Response, Result};

use super::{App, Asked, no_store};
use crate::config::Problem as SettingProblem;
use crate::problem::Problem;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Running {
    status: &'static str,
    store: String,
    guarantee: String,
    reach: String,
    version: &'static str,
}

#[derive(Serialize)]
struct Misconfigured<'a> {
    status: &'static str,
    problems: &'a [SettingProblem],
    version: &'static str,
}

/// 200 when it serves, 500 when it refuses to.
pub fn answer(
    asked: &Asked<'_>,
    started: &std::result::Result<App, Vec<SettingProblem>>,
) -> std::result::Result<Result<Response>, Problem> {
    match asked.method.as_str() {
        "GET" | "HEAD" => Ok(report(started)),
        _ => Err(Problem::MethodNotAllowed { allow: "GET, HEAD" }),
    }
}

fn report(started: &std::result::Result<App, Vec<SettingProblem>>) -> Result<Response> {
    let builder = no_store(Response::builder())?;
    match started {
        Ok(app) => {
            let store = app.gate.store();
            builder.from_json(&Running {
                status: if app.degraded() { "degraded" } else { "ok" },
                store: store.to_string(),
                guarantee: store.guarantee().to_string(),
                reach: store.reach().to_string(),
                version: VERSION,
            })
        }
        Err(problems) => {
            builder.with_status(500).from_json(&Misconfigured { status: "misconfigured", problems, version: VERSION })
        }
    }
}
