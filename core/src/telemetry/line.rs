//! An event as a line of JSON.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Event, Level, Operation, Outcome, Reason};
use crate::gate::Mismatch;
use crate::store::{Guarantee, Reach, StoreError};
use crate::ticket::TicketId;
use uuid::Uuid;

/// An event as it is written: its name, its level, and its members in this order.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Started {
        level: Level,
        store: &'a str,
        #[serde(serialize_with = "shown")]
        guarantee: Guarantee,
        #[serde(serialize_with = "shown")]
        reach: Reach,
    },
    Misconfigured {
        level: Level,
        names: &'a [&'static str],
    },
    FallbackToMemory {
        level: Level,
    },
    FellBack {
        level: Level,
        ticket_id: TicketId,
        store: &'a str,
    },
    Recovered {
        level: Level,
        ticket_id: TicketId,
        store: &'a str,
    },
    Issued {
        level: Level,
        ticket_id: TicketId,
        expires_in: u32,
    },
    Consumed {
        level: Level,
        ticket_id: TicketId,
        session: Uuid,
        age_ms: u64,
    },
    Refused {
        level: Level,
        #[serde(skip_serializing_if = "Option::is_none")]
        ticket_id: Option<TicketId>,
        route: &'static str,
        reason: &'static str,
        status: u16,
    },
    Store {
        level: Level,
        operation: Operation,
        outcome: &'static str,
        store: &'a str,
        ms: u64,
    },
    StoreFailed {
        level: Level,
        operation: Operation,
        step: &'static str,
        #[serde(serialize_with = "why")]
        reason: StoreError,
        store: &'a str,
        ms: u64,
    },
    IdentityFailed {
        level: Level,
        step: &'static str,
        reason: &'static str,
        ms: u64,
    },
    LimiterFailed {
        level: Level,
        limiter: &'static str,
        reason: &'static str,
    },
    Reused {
        level: Level,
        ticket_id: TicketId,
    },
    SessionsEnded {
        level: Level,
        route: &'static str,
        sessions: Option<u64>,
    },
    InternalError {
        level: Level,
        route: &'static str,
    },
}

fn shown<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn why<S: Serializer>(error: &StoreError, serializer: S) -> Result<S::Ok, S::Error> {
    match error {
        StoreError::Unavailable { cause, .. } => serializer.collect_str(cause),
        StoreError::Corrupt { .. } => serializer.serialize_str("corrupt"),
        StoreError::TooLarge { .. } => serializer.serialize_str("too_large"),
    }
}

/// The event's line.
pub fn render(event: &Event<'_>) -> String {
    // Numbers, names and UUIDs always make JSON; an empty line would at least not take the request down.
    serde_json::to_string(&line(event)).unwrap_or_default()
}

fn line<'a>(event: &Event<'a>) -> Line<'a> {
    let level = event.level();
    match *event {
        Event::Started { store, guarantee, reach, .. } => Line::Started { level, store, guarantee, reach },
        Event::Misconfigured { names } => Line::Misconfigured { level, names },
        Event::FallbackToMemory => Line::FallbackToMemory { level },
        Event::FellBack { ticket_id, store } => Line::FellBack { level, ticket_id, store },
        Event::Recovered { ticket_id, store } => Line::Recovered { level, ticket_id, store },
        Event::Issued { ticket_id, expires_in } => Line::Issued { level, ticket_id, expires_in },
        Event::Consumed { ticket_id, session, age_ms } => Line::Consumed { level, ticket_id, session, age_ms },
        Event::Refused { route, reason, status, ticket_id } => {
            Line::Refused { level, ticket_id, route, reason: text(reason), status }
        }
        Event::Store { store, operation, outcome, ms, .. } => match outcome.name() {
            Ok(outcome) => Line::Store { level, operation, outcome, store, ms },
            Err(reason) => Line::StoreFailed { level, operation, step: reason.step(), reason, store, ms },
        },
        Event::IdentityFailed { step, reason, ms } => Line::IdentityFailed { level, step, reason, ms },
        Event::LimiterFailed { limiter, reason } => Line::LimiterFailed { level, limiter, reason },
        Event::Reused { ticket_id } => Line::Reused { level, ticket_id },
        Event::SessionsEnded { route, sessions } => Line::SessionsEnded { level, route, sessions },
        Event::InternalError { route } => Line::InternalError { level, route },
    }
}

impl Outcome {
    /// Its name; the error where there was no answer.
    pub(super) fn name(self) -> Result<&'static str, StoreError> {
        Ok(match self {
            Self::Issued => "issued",
            Self::Granted => "granted",
            Self::Used => "used",
            Self::Ended => "ended",
            Self::TooLate => "too_late",
            Self::NotUnderstood => "not_understood",
            Self::Unknown => "unknown",
            Self::Forged => "forged",
            Self::TooLarge => "too_large",
            Self::Failed(error) => return Err(error),
        })
    }
}

pub(super) fn text(reason: Reason) -> &'static str {
    match reason {
        Reason::Unknown => "unknown",
        Reason::Forged => "forged",
        Reason::Used => "used",
        Reason::Expired => "expired",
        Reason::Ended => "ended",
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
