//! When to ask for an issuer's keys, and which to use meanwhile: the rules, without any asking.
//!
//! Requests of one isolate share what was fetched, but no request can wait for what another one fetches: a promise belongs to
//! the request that made it. So one asks, and the others use what there is or look again a little later, and ask themselves if
//! it takes long. Several asks can be under way then, and end in any order: each outcome says which ask it is of, and one that
//! was overtaken changes nothing that a newer one has said.

use ws_ticket_core::time::Millis;

/// Milliseconds for which keys are used at most when no newer ones can be had, from when they were asked for.
const KEPT: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds for which keys that are no longer fresh are used without waiting for newer ones, which are asked for behind the
/// answer. Who comes later than that waits: a key may have been taken away meanwhile, and an isolate may have slept all night.
const USED_AT_ONCE: u64 = 60 * 60 * 1000;
/// Milliseconds between two asks because of a key that isn't known: anybody can name one.
const UNKNOWN_REST: u64 = 30_000;
/// Milliseconds after an ask that failed, with keys to go on with.
const FAILED_REST: u64 = 5_000;
/// The same, with none.
const FAILED_REST_EMPTY: u64 = 1_000;

/// Milliseconds between two asks while there are no keys and none has failed. A crowd at a cold isolate must not become one
/// at the issuer, and one that asks and is given up must not make the others wait for long.
const COLD_STAGGER: u64 = 200;
/// Milliseconds after its time that an ask without an outcome is given up.
const GIVEN_UP: u64 = 500;

/// An ask: its number, by which its outcome is told from those of others. Later ones have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskNumber(u64);

/// What a request does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Use what is here: it has the key.
    Use,
    /// Use what is here, and ask when the request has been answered.
    UseAndAsk(AskNumber),
    /// Ask, and say how it went by [`Cache::answered`], [`Cache::emptied`] or [`Cache::failed`].
    Ask(AskNumber),
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
    /// How many asks there have been.
    asks: u64,
    /// The newest ask with an outcome, whatever it was.
    ended: AskNumber,
    /// The newest ask that the issuer has answered, be it with keys or with none.
    told: AskNumber,
    /// When the newest ask with an outcome failed; `None` when it went well.
    failed_at: Option<Millis>,
    /// When a key that isn't known was last a reason to ask.
    unknown_at: Option<Millis>,
    /// The newest ask, and since when it has been under way. Its isolate may lose it in the middle, so this ends by itself.
    asking: Option<(AskNumber, Millis)>,
    /// Milliseconds that an ask takes at most.
    timeout_ms: u32,
}

impl<K> Cache<K> {
    /// Empty.
    pub fn new(timeout_ms: u32) -> Self {
        let (ended, told) = (AskNumber(0), AskNumber(0));
        Self { held: None, asks: 0, ended, told, failed_at: None, unknown_at: None, asking: None, timeout_ms }
    }

    /// The keys that may be used.
    pub fn keys(&self, now: Millis) -> Option<&K> {
        self.held.as_ref().filter(|held| now.since(held.asked_at) <= KEPT).map(|held| &held.keys)
    }

    /// Says what a request that needs a key does next. `has` tells whether the key is among those that are here; `asked`
    /// whether this request has asked the issuer before, which a request does at most once.
    pub fn next(&mut self, now: Millis, has: impl FnOnce(&K) -> bool, asked: bool) -> Next {
        // A moment that lies ahead is one of a clock that was set back since.
        let resting = |since: Option<Millis>, rest| since.is_some_and(|since| since <= now && now.since(since) < rest);
        let asking_since = self.asking.map(|(_, since)| since);
        let Some(keys) = self.keys(now) else {
            if asked || resting(self.failed_at, FAILED_REST_EMPTY) {
                return Next::Unavailable;
            }
            return if resting(asking_since, COLD_STAGGER) { Next::Wait } else { Next::Ask(self.ask(now)) };
        };
        let known = has(keys);
        let fresh_until = self.held.as_ref().map_or(Millis(0), |held| held.fresh_until);
        let fresh = now < fresh_until;
        let failed = resting(self.failed_at, FAILED_REST);
        let asking = resting(asking_since, u64::from(self.timeout_ms).saturating_add(GIVEN_UP));
        if known {
            if fresh || failed || asking || asked {
                return Next::Use;
            }
            // An issuer that doesn't answer is known not to, for as long: nobody waits for it a second time.
            let at_once = resting(self.failed_at, USED_AT_ONCE) || now.since(fresh_until) < USED_AT_ONCE;
            let ask = self.ask(now);
            return if at_once { Next::UseAndAsk(ask) } else { Next::Ask(ask) };
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
        let given_up = self.asking.is_some();
        if fresh && resting(self.unknown_at, UNKNOWN_REST) && !given_up {
            return no;
        }
        self.unknown_at = Some(now);
        Next::Ask(self.ask(now))
    }

    fn ask(&mut self, now: Millis) -> AskNumber {
        self.asks = self.asks.saturating_add(1);
        let ask = AskNumber(self.asks);
        self.asking = Some((ask, now));
        ask
    }

    /// Keys came, which were asked for at `asked_at` and stay fresh for so many seconds from then.
    pub fn answered(&mut self, ask: AskNumber, keys: K, asked_at: Millis, fresh_seconds: u32) {
        self.ended(ask, None);
        if self.is_told(ask) {
            self.held = Some(Held { keys, asked_at, fresh_until: asked_at.plus_seconds(fresh_seconds) });
        }
    }

    /// No keys came.
    pub fn failed(&mut self, ask: AskNumber, now: Millis) {
        self.ended(ask, Some(now));
    }

    /// The issuer said that it has no keys: those of before are no longer its own.
    pub fn emptied(&mut self, ask: AskNumber, now: Millis) {
        self.ended(ask, Some(now));
        if self.is_told(ask) {
            self.held = None;
        }
    }

    /// The ask has ended, and has failed where there is a moment. A newer one's outcome stands.
    fn ended(&mut self, ask: AskNumber, failed_at: Option<Millis>) {
        self.asking = self.asking.filter(|(newest, _)| ask < *newest);
        if ask > self.ended {
            (self.ended, self.failed_at) = (ask, failed_at);
        }
    }

    /// The issuer has answered the ask; whether that is its newest word. A failure says nothing about keys, so an answer to an
    /// ask before it still does.
    fn is_told(&mut self, ask: AskNumber) -> bool {
        let newest = ask > self.told;
        self.told = self.told.max(ask);
        newest
    }
}

#[cfg(test)]
mod tests;
