//! An event as a line of JSON.

use serde::Serialize;

use super::{Event, Level, Outcome, Reason};
use crate::gate::Mismatch;
use crate::store::StoreError;
use crate::ticket::TicketId;
use uuid::Uuid;

/// Every member that an event may have, in the order in which they are written.
#[derive(Default, Serialize)]
struct Line<'a> {
    event: &'static str,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_id: Option<TicketId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limiter: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guarantee: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reach: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<&'a [&'static str]>,
}

/// The event's line.
pub fn render(event: &Event<'_>) -> String {
    let level = match event.level() {
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Alert => "alert",
    };
    // Numbers, names and UUIDs always make JSON; an empty line would at least not take the request down.
    serde_json::to_string(&Line { level, ..members(event) }).unwrap_or_default()
}

fn members<'a>(event: &Event<'a>) -> Line<'a> {
    let named = |event| Line { event, ..Line::default() };
    match event {
        Event::Started { store, guarantee, reach, .. } => Line {
            store: Some(store),
            guarantee: Some(guarantee.to_string()),
            reach: Some(reach.to_string()),
            ..named("started")
        },
        Event::Misconfigured { names } => Line { names: Some(names), ..named("misconfigured") },
        Event::FallbackToMemory => named("fallback_to_memory"),
        Event::FellBack { ticket_id, store } => {
            Line { ticket_id: Some(*ticket_id), store: Some(store), ..named("fell_back") }
        }
        Event::Recovered { ticket_id, store } => {
            Line { ticket_id: Some(*ticket_id), store: Some(store), ..named("recovered") }
        }
        Event::Issued { ticket_id, expires_in } => {
            Line { ticket_id: Some(*ticket_id), expires_in: Some(*expires_in), ..named("issued") }
        }
        Event::Consumed { ticket_id, session, age_ms } => {
            Line { ticket_id: Some(*ticket_id), session: Some(*session), age_ms: Some(*age_ms), ..named("consumed") }
        }
        Event::Refused { route, reason, status, ticket_id } => Line {
            ticket_id: *ticket_id,
            route: Some(route),
            reason: Some(text(*reason).to_owned()),
            status: Some(*status),
            ..named("refused")
        },
        Event::Store { store, operation, outcome, ms, .. } => {
            let line = Line { store: Some(store), operation: Some(operation.name()), ms: Some(*ms), ..named("store") };
            match outcome {
                Outcome::Failed(error) => failed(line, *error),
                Outcome::Issued => Line { outcome: Some("issued"), ..line },
                Outcome::Granted => Line { outcome: Some("granted"), ..line },
                Outcome::Used => Line { outcome: Some("used"), ..line },
                Outcome::TooLate => Line { outcome: Some("too_late"), ..line },
                Outcome::NotUnderstood => Line { outcome: Some("not_understood"), ..line },
                Outcome::Unknown => Line { outcome: Some("unknown"), ..line },
                Outcome::Forged => Line { outcome: Some("forged"), ..line },
                Outcome::TooLarge => Line { outcome: Some("too_large"), ..line },
            }
        }
        Event::IdentityFailed { step, reason, ms } => {
            Line { step: Some(step), reason: Some((*reason).to_owned()), ms: Some(*ms), ..named("identity_failed") }
        }
        Event::LimiterFailed { limiter, reason } => {
            Line { limiter: Some(limiter), reason: Some((*reason).to_owned()), ..named("limiter_failed") }
        }
        Event::InternalError { route } => Line { route: Some(route), ..named("internal_error") },
    }
}

fn failed(line: Line<'_>, error: StoreError) -> Line<'_> {
    let reason = match error {
        StoreError::Unavailable { cause, .. } => cause.to_string(),
        StoreError::Corrupt { .. } => "corrupt".to_owned(),
        StoreError::TooLarge { .. } => "too_large".to_owned(),
    };
    Line { event: "store_failed", step: Some(error.step()), reason: Some(reason), ..line }
}

fn text(reason: Reason) -> &'static str {
    match reason {
        Reason::Unknown => "unknown",
        Reason::Forged => "forged",
        Reason::Used => "used",
        Reason::Expired => "expired",
        Reason::NotUnderstood => "not_understood",
        Reason::Elsewhere(Mismatch::Origin) => "origin_mismatch",
        Reason::Elsewhere(Mismatch::CookieMissing) => "cookie_missing",
        Reason::Elsewhere(Mismatch::Cookie) => "cookie_mismatch",
        Reason::Code(code) | Reason::Identity(code) => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Cause;
    use crate::telemetry::Operation;

    fn store(outcome: Outcome, slow: bool) -> String {
        render(&Event::Store { store: "kv", operation: Operation::Consume, outcome, ms: 7, slow })
    }

    #[test]
    fn a_line_holds_just_the_events_members() {
        assert_eq!(
            store(Outcome::Failed(StoreError::Unavailable { step: "kv.get", cause: Cause::LimitReached }), false),
            r#"{"event":"store_failed","level":"warn","operation":"consume","step":"kv.get","reason":"limit_reached","store":"kv","ms":7}"#
        );
        assert_eq!(
            store(Outcome::Granted, false),
            r#"{"event":"store","level":"info","operation":"consume","outcome":"granted","store":"kv","ms":7}"#
        );
    }

    #[test]
    fn slow_is_a_warning_and_corrupt_an_alert() {
        assert!(store(Outcome::Granted, true).contains(r#""level":"warn""#));
        assert!(store(Outcome::Failed(StoreError::Corrupt { step: "kv.get" }), false).contains(r#""level":"alert""#));
    }
}
