//! Calls to other servers: never longer than a deadline, never more bytes than a bound, never where a redirect points, and never
//! answered by a cache.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{Stream, TryStreamExt};
use web_sys::{RequestCache, RequestInit, RequestRedirect};
use worker::{Delay, Fetch, Headers, Result};

/// No answer came in time. What was asked may still happen: the caller knows nothing, and says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

/// The future's output, or, after so many milliseconds, no answer.
pub async fn within<T>(timeout_ms: u32, asked: impl Future<Output = T>) -> std::result::Result<T, TimedOut> {
    let timer = Delay::from(Duration::from_millis(timeout_ms.into()));
    match select(pin!(asked), pin!(timer)).await {
        Either::Left((answer, _)) => Ok(answer),
        Either::Right(((), _)) => Err(TimedOut),
    }
}

/// What is asked of another server. A redirect is an answer like any other: it would take credentials elsewhere.
pub struct Ask<'a> {
    /// `GET`, `POST`.
    pub method: &'static str,
    /// Where.
    pub url: &'a str,
    /// Names and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// With `POST`.
    pub body: Option<&'a str>,
}

/// What another server answered.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: Headers,
    /// The body; `None` when it was longer than allowed.
    pub body: Option<Vec<u8>>,
}

/// Asks, and reads at most `max` bytes of the answer. An error of the platform's may quote what it was given: it is for
/// nobody's eyes.
pub async fn fetch(ask: &Ask<'_>, max: usize) -> Result<Answer> {
    // Built by hand: `worker`'s own way brings 4 KB (gzipped) of settings for images.
    let init = RequestInit::new();
    init.set_method(ask.method);
    init.set_redirect(RequestRedirect::Manual);
    // Otherwise the platform reads and writes its own cache, whose keys have no cookie in them: where the answer's headers or a
    // rule of the zone let it, one session's answer would be given for another's
    // (https://developers.cloudflare.com/workers/reference/how-the-cache-works/).
    init.set_cache(RequestCache::NoStore);
    if let Some(body) = ask.body {
        init.set_body(&body.into());
    }
    let request = web_sys::Request::new_with_str_and_init(ask.url, &init)?;
    let headers = request.headers();
    for (name, value) in ask.headers {
        headers.set(name, value)?;
    }
    let mut answer = Fetch::Request(request.into()).send().await?;
    // There is no stream where there is no body.
    let body = match answer.stream() {
        Ok(chunks) => at_most(max, chunks).await?,
        Err(_) => Some(Vec::new()),
    };
    Ok(Answer { status: answer.status_code(), headers: answer.headers().clone(), body })
}

/// Whether this is the media type of JSON, with whatever parameters.
pub fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// All that comes, or `None` as soon as it is more than `max` bytes.
pub async fn at_most<E>(
    max: usize,
    chunks: impl Stream<Item = std::result::Result<Vec<u8>, E>>,
) -> std::result::Result<Option<Vec<u8>>, E> {
    let mut chunks = pin!(chunks);
    let mut all = Vec::new();
    while let Some(mut chunk) = chunks.try_next().await? {
        if all.len().saturating_add(chunk.len()) > max {
            return Ok(None);
        }
        all.append(&mut chunk);
    }
    Ok(Some(all))
}
