//! How a store is, as this isolate's calls to it found it: what `/health` shows beside what is configured. No store is asked
//! for it.

use std::cell::Cell;

use ws_ticket_core::store::Cause;
use ws_ticket_core::telemetry::Operation;
use ws_ticket_core::time::Millis;

/// What is known of one store.
pub struct Condition {
    store: String,
    issue: Cell<Option<Trouble>>,
    consume: Cell<Option<Trouble>>,
}

/// Something that won't pass by itself, or not before a moment.
#[derive(Clone, Copy)]
struct Trouble {
    cause: Cause,
    until: Option<Millis>,
}

impl Condition {
    /// Nothing bad is known of the store of this name.
    pub fn new(store: String) -> Self {
        Self { store, issue: Cell::default(), consume: Cell::default() }
    }

    pub fn store(&self) -> &str {
        &self.store
    }

    fn of(&self, operation: Operation) -> &Cell<Option<Trouble>> {
        match operation {
            Operation::Issue => &self.issue,
            // An end is looked at where tickets are consumed.
            Operation::Consume | Operation::End => &self.consume,
        }
    }

    /// Notes how a call ended: with an answer (`None`), or why without one. One that was waited for in vain says nothing new,
    /// nor does a rest where it is known what is wrong; a passing failure says at least that what lasted has passed.
    pub fn note(&self, operation: Operation, failure: Option<Cause>, now: Millis) {
        let says_nothing = |cause: Cause| match cause {
            Cause::Resting { .. } => self.trouble(operation, now).is_some(),
            cause => cause.is_silence() && !cause.is_lasting(),
        };
        if failure.is_some_and(says_nothing) {
            return;
        }
        let lasting = failure.filter(|cause| cause.is_lasting());
        self.of(operation).set(lasting.map(|cause| {
            // A store that is full knows when it no longer is; that a rest is over doesn't mean that anybody answers.
            let until = if let Cause::Full { seconds } = cause { seconds.map(|s| now.plus_seconds(s)) } else { None };
            Trouble { cause, until }
        }));
    }

    /// Why the operation can't be done now, if so.
    pub fn trouble(&self, operation: Operation, now: Millis) -> Option<Cause> {
        let trouble = self.of(operation).get()?;
        trouble.until.is_none_or(|until| now < until).then_some(trouble.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::{Consume, Issue};
    use ws_ticket_core::store::Fault;

    const NOPERM: Cause = Cause::Server(Fault::NoPerm);

    #[test]
    fn what_lasts_is_shown_until_there_is_an_answer() {
        let condition = Condition::new("redis".to_owned());
        condition.note(Consume, Some(NOPERM), Millis(0));
        condition.note(Consume, Some(Cause::TimedOut), Millis(1));
        assert_eq!(condition.trouble(Consume, Millis(u64::MAX)), Some(NOPERM));
        assert_eq!(condition.trouble(Issue, Millis(1)), None);
        condition.note(Issue, None, Millis(2));
        assert_eq!(condition.trouble(Consume, Millis(2)), Some(NOPERM), "issuing says nothing about consuming");
        condition.note(Consume, None, Millis(2));
        assert_eq!(condition.trouble(Consume, Millis(2)), None);
    }

    #[test]
    fn what_passes_is_not_shown_and_ends_what_was() {
        let condition = Condition::new("redis".to_owned());
        for passing in [Cause::Failed, Cause::TimedOut, Cause::LimitReached, Cause::Server(Fault::Loading)] {
            condition.note(Issue, Some(passing), Millis(0));
            assert_eq!(condition.trouble(Issue, Millis(0)), None, "{passing}");
        }
        condition.note(Issue, Some(NOPERM), Millis(0));
        condition.note(Issue, Some(Cause::Server(Fault::Loading)), Millis(1));
        assert_eq!(condition.trouble(Issue, Millis(1)), None);
    }

    #[test]
    fn full_ends_by_itself_where_the_store_knows_when() {
        let condition = Condition::new("memory".to_owned());
        condition.note(Issue, Some(Cause::Full { seconds: Some(7) }), Millis(1_000));
        assert!(condition.trouble(Issue, Millis(7_999)).is_some());
        assert!(condition.trouble(Issue, Millis(8_000)).is_none());
        condition.note(Issue, Some(Cause::Full { seconds: None }), Millis(1_000));
        assert!(condition.trouble(Issue, Millis(u64::MAX)).is_some());
    }

    #[test]
    fn a_rest_hides_no_reason_that_is_known() {
        const TLS: Cause = Cause::Server(Fault::TlsTimedOut);
        const RESTING: Cause = Cause::Resting { seconds: 1 };
        let condition = Condition::new("redis".to_owned());
        condition.note(Issue, Some(TLS), Millis(0));
        condition.note(Issue, Some(RESTING), Millis(1));
        assert_eq!(condition.trouble(Issue, Millis(2)), Some(TLS));
        condition.note(Consume, Some(Cause::TimedOut), Millis(0));
        condition.note(Consume, Some(RESTING), Millis(1));
        assert_eq!(condition.trouble(Consume, Millis(2)), Some(RESTING), "here it is all that is known");
        condition.note(Consume, Some(TLS), Millis(3));
        assert_eq!(condition.trouble(Consume, Millis(3)), Some(TLS));
    }
}
