//! The shards, as the gate sees them: one Durable Object each, asked with a deadline.

use std::num::NonZeroU16;

use futures_util::future::join_all;
use worker::ObjectNamespace;
use worker::js_sys::{Promise, Reflect};
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use super::asks::{self, About, ENDED, GIVEN, GIVEN_AND_NOTED, NOT_UNDERSTOOD, TAKEN, TOO_LATE, UNKNOWN, Word};
use crate::platform::NoAnswer;
use crate::platform::race::raced;
use ws_ticket_core::grant::Grant;
use ws_ticket_core::region::{Region, Shard};
use ws_ticket_core::store::{Attempt, Cause, End, Known, StoreError};
use ws_ticket_core::ticket::Digest;
use ws_ticket_core::time::Millis;

#[wasm_bindgen(module = "/src/objects/shards.js")]
extern "C" {
    #[wasm_bindgen(js_name = ask)]
    fn ask_object(
        namespace: &JsValue,
        name: &str,
        hint: Option<&str>,
        path: &str,
        body: Option<&str>,
        ms: u32,
    ) -> Promise;
}

/// How many bytes an answer has at most: a grant, which has at most a subject, a room and claims.
const ANSWER_MAX: usize = 64 * 1024;

/// Which shards there are, and what they are told.
#[derive(Clone, Copy, Debug)]
pub struct ShardSettings {
    /// `TICKET_SHARDS`: how many in each region.
    pub count: NonZeroU16,
    /// `TICKET_SHARDS_PREVIOUS`.
    pub previous: Option<NonZeroU16>,
    /// Each is waited for at most so many milliseconds.
    pub timeout_ms: u32,
    /// Whether sessions can be ended from outside.
    pub ends: bool,
    /// `SESSION_MAX_SECONDS` where they also are in rooms, which then have to be remembered.
    pub stays: Option<u32>,
    /// Whether it is these that tell the shards of an end. Several stores of a gate have the same shards, and one of them is enough.
    pub tells: bool,
}

/// The shards, as the gate sees them. Which one of a region a ticket has is its subject's: so what ends a subject's tickets is one row in
/// one shard of each region.
pub struct Shards {
    namespace: ObjectNamespace,
    settings: ShardSettings,
}

impl Shards {
    /// Those of the namespace.
    pub fn new(namespace: ObjectNamespace, settings: ShardSettings) -> Self {
        Self { namespace, settings }
    }

    /// The subject's shard of the region.
    pub fn pick(&self, grant: &Grant, near: Option<Region>) -> Shard {
        Shard { number: number_of(&grant.subject.digest(), self.settings.count), region: near }
    }

    /// The numbers that shards of the subject have: now, and before the count was changed.
    fn numbers(&self, subject: &Digest) -> Vec<u16> {
        let counts = [Some(self.settings.count), self.settings.previous].into_iter().flatten();
        let mut numbers: Vec<_> = counts.map(|count| number_of(subject, count)).collect();
        numbers.dedup();
        numbers
    }

    /// Ends what the subject has, in each of its shards, and says what they knew of it.
    pub async fn end(&self, end: &End) -> Result<Known, StoreError> {
        const STEP: &str = "shard.end";
        if !self.settings.tells {
            return Ok(Known::default());
        }
        let subject = end.subject.digest();
        let path = format!("/end/{subject}/{}/{}", end.before.0, end.kept_until().0);
        let regions = std::iter::once(None).chain(Region::ALL.into_iter().map(Some));
        let shards: Vec<_> = regions
            .flat_map(|region| self.numbers(&subject).into_iter().map(move |number| Shard { number, region }))
            .collect();
        let answers = join_all(shards.iter().map(|shard| self.ask_twice(STEP, *shard, &path, None))).await;
        let mut known = Known::default();
        for answer in answers {
            let answer = answer?;
            let more = match answer.status {
                GIVEN => false,
                asks::TOO_MANY => true,
                // It is of a version that knows no ends.
                _ => return Err(StoreError::Unavailable { step: STEP, cause: Cause::NotUnderstood }),
            };
            let of_shard = asks::known(&answer.record).ok_or(StoreError::Corrupt { step: STEP })?;
            known = known.and(Known { more, ..of_shard });
        }
        Ok(known)
    }

    /// The elected shard's word of the grant, after all that is to be known of ends: [`GIVEN`] only where it may be handed out. Other
    /// shards of the subject are asked where the elected one can't know all: it was picked in another way, by a gate of before, or the
    /// number of shards was changed. Else nobody is.
    pub async fn settle(&self, elected: Shard, grant: &Grant, word: u16) -> Result<u16, StoreError> {
        match word {
            GIVEN | GIVEN_AND_NOTED if word == given(self.settings.stays.is_some()) => {}
            // It is of a version that can't remember where the session is, so nobody could end it; or it says more than was asked.
            GIVEN | GIVEN_AND_NOTED => return Ok(NOT_UNDERSTOOD),
            refused => return Ok(refused),
        }
        if !self.settings.ends {
            return Ok(GIVEN);
        }
        let numbers = self.numbers(&grant.subject.digest());
        let others = numbers.into_iter().filter(|number| *number != elected.number);
        // Each remembers where the session is: an end may come from a gate that has the other count, alone.
        let about = About::of(grant, self.settings.stays);
        let asked = others.map(|number| self.ask_of_end(Shard { number, ..elected }, about));
        for answer in join_all(asked).await {
            if answer? {
                return Ok(ENDED);
            }
        }
        Ok(GIVEN)
    }

