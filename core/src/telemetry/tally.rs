//! How often what came: events counted by labels from closed sets, until somebody fetches the counts. Nothing here says who, which ticket
//! or from where.

use std::fmt::Write;

use super::line::text;
use super::{Event, Outcome};

/// Upper bounds of the buckets of how long stores took: in milliseconds, and in seconds as the label says it. The thresholds that are usual,
/// 0.1 and 0.2, are among them.
const BOUNDS: [(u64, &str); 12] = [
    (5, "0.005"),
    (10, "0.01"),
    (25, "0.025"),
    (50, "0.05"),
    (100, "0.1"),
    (200, "0.2"),
    (500, "0.5"),
    (1_000, "1"),
    (2_500, "2.5"),
    (5_000, "5"),
    (10_000, "10"),
    (30_000, "30"),
];
/// What no bound holds.
const BEYOND: &str = "+Inf";
/// The stores by their names in events; another name counts as `other`.
const STORES: [&str; 8] = ["kv", "kv+ledger", "durable", "sealed+ledger", "redis", "upstash", "memory", "ledger"];

/// What is counted, and the labels of which it has as many as it needs.
type Key = (&'static str, [&'static str; 3]);

/// Counts. They are few, so that looking through them is quicker than any order.
#[derive(Debug, Default)]
pub struct Tally(Vec<(Key, u64)>);

impl Tally {
    /// Counts the event.
    pub fn note(&mut self, event: &Event<'_>) {
        match *event {
            Event::Started { .. } => self.add("started", ["", "", ""], 1),
            Event::Misconfigured { .. } => self.add("misconfigured", ["", "", ""], 1),
            Event::FallbackToMemory => self.add("memory_in_production", ["", "", ""], 1),
            Event::Issued { .. } => self.add("issued", ["", "", ""], 1),
            Event::Consumed { .. } => self.add("consumed", ["", "", ""], 1),
            Event::Reused { .. } => self.add("reused", ["", "", ""], 1),
            Event::Refused { route, reason, .. } => self.add("refused", [route, text(reason), ""], 1),
            Event::Store { store, operation, outcome, ms, slow } => {
                let (store, operation) = (known(store), operation.name());
                self.add("store", [store, operation, name(outcome)], 1);
                let bucket = BOUNDS.iter().find(|(most, _)| ms <= *most).map_or(BEYOND, |(_, seconds)| seconds);
                self.add("store_le", [store, operation, bucket], 1);
                self.add("store_ms", [store, operation, ""], ms);
                if slow {
                    self.add("store_slow", [store, operation, ""], 1);
                }
            }
            Event::IdentityFailed { step, .. } => self.add("identity_failed", [step, "", ""], 1),
            Event::LimiterFailed { limiter, .. } => self.add("limiter_failed", [limiter, "", ""], 1),
            Event::FellBack { store, .. } => self.add("fell_back", [known(store), "", ""], 1),
            Event::Recovered { .. } => self.add("recovered", ["", "", ""], 1),
            Event::SessionsEnded { route, sessions } => self.add("ended", [route, "", ""], sessions.unwrap_or(0)),
            Event::InternalError { route } => self.add("internal_error", [route, "", ""], 1),
        }
    }

    fn add(&mut self, what: &'static str, labels: [&'static str; 3], count: u64) {
        match self.0.iter_mut().find(|(key, _)| *key == (what, labels)) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => self.0.push(((what, labels), count)),
        }
    }

    /// All that was counted since the last time, as a JSON object: what and its labels with spaces between them, and how often.
    pub fn take(&mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut json = String::from("{");
        for ((what, labels), count) in self.0.drain(..) {
            json.push_str(if json.len() > 1 { ",\"" } else { "\"" });
            // Names of our own, in which nothing is to be escaped.
            json.push_str(what);
            for label in labels.iter().filter(|label| !label.is_empty()) {
                json.push(' ');
                json.push_str(label);
            }
            // A text always has room.
            let _ = write!(json, "\":{count}");
        }
        json.push('}');
        Some(json)
    }
}

fn known(store: &str) -> &'static str {
    STORES.into_iter().find(|name| *name == store).unwrap_or("other")
}

fn name(outcome: Outcome) -> &'static str {
    outcome.name().unwrap_or("failed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Cause, StoreError};
    use crate::telemetry::{Operation, Reason};
    use crate::ticket::TicketId;
    use serde_json::{Value, json};

    fn counted(events: &[Event<'_>]) -> Option<Value> {
        let mut tally = Tally::default();
        for event in events {
            tally.note(event);
        }
        tally.take().map(|text| serde_json::from_str(&text).unwrap())
    }

    fn store(store: &str, outcome: Outcome, ms: u64, slow: bool) -> Event<'_> {
        Event::Store { store, operation: Operation::Consume, outcome, ms, slow }
    }

    #[test]
    fn events_add_up_by_their_labels() {
        let ticket_id = TicketId::from(uuid::Uuid::nil());
        let refused = |reason| Event::Refused { route: "ws", reason, status: 401, ticket_id: None };
        assert_eq!(
            counted(&[
                Event::Reused { ticket_id },
                refused(Reason::Unknown),
                refused(Reason::Unknown),
                refused(Reason::Code("ticket_missing")),
                Event::SessionsEnded { route: "sessions.end", sessions: Some(3) },
            ]),
            Some(
                json!({"reused": 1, "refused ws unknown": 2, "refused ws ticket_missing": 1, "ended sessions.end": 3})
            )
        );
        assert_eq!(counted(&[]), None);
    }

    #[test]
    fn a_store_counts_how_it_ended_and_how_long_it_took() {
        let failed = Outcome::Failed(StoreError::Unavailable { step: "kv.get", cause: Cause::TimedOut });
        assert_eq!(
            counted(&[
                store("kv+ledger", Outcome::Granted, 100, false),
                store("kv+ledger", Outcome::Granted, 101, true),
                store("kv+ledger", failed, 30_001, true),
            ]),
            Some(json!({
                "store kv+ledger consume granted": 2,
                "store kv+ledger consume failed": 1,
                "store_le kv+ledger consume 0.1": 1,
                "store_le kv+ledger consume 0.2": 1,
                "store_le kv+ledger consume +Inf": 1,
                "store_ms kv+ledger consume": 30_202,
                "store_slow kv+ledger consume": 2,
            }))
        );
    }

    #[test]
    fn a_name_that_nobody_knows_makes_no_label() {
        let counts = counted(&[store("alice\nwst_x", Outcome::Granted, 1, false)]).unwrap();
        assert!(counts.get("store other consume granted").is_some(), "{counts}");
    }

    #[test]
    fn what_was_taken_is_not_counted_again() {
        let mut tally = Tally::default();
        tally.note(&Event::FallbackToMemory);
        assert_eq!(tally.take().as_deref(), Some(r#"{"memory_in_production":1}"#));
        assert_eq!(tally.take(), None);
    }
}
