//! The shards, as the gate sees them: one Durable Object each, asked with a deadline.

use std::num::NonZeroU16;

use uuid::Uuid;
use worker::ObjectNamespace;
use worker::js_sys::{Promise, Reflect};
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use super::asks::{self, GIVEN, TAKEN, TOO_LATE, UNKNOWN, Word};
use crate::platform::NoAnswer;
use crate::platform::race::raced;
use ws_ticket_core::region::{Region, Shard};
use ws_ticket_core::store::{Attempt, Cause, StoreError};
use ws_ticket_core::ticket::{Digest, NoRandomness, random};
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

/// The shards, as the gate sees them.
pub struct Shards {
    namespace: ObjectNamespace,
    count: NonZeroU16,
    timeout_ms: u32,
}

impl Shards {
    /// `count` objects of the namespace in each region, each waited for at most `timeout_ms`.
    pub fn new(namespace: ObjectNamespace, count: NonZeroU16, timeout_ms: u32) -> Self {
        Self { namespace, count, timeout_ms }
    }

    /// Any shard of the region, each as likely.
    pub fn pick(&self, near: Option<Region>) -> Result<Shard, NoRandomness> {
        let random = u32::from_le_bytes(random()?);
        let number = random.checked_rem(u32::from(self.count.get())).and_then(|n| u16::try_from(n).ok());
        Ok(Shard { number: number.unwrap_or(0), region: near })
    }

    /// Keeps the grant in the shard.
    pub async fn put(&self, shard: Shard, digest: &Digest, expires_at: Millis, grant: &str) -> Result<(), StoreError> {
        const STEP: &str = "shard.put";
        let path = format!("/put/{digest}/{}", expires_at.0);
        // Not repeated: if it is unknown whether a grant is kept, a fresh ticket is the answer.
        let cause = match self.within_deadline(STEP, self.timeout_ms, shard, &path, Some(grant)).await?.status {
            GIVEN => return Ok(()),
            UNKNOWN | TAKEN | TOO_LATE => Cause::Failed,
            _ => Cause::NotUnderstood,
        };
        Err(StoreError::Unavailable { step: STEP, cause })
    }

    /// The grant, if this attempt has it; if another has, the grant too, with the status [`TAKEN`].
    pub async fn take(&self, shard: Shard, digest: &Digest, attempt: Attempt) -> Result<Word, StoreError> {
        self.ask_twice("shard.take", shard, &format!("/take/{digest}/{}", attempt.uuid())).await
    }

    /// Whether this attempt has the ticket.
    pub async fn claim(
        &self,
        shard: Shard,
        ticket: Uuid,
        attempt: Attempt,
        expires_at: Millis,
    ) -> Result<Word, StoreError> {
        let path = format!("/claim/{ticket}/{}/{}", attempt.uuid(), expires_at.0);
        self.ask_twice("shard.claim", shard, &path).await
    }

    /// Asks once more after no answer. The first may have taken effect; the shard knows the attempt, so asking again is
    /// harmless. Each time has half of the deadline. A shard that has too much to do is not asked again: that would be one
    /// more.
    async fn ask_twice(&self, step: &'static str, shard: Shard, path: &str) -> Result<Word, StoreError> {
        let half = self.timeout_ms.div_ceil(2);
        match self.within_deadline(step, half, shard, path, None).await {
            Err(StoreError::Unavailable { cause, .. }) if cause != Cause::Overloaded => {
                self.within_deadline(step, half, shard, path, None).await
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
