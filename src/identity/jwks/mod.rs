//! An issuer's keys, as it publishes them in a JWK Set: kept for each isolate, and asked for again when they are old or a
//! token names one that isn't there.

mod cache;
mod choose;
mod freshness;
mod set;

use std::cell::RefCell;
use std::rc::Rc;

use super::NotKnown;
use super::webcrypto::{CryptoKey, Given, import};
use crate::config::Algorithm;
use crate::platform;
use crate::platform::race::{behind_the_answer, sleep};
use cache::{AskNumber, Cache, Next};
use choose::{Entry, choose};
use set::NoSet;
use ws_ticket_core::telemetry::{Event, Sink};
use ws_ticket_core::time::Millis;

/// Milliseconds after which a request looks again what another one was told.
const LOOK_AGAIN_MS: u32 = 20;
/// How many times more it looks than an ask can take, so that one that was given up doesn't end the waiting.
const LOOKS_MORE: u32 = 50;

/// The keys.
#[derive(Clone)]
pub struct Jwks(Rc<Issuer>);

struct Issuer {
    url: String,
    timeout_ms: u32,
    algorithms: Vec<Algorithm>,
    cache: RefCell<Cache<Vec<Entry<CryptoKey>>>>,
    sink: Sink,
}

/// What came of asking.
struct Fetched {
    keys: Vec<Entry<CryptoKey>>,
    fresh_seconds: u32,
}

impl Jwks {
    /// Those that are published at the address, each for those of the algorithms that it fits.
    pub fn new(url: &str, timeout_ms: u32, algorithms: &[Algorithm], sink: Sink) -> Self {
        let cache = RefCell::new(Cache::new(timeout_ms));
        Self(Rc::new(Issuer { url: url.to_owned(), timeout_ms, algorithms: algorithms.to_vec(), cache, sink }))
    }

    /// Those that may have signed a token with this algorithm and this name of a key. Never none.
    pub async fn of(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        clock: &(impl Fn() -> Millis + Clone + 'static),
    ) -> Result<Vec<CryptoKey>, NotKnown> {
        let issuer = &self.0;
        // Counted, not timed: a clock may stand still.
        let mut looks = issuer.timeout_ms.div_ceil(LOOK_AGAIN_MS).saturating_add(LOOKS_MORE);
        let mut asked = false;
        loop {
            let now = clock();
            let has = |keys: &Vec<Entry<CryptoKey>>| !choose(keys, algorithm, kid).is_empty();
            let next = issuer.cache.borrow_mut().next(now, has, asked);
            match next {
                Next::Use => return Ok(issuer.chosen(now, algorithm, kid)),
                Next::UseAndAsk(ask) => {
                    let (issuer, clock) = (Rc::clone(issuer), clock.clone());
                    let chosen = issuer.chosen(now, algorithm, kid);
                    behind_the_answer(async move { issuer.refresh(ask, &clock).await });
                    return Ok(chosen);
                }
                Next::Ask(ask) => {
                    asked = true;
                    issuer.refresh(ask, clock).await;
                }
                Next::Wait if looks > 0 => {
                    looks = looks.saturating_sub(1);
                    sleep(LOOK_AGAIN_MS).await;
                }
                Next::Unknown => return Err(NotKnown::Refused("token_key_unknown")),
                Next::Wait | Next::Unavailable => return Err(NotKnown::Unavailable),
            }
        }
    }
}

impl Issuer {
    fn chosen(&self, now: Millis, algorithm: Algorithm, kid: Option<&str>) -> Vec<CryptoKey> {
        let cache = self.cache.borrow();
        let keys = cache.keys(now).map(Vec::as_slice).unwrap_or_default();
        choose(keys, algorithm, kid).into_iter().map(|entry| entry.key.clone()).collect()
    }

    /// Asks, and remembers what came of it.
    async fn refresh(&self, ask: AskNumber, clock: &impl Fn() -> Millis) {
        let asked_at = clock();
        let fetched = self.fetch().await;
        let now = clock();
        let mut cache = self.cache.borrow_mut();
        let reason = match fetched {
            Ok(Fetched { keys, fresh_seconds }) if !keys.is_empty() => {
                return cache.answered(ask, keys, asked_at, fresh_seconds);
            }
            Ok(_) => {
                cache.emptied(ask, now);
                "malformed"
            }
            Err(reason) => {
                cache.failed(ask, now);
                reason
            }
        };
        (self.sink)(&Event::IdentityFailed { step: "jwks", reason, ms: now.since(asked_at) });
    }

    async fn fetch(&self) -> Result<Fetched, &'static str> {
        let headers = [("Accept", "application/jwk-set+json, application/json")];
        let answer = super::ask(
            &platform::Call { method: "GET", url: &self.url, headers: &headers, body: None },
            self.timeout_ms,
        )
        .await?;
        if answer.status != 200 {
            return Err("status");
        }
        let set = set::read(&answer.body.ok_or("too_large")?).map_err(|why| match why {
            NoSet::Malformed => "malformed",
            NoSet::TooLarge => "too_large",
        })?;
        let mut keys = Vec::new();
        for jwk in &set {
            let first = set.iter().position(|other| other.public == jwk.public).unwrap_or_default();
            for algorithm in self.algorithms.iter().copied().filter(|algorithm| jwk.fits(*algorithm)) {
                if let Some(key) = import(Given::Jwk(&jwk.public), algorithm).await {
                    keys.push(Entry { kid: jwk.kid.clone(), algorithm, first, key });
                }
            }
        }
        let header = |name| answer.headers.get(name).ok().flatten();
        let fresh_seconds = freshness::seconds(header("Cache-Control").as_deref(), header("Age").as_deref());
        Ok(Fetched { keys, fresh_seconds })
    }
}
