//! An event as a line of JSON.

use serde::Serialize;

use super::{Event, Level, Reason};
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
    step: Option<&'static str>,
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
        Event::Issued { ticket_id, expires_in, ms } => {
            Line { ticket_id: Some(*ticket_id), expires_in: Some(*expires_in), ms: Some(*ms), ..named("issued") }
        }
        Event::Consumed { ticket_id, session, age_ms, ms } => Line {
            ticket_id: Some(*ticket_id),
            session: Some(*session),
            age_ms: Some(*age_ms),
            ms: Some(*ms),
            ..named("consumed")
        },
        Event::Refused { route, reason, status, ticket_id, ms } => Line {
            ticket_id: *ticket_id,
            route: Some(route),
            reason: Some(text(*reason).to_owned()),
            status: Some(*status),
            ms: *ms,
            ..named("refused")
        },
        Event::StoreFailed { operation, error } => Line {
            operation: Some(operation),
            step: Some(error.step()),
            reason: Some(match error {
                StoreError::Unavailable { cause, .. } => cause.to_string(),
                StoreError::Corrupt { .. } => "corrupt".to_owned(),
            }),
            ..named("store_failed")
        },
        Event::InternalError { route } => Line { route: Some(route), ..named("internal_error") },
    }
}

fn text(reason: Reason) -> &'static str {
    match reason {
        Reason::Unknown => "unknown",
        Reason::Used => "used",
        Reason::Expired => "expired",
        Reason::Code(code) | Reason::Token(code) => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Cause;

    #[test]
    fn a_line_holds_just_the_events_members() {
        let error = StoreError::Unavailable { step: "kv.get", cause: Cause::LimitReached };
        assert_eq!(
            render(&Event::StoreFailed { operation: "consume", error }),
            r#"{"event":"store_failed","level":"warn","operation":"consume","step":"kv.get","reason":"limit_reached"}"#
        );
    }

    #[test]
    fn slow_is_a_warning() {
        let issued = |ms| Event::Issued { ticket_id: TicketId::random().unwrap(), expires_in: 1, ms };
        assert!(render(&issued(100)).contains(r#""level":"info""#));
        assert!(render(&issued(101)).contains(r#""level":"warn""#));
    }
}
