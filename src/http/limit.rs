//! Rate limits, by the platform's rate limit bindings: on issuing for each subject, on refused upgrades for each address.
//!
//! The binding counts in each Cloudflare location for itself and is permissive by design
//! (<https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/>): it keeps a flood cheap, and promises no
//! exact number. What a ticket promises doesn't rest on it.

mod address;

use std::cell::RefCell;
use std::collections::HashMap;

use worker::js_sys::{Object, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{RateLimiter, worker_sys};

pub use address::Address;

use crate::config::OnLimiterFailure;
use crate::platform::NoAnswer;
use crate::platform::race::within;
use ws_ticket_core::grant::Subject;
use ws_ticket_core::telemetry::{Event, Sink};
use ws_ticket_core::time::Millis;

/// How long a limiter is waited for, in milliseconds. It answers from the memory of the machine.
const TIMEOUT_MS: u32 = 1000;
/// How long an address over its limit is refused without counting on, in seconds.
const BLOCK_SECONDS: u32 = 10;
/// How many such addresses an isolate remembers at most.
const BLOCKED_MAX: usize = 1024;

/// Why somebody has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// There were too many.
    OverLimit,
    /// Whether there were can't be found out.
    Unavailable,
}

/// The limits that are bound.
pub struct Limits {
    /// On tickets, for each subject.
    pub issue: Option<RateLimiter>,
    /// On refused upgrades, for each address.
    pub refusal: Option<RateLimiter>,
    on_failure: OnLimiterFailure,
    blocked: RefCell<HashMap<Address, Millis>>,
    sink: Sink,
}

impl Limits {
    /// With the limiters that are bound, and what to do when one fails.
    pub fn new(
        issue: Option<RateLimiter>,
        refusal: Option<RateLimiter>,
        on_failure: OnLimiterFailure,
        sink: Sink,
    ) -> Self {
        Self { issue, refusal, on_failure, blocked: RefCell::default(), sink }
    }

    /// Counts a ticket for the subject.
    pub async fn issue(&self, subject: &Subject) -> Result<(), Wait> {
        match self.count("issue", self.issue.as_ref(), subject.as_str()).await {
            Some(true) => Ok(()),
            Some(false) => Err(Wait::OverLimit),
            None => match self.on_failure {
                OnLimiterFailure::Refuse => Err(Wait::Unavailable),
                OnLimiterFailure::Admit => Ok(()),
            },
        }
    }

    /// Counts a refused upgrade of the address; an error says that it was one too many. A limiter that gives no answer changes
    /// nothing here: the upgrade is refused already.
    pub async fn refusal(&self, address: &Address, clock: impl Fn() -> Millis) -> Result<(), Wait> {
        match self.count("refusal", self.refusal.as_ref(), address.as_str()).await {
            Some(false) => {
                self.block(address, clock());
                Err(Wait::OverLimit)
            }
            _ => Ok(()),
        }
    }

    /// Whether the address was over its limit a moment ago. Costs no call.
    pub fn is_blocked(&self, address: &Address, now: Millis) -> bool {
        self.blocked.borrow().get(address).is_some_and(|until| now < *until)
    }

    fn block(&self, address: &Address, now: Millis) {
        let mut blocked = self.blocked.borrow_mut();
        blocked.retain(|_, until| now < *until);
        if blocked.len() < BLOCKED_MAX {
            blocked.insert(address.clone(), now.plus_seconds(BLOCK_SECONDS));
        }
    }

    /// Whether it is within the limit; `None` when the limiter has failed. What isn't bound has no limit.
    async fn count(&self, limiter: &'static str, binding: Option<&RateLimiter>, key: &str) -> Option<bool> {
        let Some(binding) = binding else { return Some(true) };
        let reason = match ask(binding, key).await {
            Ok(within) => return Some(within),
            Err(NoAnswer::Failed(_)) => "failed",
            Err(NoAnswer::TimedOut) => "timed_out",
        };
        (self.sink)(&Event::LimiterFailed { limiter, reason });
        None
    }
}

/// Whether the key is within the limit, asked by hand: a promise that `worker` waits for can't be raced.
async fn ask(binding: &RateLimiter, key: &str) -> Result<bool, NoAnswer> {
    let question = Object::new();
    Reflect::set(&question, &"key".into(), &key.into())?;
    let raw: &worker_sys::RateLimiter = AsRef::<JsValue>::as_ref(binding).unchecked_ref();
    let outcome = within(TIMEOUT_MS, raw.limit(question)?).await?;
    Ok(Reflect::get(&outcome, &"success".into())?.as_bool().ok_or(JsValue::UNDEFINED)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::new(None, None, OnLimiterFailure::Refuse, |_| ())
    }

    fn address(number: usize) -> Address {
        Address::parse(&format!("10.0.{}.{}", number / 256, number % 256)).unwrap()
    }

    #[test]
    fn an_address_is_blocked_for_ten_seconds() {
        let limits = limits();
        limits.block(&address(1), Millis(1000));
        assert!(limits.is_blocked(&address(1), Millis(10_999)));
        assert!(!limits.is_blocked(&address(1), Millis(11_000)));
        assert!(!limits.is_blocked(&address(2), Millis(1000)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let limits = limits();
        for number in 0..2 * BLOCKED_MAX {
            limits.block(&address(number), Millis(1000));
        }
        assert_eq!(limits.blocked.borrow().len(), BLOCKED_MAX);
        // Those whose time is over make room.
        limits.block(&address(BLOCKED_MAX + 7), Millis(20_000));
        assert_eq!(limits.blocked.borrow().len(), 1);
    }
}
