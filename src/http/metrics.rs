//! `GET /metrics`: what the whole service has done, for Prometheus, with `ADMIN_TOKEN`. Without a monitor or the secret there is no such
//! route.

use super::problem::Problem;
use super::{App, Asked, Failure, no_store};
use crate::identity::bearer;
use crate::objects::monitors::Monitor;
use crate::platform::wire::Answer;

/// Its name in telemetry.
pub const ROUTE: &str = "metrics";
/// Version 0.0.4 of the text format
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub async fn answer(app: &App, monitor: &Monitor, asked: &Asked<'_>) -> Result<Answer, Failure> {
    if asked.request.method() != "GET" {
        return Err(Problem::MethodNotAllowed { allow: "GET" }.into());
    }
    let token = asked.request.other_header("authorization");
    if !bearer::brings_one_of(token.as_deref(), &app.admin_tokens) {
        return Err(Problem::AdminRefused.into());
    }
    let text = monitor.metrics().await.ok_or(Problem::MonitorUnavailable)?;
    Ok(no_store(200).header("Content-Type", TYPE).body(text).into())
}
