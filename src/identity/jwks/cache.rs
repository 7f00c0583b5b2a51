//! When to ask for an issuer's keys, and which to use meanwhile: the rules, without any asking.
//!
//! Requests of one isolate share what was fetched, but no request can wait for what another one fetches: a promise belongs to
//! the request that made it. So one asks, and the others use what there is or look again a little later, and ask themselves if it takes long.

use crate::grant::Millis;

/// Milliseconds for which keys are used at most when no newer ones can be had, from when they were asked for.
const KEPT: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds between two asks because of a key that isn't known: anybody can name one.
const UNKNOWN_REST: u64 = 30_000;
/// Milliseconds after an ask that failed, with keys to go on with.
const FAILED_REST: u64 = 5_000;
/// The same, with none.
const FAILED_REST_EMPTY: u64 = 1_000;

/// Milliseconds between two asks while there are no keys and none has failed. A crowd at a cold isolate must not become one
/// at the issuer, and one that asks and is given up must not make the others wait for long.
const COLD_STAGGER: u64 = 200;

/// What a request does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Use what is here: it has the key.
    Use,
    /// Ask, and say how it went by [`Cache::answered`] or [`Cache::failed`].
    Ask,
    /// Look again a little later: somebody is asking.
    Wait,
    /// There is no such key.
    Unknown,
    /// Whether there is such a key can't be found out now.
    Unavailable,
}

struct Held<K> {
    keys: K,
    asked_at: Millis,
    fresh_until: Millis,
}

/// The keys of one issuer, in one isolate.
pub struct Cache<K> {
    held: Option<Held<K>>,
    /// When the last ask failed; `None` when it went well.
    failed_at: Option<Millis>,
    /// When a key that isn't known was last a reason to ask.
    unknown_at: Option<Millis>,
    /// Since when somebody has been asking. A request may be given up in the middle, so this ends by itself.
    asking_since: Option<Millis>,
    /// Milliseconds that an ask takes at most.
    timeout_ms: u32,
}

impl<K> Cache<K> {
    /// Empty.
    pub fn new(timeout_ms: u32) -> Self {
        Self { held: None, failed_at: None, unknown_at: None, asking_since: None, timeout_ms }
    }

    /// The keys that may be used.
    pub fn keys(&self, now: Millis) -> Option<&K> {
        self.held.as_ref().filter(|held| now.since(held.asked_at) <= KEPT).map(|held| &held.keys)
    }

    /// What a request does that needs a key: `has` says whether it is among those here, `asked` whether this request has
    /// asked before, which it does at most once.
    pub fn next(&mut self, now: Millis, has: impl FnOnce(&K) -> bool, asked: bool) -> Next {
        let resting = |since: Option<Millis>, rest| since.is_some_and(|since| now.since(since) < rest);
        let Some(keys) = self.keys(now) else {
            if asked || resting(self.failed_at, FAILED_REST_EMPTY) {
                return Next::Unavailable;
            }
            return if resting(self.asking_since, COLD_STAGGER) { Next::Wait } else { self.ask(now) };
        };
        let known = has(keys);
        let fresh = self.held.as_ref().is_some_and(|held| now < held.fresh_until);
        let failed = resting(self.failed_at, FAILED_REST);
        let asking = resting(self.asking_since, self.timeout_ms.into());
        if known {
            return if fresh || failed || asking || asked { Next::Use } else { self.ask(now) };
        }
        // After a failed ask nobody knows whether the issuer has the key by now.
        let no = if self.failed_at.is_some() { Next::Unavailable } else { Next::Unknown };
        if asked || failed {
            return no;
        }
        if asking {
            return Next::Wait;
        }
        // An ask that was given up told nobody anything. Who asks with made-up names and hangs up must not keep others from
        // asking.
        let given_up = self.asking_since.is_some();
        if fresh && resting(self.unknown_at, UNKNOWN_REST) && !given_up {
            return no;
        }
        self.unknown_at = Some(now);
        self.ask(now)
    }

    fn ask(&mut self, now: Millis) -> Next {
        self.asking_since = Some(now);
        Next::Ask
    }

    /// Keys came, which were asked for at `asked_at` and stay fresh for so many seconds from then.
    pub fn answered(&mut self, keys: K, asked_at: Millis, fresh_seconds: u32) {
        (self.failed_at, self.asking_since) = (None, None);
        // An answer may overtake one that was asked for before it.
        if self.held.as_ref().is_some_and(|held| held.asked_at > asked_at) {
            return;
        }
        self.held = Some(Held { keys, asked_at, fresh_until: asked_at.plus_seconds(fresh_seconds) });
    }

    /// No keys came.
    pub fn failed(&mut self, now: Millis) {
        (self.failed_at, self.asking_since) = (Some(now), None);
    }

    /// The issuer said that it has no keys: those of before are no longer its own.
    pub fn emptied(&mut self, now: Millis) {
        self.held = None;
        self.failed(now);
    }
}

#[cfg(test)]
mod tests;