    /// Whether the shard knows of an end.
    async fn ask_of_end(&self, shard: Shard, about: About) -> Result<bool, StoreError> {
        const STEP: &str = "shard.ended";
        let expected = given(about.stay.is_some());
        match self.ask_twice(STEP, shard, "/ended", Some(&about.to_string())).await?.status {
            ENDED => Ok(true),
            answer if answer == expected => Ok(false),
            _ => Err(StoreError::Unavailable { step: STEP, cause: Cause::NotUnderstood }),
        }
    }

    /// Keeps the grant in the shard.
    pub async fn put(&self, shard: Shard, digest: &Digest, expires_at: Millis, grant: &str) -> Result<(), StoreError> {
        const STEP: &str = "shard.put";
        let path = format!("/put/{digest}/{}", expires_at.0);
        // Not repeated: if it is unknown whether a grant is kept, a fresh ticket is the answer.
        let cause = match self.within_deadline(STEP, self.settings.timeout_ms, shard, &path, Some(grant)).await?.status
        {
            GIVEN => return Ok(()),
            UNKNOWN | TAKEN | TOO_LATE | ENDED | asks::TOO_MANY | GIVEN_AND_NOTED => Cause::Failed,
            _ => Cause::NotUnderstood,
        };
        Err(StoreError::Unavailable { step: STEP, cause })
    }

    /// The grant, if this attempt has it, with a word that is yet to [`Self::settle`]; if another has, the grant too, with [`TAKEN`].
    pub async fn take(&self, shard: Shard, digest: &Digest, attempt: Attempt) -> Result<Word, StoreError> {
        let stay = self.settings.stays.map(asks::stay);
        self.ask_twice("shard.take", shard, &format!("/take/{digest}/{}", attempt.uuid()), stay.as_deref()).await
    }

    /// Whether this attempt has the grant's ticket, by a word that is settled.
    pub async fn claim(&self, shard: Shard, grant: &Grant, attempt: Attempt) -> Result<u16, StoreError> {
        let path = format!("/claim/{}/{}/{}", grant.ticket_id.uuid(), attempt.uuid(), grant.expires_at.0);
        let about = About::of(grant, self.settings.stays).to_string();
        let word = self.ask_twice("shard.claim", shard, &path, Some(&about)).await?.status;
        self.settle(shard, grant, word).await
    }

    /// Asks once more after no answer. The first may have taken effect; the shard knows the attempt, so asking again is
    /// harmless. Each time has half of the deadline. A shard that has too much to do is not asked again: that would be one
    /// more.
    async fn ask_twice(
        &self,
        step: &'static str,
        shard: Shard,
        path: &str,
        body: Option<&str>,
    ) -> Result<Word, StoreError> {
        let half = self.settings.timeout_ms.div_ceil(2);
        match self.within_deadline(step, half, shard, path, body).await {
            Err(StoreError::Unavailable { cause, .. }) if cause != Cause::Overloaded => {
                self.within_deadline(step, half, shard, path, body).await
            }
            answer => answer,
        }
    }

    async fn within_deadline(
        &self,
        step: &'static str,
        timeout_ms: u32,
        shard: Shard,
        path: &str,
        body: Option<&str>,
    ) -> Result<Word, StoreError> {
        let cause = match self.ask(shard, path, body, timeout_ms).await {
            Ok(answer) if asks::WORDS.contains(&answer.status) => return Ok(answer),
            Err(NoAnswer::TimedOut) => Cause::TimedOut,
            Err(NoAnswer::Failed(thrown)) if is_overloaded(&thrown) => Cause::Overloaded,
            Ok(_) | Err(NoAnswer::Failed(_)) => Cause::Failed,
        };
        Err(StoreError::Unavailable { step, cause })
    }

    async fn ask(&self, shard: Shard, path: &str, body: Option<&str>, ms: u32) -> Result<Word, NoAnswer> {
        let name = format!("shard-{shard}");
        let hint = shard.region.map(Region::hint);
        let answer = raced(ask_object(self.namespace.as_ref(), &name, hint, path, body, ms)).await?;
        let text = answer.as_string().filter(|text| text.len() <= ANSWER_MAX).ok_or(JsValue::UNDEFINED)?;
        Ok(Word::parse(&text).ok_or(JsValue::UNDEFINED)?)
    }
}

/// Whether the platform says that the object has too much to do, and asks callers not to try again
/// (<https://developers.cloudflare.com/durable-objects/best-practices/error-handling/>).
fn is_overloaded(thrown: &JsValue) -> bool {
    Reflect::get(thrown, &"overloaded".into()).is_ok_and(|overloaded| overloaded.is_truthy())
}

/// The word of a shard that gives what was asked for, with a stay or without.
fn given(with_stay: bool) -> u16 {
    if with_stay { GIVEN_AND_NOTED } else { GIVEN }
}

/// Which of so many shards the subject has.
fn number_of(subject: &Digest, count: NonZeroU16) -> u16 {
    let [a, b, c, d, ..] = *subject.bytes();
    let number = u32::from_le_bytes([a, b, c, d]).checked_rem(u32::from(count.get()));
    number.and_then(|number| u16::try_from(number).ok()).unwrap_or(0)
}
