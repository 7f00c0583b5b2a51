//! Calls to other servers: never longer than a deadline, never more bytes than a bound, never where a redirect points, and never
//! answered by a cache.

use web_sys::{
    AbortController, Headers, ReadableStream, ReadableStreamDefaultReader, Request, RequestCache, RequestInit,
    RequestRedirect,
};
use worker::js_sys::{Promise, Uint8Array};
use worker::wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen};

use super::race::{self, Deadline, NoAnswer};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetch)]
    fn fetch_request(request: &Request) -> Result<Promise, JsValue>;

    /// What a reader reads.
    pub(super) type Chunk;
    #[wasm_bindgen(method, getter)]
    pub(super) fn done(this: &Chunk) -> bool;
    #[wasm_bindgen(method, getter, catch)]
    pub(super) fn value(this: &Chunk) -> Result<Uint8Array, JsValue>;
}

/// What is asked of another server. A redirect is an answer like any other: it would take credentials elsewhere.
pub struct Call<'a> {
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
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: Headers,
    /// The body; `None` when it was longer than allowed.
    pub body: Option<Vec<u8>>,
}

/// Asks, and reads at most `max` bytes of the answer.
pub async fn fetch(ask: &Call<'_>, max: usize, by: &Deadline) -> Result<Fetched, NoAnswer> {
    let controller = AbortController::new()?;
    let answer = exchange(ask, &controller, max, by).await;
    // What was given up ends here, and not with the request, which a WebSocket may keep alive for hours.
    if !matches!(&answer, Ok(Fetched { body: Some(_), .. })) {
        controller.abort();
    }
    answer
}

async fn exchange(
    ask: &Call<'_>,
    controller: &AbortController,
    max: usize,
    by: &Deadline,
) -> Result<Fetched, NoAnswer> {
    // Built by hand: `worker`'s own way brings 4 KB (gzipped) of settings for images.
    let init = RequestInit::new();
    init.set_method(ask.method);
    init.set_signal(Some(&controller.signal()));
    init.set_redirect(RequestRedirect::Manual);
    // Otherwise the platform reads and writes its own cache, whose keys have no cookie in them: where the answer's headers or a
    // rule of the zone let it, one session's answer would be given for another's
    // (https://developers.cloudflare.com/workers/reference/how-the-cache-works/).
    init.set_cache(RequestCache::NoStore);
    if let Some(body) = ask.body {
        init.set_body(&body.into());
    }
    let request = Request::new_with_str_and_init(ask.url, &init)?;
    let headers = request.headers();
    for (name, value) in ask.headers {
        headers.set(name, value)?;
    }
    let answer: web_sys::Response = by.settle(fetch_request(&request)?).await?.dyn_into()?;
    // There is no stream where there is no body.
    let body = match answer.body() {
        Some(stream) => at_most(max, &stream, Some(by)).await?,
        None => Some(Vec::new()),
    };
    Ok(Fetched { status: answer.status(), headers: answer.headers(), body })
}

/// Whether this is the media type of JSON, with whatever parameters.
pub fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// All that comes, or `None` as soon as it is more than `max` bytes; what a client sends has no deadline.
pub async fn at_most(max: usize, stream: &ReadableStream, by: Option<&Deadline>) -> Result<Option<Vec<u8>>, NoAnswer> {
    let reader = reader_of(stream)?;
    let mut all = Vec::new();
    loop {
        let next: Chunk = match by {
            Some(by) => by.settle(reader.read()).await?,
            None => race::settled(reader.read()).await?,
        }
        .unchecked_into();
        if next.done() {
            return Ok(Some(all));
        }
        let mut chunk = next.value()?.to_vec();
        if all.len().saturating_add(chunk.len()) > max {
            race::ignore(&reader.cancel());
            return Ok(None);
        }
        all.append(&mut chunk);
    }
}

pub(super) fn reader_of(stream: &ReadableStream) -> Result<ReadableStreamDefaultReader, JsValue> {
    ReadableStreamDefaultReader::new(stream)
}
