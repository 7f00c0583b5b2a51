//! Rests: whatever was asked several times in a row and gave no answer in time is left alone for a while.
//!
//! Without them everybody would wait the whole deadline for a store that hangs. A rest changes nothing about a ticket: who is
//! refused by it has asked nothing, so nothing is burnt. When it is over one call goes through and finds out, while the others
//! go on being refused; any answer, an error too, ends it. Errors that come at once are no reason to rest: nobody waits for them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;

use ws_ticket_core::store::{Cause, StoreError};
use ws_ticket_core::time::Millis;

/// How often in a row it takes: one lost packet must not refuse everybody else.
const IN_A_ROW: u32 = 3;
/// The first rest, in milliseconds. Each further one without an answer doubles it.
const FIRST_MS: u64 = 1_000;
/// The longest rest, in milliseconds.
pub const LONGEST_MS: u64 = 30_000;

/// How long the next rest is, after so many in a row.
pub fn length_ms(rests: u32) -> u64 {
    FIRST_MS.checked_shl(rests.min(16)).unwrap_or(LONGEST_MS).min(LONGEST_MS)
}

/// How much is left of a rest, in milliseconds: 0 when it is over. A rest is no longer than `longest`, so more than that means
/// that the clock was set back, and nobody waits for it to come to the same moment again.
pub fn left_ms(until: Millis, now: Millis, longest: u64) -> u64 {
    Some(until.since(now)).filter(|left| *left <= longest).unwrap_or_default()
}

/// What is asked, by name: a server, or each of many shards for itself.
pub struct Rests {
    clock: fn() -> Millis,
    /// How long a call can take, in milliseconds. One that was cancelled is never heard of again, so after this somebody else
    /// may find out.
    call_ms: u64,
    asked: RefCell<HashMap<String, Asked>>,
}

/// What is known of one of them. Calls have numbers, since the clock may stand still while they are made.
#[derive(Default)]
struct Asked {
    calls: u64,
    /// The last call that there was when an answer came. One that was made before it says nothing about the time after.
    answered: u64,
    /// How many calls in a row gave no answer, up to [`IN_A_ROW`].
    misses: u32,
    /// How many rests there were in a row.
    rests: u32,
    until: Option<Millis>,
    /// The call that finds out whether the rest is over.
    probe: u64,
}

impl Rests {
    /// For calls that take at most `call_ms`.
    pub fn new(call_ms: u64, clock: fn() -> Millis) -> Self {
        Self { clock, call_ms, asked: RefCell::default() }
    }

    /// The call's answer; or, while `name` rests, none at once, and the call is not made.
    pub async fn ask<T>(&self, name: &str, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let number = self.begin(name)?;
        let answer = call.await;
        let silence = answer.as_ref().err().and_then(StoreError::cause).is_some_and(Cause::is_silence);
        self.end(name, number, silence);
        answer
    }

    fn begin(&self, name: &str) -> Result<u64, StoreError> {
        let mut all = self.asked.borrow_mut();
        if !all.contains_key(name) {
            all.insert(name.to_owned(), Asked::default());
        }
        let Some(asked) = all.get_mut(name) else { return Ok(0) };
        let number = asked.calls.saturating_add(1);
        // The clock is JavaScript's, and isn't looked at while all is well.
        if let Some(until) = asked.until {
            let now = (self.clock)();
            let left = left_ms(until, now, LONGEST_MS.max(self.call_ms));
            if left > 0 {
                let seconds = u32::try_from(left.div_ceil(1000)).unwrap_or(u32::MAX);
                return Err(StoreError::Unavailable { step: "rest", cause: Cause::Resting { seconds } });
            }
            asked.probe = number;
            asked.until = Some(Millis(now.0.saturating_add(self.call_ms)));
        }
        asked.calls = number;
        Ok(number)
    }

    fn end(&self, name: &str, number: u64, silence: bool) {
        let mut all = self.asked.borrow_mut();
        let Some(asked) = all.get_mut(name) else { return };
        if !silence {
            *asked = Asked { calls: asked.calls, answered: asked.calls, ..Asked::default() };
            return;
        }
        if number <= asked.answered {
            return;
        }
        asked.misses = asked.misses.saturating_add(1).min(IN_A_ROW);
        // Calls that were made before it rested, and give no answer only now, tell nothing new.
        let begins = asked.until.is_none() && asked.misses >= IN_A_ROW;
        if begins || asked.probe == number {
            asked.until = Some(Millis((self.clock)().0.saturating_add(length_ms(asked.rests))));
            asked.rests = asked.rests.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
