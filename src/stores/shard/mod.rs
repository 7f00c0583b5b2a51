//! Shards: Durable Objects that elect the one who has a ticket. [`Shards`] asks, [`object::TicketShard`] decides; this file
//! is what the two say to each other.

pub mod object;

use std::num::NonZeroU16;

use uuid::Uuid;
use worker::js_sys::{Object, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{ObjectNamespace, worker_sys};

use super::deadline::{Deadline, NoAnswer, unavailable};
use crate::grant::Millis;
use crate::outside;
use crate::region::{Region, Shard};
use crate::store::{Attempt, Cause, StoreError};
use crate::ticket::{Digest, NoRandomness, hex, random};

// Status codes that nobody else answers with: whatever stands in for a shard, an error page of a platform with 200 or 404
// above all, must not be taken for its word.
/// The shard gives what was asked for.
pub(super) const GIVEN: u16 = 230;
/// There is no such ticket.
pub(super) const UNKNOWN: u16 = 231;
/// Another attempt has it.
pub(super) const TAKEN: u16 = 232;
/// The ticket expired so long ago that the shard may have forgotten who had it.
pub(super) const TOO_LATE: u16 = 233;
/// The shard doesn't understand.
const NOT_UNDERSTOOD: u16 = 400;

/// How many bytes an answer has at most: a grant, which has at most a subject, a room and claims.
const ANSWER_MAX: usize = 64 * 1024;

/// What a shard can be asked. As a path: `/put/<digest>/<expires at>` with the grant as the body,
/// `/take/<digest>/<attempt>`, `/claim/<ticket id>/<attempt>/<expires at>`; digests and UUIDs in hexadecimal, moments in
/// milliseconds.
#[derive(Debug, PartialEq, Eq)]
enum Ask {
    /// Keep a grant.
    Put { key: Vec<u8>, expires_at: Millis },
    /// Hand it out to this attempt.
    Take { key: Vec<u8>, attempt: Uuid },
    /// Remember that this attempt has a ticket whose grant is kept elsewhere.
    Claim { key: Vec<u8>, attempt: Uuid, expires_at: Millis },
}

impl Ask {
    fn parse(path: &str) -> Option<Self> {
        let parts: Vec<_> = path.strip_prefix('/')?.split('/').collect();
        let moment = |text: &str| text.parse().ok().map(Millis);
        let uuid = |text: &str| Uuid::try_parse(text).ok();
        Some(match parts.as_slice() {
            ["put", digest, expires_at] => Self::Put { key: hex(digest)?.to_vec(), expires_at: moment(expires_at)? },
            ["take", digest, attempt] => Self::Take { key: hex(digest)?.to_vec(), attempt: uuid(attempt)? },
            ["claim", ticket, attempt, expires_at] => Self::Claim {
                key: uuid(ticket)?.as_bytes().to_vec(),
                attempt: uuid(attempt)?,
                expires_at: moment(expires_at)?,
            },
            _ => return None,
        })
    }
}

/// The shards, as the gate sees them.
pub struct Shards {
    namespace: ObjectNamespace,
    count: NonZeroU16,
    timeout_ms: u32,
}

/// A shard's answer: a status, and the grant where there is one.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
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
    pub(super) async fn put(
        &self,
        shard: Shard,
        digest: &Digest,
        expires_at: Millis,
        grant: &str,
    ) -> Result<(), StoreError> {
        let path = format!("/put/{digest}/{}", expires_at.0);
        // Not repeated: if it is unknown whether a grant is kept, a fresh ticket is the answer.
        match self.within_deadline("shard.put", self.timeout_ms, shard, &path, Some(grant)).await?.status {
            GIVEN => Ok(()),
            _ => Err(StoreError::Unavailable { step: "shard.put", cause: Cause::Failed }),
        }
    }

    /// The grant, if this attempt has it; if another has, the grant too, with the status [`TAKEN`].
    pub(super) async fn take(&self, shard: Shard, digest: &Digest, attempt: Attempt) -> Result<Answer, StoreError> {
        self.ask_twice("shard.take", shard, &format!("/take/{digest}/{}", attempt.uuid())).await
    }

    /// Whether this attempt has the ticket.
    pub(super) async fn claim(
        &self,
        shard: Shard,
        ticket: Uuid,
        attempt: Attempt,
        expires_at: Millis,
    ) -> Result<Answer, StoreError> {
        let path = format!("/claim/{ticket}/{}/{}", attempt.uuid(), expires_at.0);
        self.ask_twice("shard.claim", shard, &path).await
    }

    /// Asks once more after no answer. The first may have taken effect; the shard knows the attempt, so asking again is
    /// harmless. Each time has half of the deadline.
    async fn ask_twice(&self, step: &'static str, shard: Shard, path: &str) -> Result<Answer, StoreError> {
        let half = self.timeout_ms.div_ceil(2);
        match self.within_deadline(step, half, shard, path, None).await {
            Err(StoreError::Unavailable { .. }) => self.within_deadline(step, half, shard, path, None).await,
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
    ) -> Result<Answer, StoreError> {
        let by = Deadline::after(timeout_ms);
        match self.ask(shard, path, body, &by).await.map_err(unavailable(step))? {
            answer @ Answer { status: GIVEN | UNKNOWN | TAKEN | TOO_LATE, .. } => Ok(answer),
            _ => Err(StoreError::Unavailable { step, cause: Cause::Failed }),
        }
    }

    async fn ask(&self, shard: Shard, path: &str, body: Option<&str>, by: &Deadline) -> Result<Answer, NoAnswer> {
        let name = format!("shard-{shard}");
        // By hand: a promise that `worker` waits for can't be raced.
        let namespace: &worker_sys::DurableObjectNamespace = AsRef::<JsValue>::as_ref(&self.namespace).unchecked_ref();
        // A stub of its own for each call: one that has failed stays broken
        // (https://developers.cloudflare.com/durable-objects/best-practices/error-handling/).
        let stub = match shard.region {
            Some(region) => {
                let options = Object::new();
                Reflect::set(&options, &"locationHint".into(), &region.hint().into())?;
                namespace.get_by_name_with_options(&name, &options)?
            }
            None => namespace.get_by_name(&name)?,
        };
        let url = format!("https://shard{path}");
        let method = if body.is_some() { "POST" } else { "GET" };
        let ask = outside::Ask { method, url: &url, headers: &[], body };
        let answer = outside::fetch_by(|request| stub.fetch_with_request(request), &ask, ANSWER_MAX, by).await?;
        let body = answer.body.and_then(|body| String::from_utf8(body).ok());
        Ok(Answer { status: answer.status, body: body.ok_or(JsValue::UNDEFINED)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_strictly() {
        let (ticket, attempt) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let digest = "0f".repeat(32);
        let key = vec![0x0f; 32];
        let claim = format!("/claim/{ticket}/{attempt}/42");
        let put = format!("/put/{digest}/42");
        let take = format!("/take/{digest}/{attempt}");
        let expires_at = Millis(42);
        assert_eq!(Ask::parse(&claim), Some(Ask::Claim { key: ticket.as_bytes().to_vec(), attempt, expires_at }));
        assert_eq!(Ask::parse(&put), Some(Ask::Put { key: key.clone(), expires_at }));
        assert_eq!(Ask::parse(&take), Some(Ask::Take { key, attempt }));
        for bad in [
            "/",
            "",
            "/claim/1/2/3",
            &claim.replace("42", "-1"),
            &format!("{claim}/"),
            &format!("/x{claim}"),
            &put.replace("0f0f", "0f"),
            &put.replace("0f", "é"),
            &put.replace("put", "take"),
        ] {
            assert_eq!(Ask::parse(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "(/(put|take|claim|[a-z]{0,5})(/[0-9a-fé+-]{0,70}){0,4})?.{0,10}") {
            let _ = Ask::parse(&path);
        }
    }
}
