//! The wire, read and written in one crossing into JavaScript each (`wire.js`).

use worker::js_sys::Promise;
use worker::wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen};

use super::race;
use super::target::Target;
use ws_ticket_core::region::Place;

#[wasm_bindgen(module = "/src/platform/wire.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = facts)]
    fn facts_of(request: &web_sys::Request) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = body)]
    fn body_of(request: &web_sys::Request) -> Result<Option<Promise>, JsValue>;
    #[wasm_bindgen(catch)]
    fn respond(status: u16, head: &str, body: &str) -> Result<web_sys::Response, JsValue>;
}

/// A header that somebody reads, in the order in which `wire.js` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    CfConnectingIp,
    Cookie,
    Origin,
    /// This one and those up to the next are read of a POST only.
    Authorization,
    CfAccessJwtAssertion,
    ContentType,
    SecFetchMode,
    /// Of a GET only.
    SecWebSocketKey,
    SecWebSocketProtocol,
    SecWebSocketVersion,
    Upgrade,
    /// Of OPTIONS only.
    AccessControlRequestHeaders,
}

/// How many headers there are, and what stands before them: method, URL, length, continent, latitude, longitude.
const HEADERS: usize = 12;
const BEFORE: usize = 6;
const FACTS: usize = BEFORE + HEADERS;

/// What stands where nothing is.
const NOTHING: &str = "\0";

/// A request, as it came in.
pub struct Request {
    text: String,
    /// Where each fact ends in the text.
    ends: [usize; FACTS],
    target: Option<Target>,
    body: Option<Vec<u8>>,
    raw: web_sys::Request,
}

/// The body of a request, as far as it was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// All of it.
    Read(&'a [u8]),
    /// It ended before its end.
    Broken,
    /// It is long, or of a length that nobody told.
    Unread,
}

impl Request {
    /// Of what `facts` and `body` of `wire.js` say; `None` where they say something else than they should.
    pub fn new(text: String, body: Option<Vec<u8>>, raw: web_sys::Request) -> Option<Self> {
        let mut ends = [text.len(); FACTS];
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut count = 0;
        for (at, _) in breaks {
            *ends.get_mut(count)? = at;
            count = count.saturating_add(1);
        }
        // The last one ends with the text.
        if count.checked_add(1) != Some(FACTS) {
            return None;
        }
        let mut request = Self { text, ends, target: None, body, raw };
        request.target = Target::parse(request.fact(1).unwrap_or_default());
        Some(request)
    }

    /// Reads it where JavaScript hasn't done it already.
    pub async fn read(raw: &web_sys::Request) -> Option<Self> {
        let text = facts_of(raw).ok()?;
        let body = match body_of(raw).ok()? {
            Some(reading) => race::settled(reading).await.ok()?.dyn_into::<worker::js_sys::Uint8Array>().ok(),
            None => None,
        };
        Self::new(text, body.map(|bytes| bytes.to_vec()), Clone::clone(raw))
    }

    fn fact(&self, number: usize) -> Option<&str> {
        let start = match number.checked_sub(1) {
            Some(before) => self.ends.get(before)?.saturating_add(1),
            None => 0,
        };
        self.text.get(start..*self.ends.get(number)?).filter(|fact| *fact != NOTHING)
    }

    /// As it was sent, in whatever case.
    pub fn method(&self) -> &str {
        self.fact(0).unwrap_or_default()
    }

    /// What its URL leads to; `None` where that can't be read, or has a login in it.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Where the client is, as the platform sees it
    /// (<https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties>).
    pub fn place(&self) -> Option<Place<'_>> {
        let degrees = |number| self.fact(number).and_then(|degrees| degrees.parse().ok());
        Some(Place { continent: self.fact(3)?, latitude: degrees(4), longitude: degrees(5) })
    }

    /// The header's value; several lines arrive joined by commas.
    pub fn header(&self, header: Header) -> Option<&str> {
        self.fact(BEFORE.saturating_add(header as usize))
    }

    /// A header that only a route apart reads: a crossing of its own, so that others don't pay for it.
    pub fn other_header(&self, name: &str) -> Option<String> {
        self.raw.headers().get(name).ok().flatten()
    }

    /// The body, as far as it was read.
    pub fn body(&self) -> Body<'_> {
        let length = self.fact(2).and_then(|length| length.parse().ok());
        match (&self.body, length) {
            (Some(bytes), _) => Body::Read(bytes),
            (None, Some(0)) => Body::Read(&[]),
            (None, Some(1..=SHORT)) => Body::Broken,
            (None, _) => Body::Unread,
        }
    }

    /// The platform's own.
    pub fn raw(&self) -> &web_sys::Request {
        &self.raw
    }
}

/// A body up to so many bytes is read at once.
pub const SHORT: usize = 4096;

/// An answer: what becomes one, or the platform's own.
#[derive(Debug)]
pub enum Answer {
    /// A status, headers and a text.
    Made(Made),
    /// As it is.
    Raw(web_sys::Response),
}

/// What an answer is made of.
#[derive(Debug)]
pub struct Made {
    status: u16,
    head: String,
    body: String,
}

impl Made {
    /// An answer with this status, and nothing else.
    pub fn new(status: u16) -> Self {
        // What most heads need.
        Self { status, head: String::with_capacity(320), body: String::new() }
    }

    /// With this header. Neither has a line break: they are constants, or were parts of a header already.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        for line in [name, value] {
            if !self.head.is_empty() {
                self.head.push('\n');
            }
            self.head.push_str(line);
        }
        self
    }

    /// With this body.
    pub fn body(mut self, text: String) -> Self {
        self.body = text;
        self
    }
}

impl Answer {
    /// As the platform wants it. An error may quote what it was given: it is for nobody's eyes.
    pub fn send(self) -> Result<web_sys::Response, JsValue> {
        match self {
            Self::Made(Made { status, head, body }) => respond(status, &head, &body),
            Self::Raw(response) => Ok(response),
        }
    }
}

impl From<Made> for Answer {
    fn from(made: Made) -> Self {
        Self::Made(made)
    }
}

#[cfg(test)]
mod tests {
    /// The two lists are one.
    #[test]
    fn both_sides_have_the_same_headers() {
        let script = include_str!("wire.js");
        let (_, list) = script.split_once("HEADERS = [").unwrap();
        let (list, _) = list.split_once("].map").unwrap();
        let named: Vec<_> = list.split('"').skip(1).step_by(2).filter(|name| name.to_lowercase() == **name).collect();
        let plain = |name: &str| name.replace('-', "");
        let rust = include_str!("wire.rs");
        let (_, list) = rust.split_once("pub enum Header {").unwrap();
        let (list, _) = list.split_once('}').unwrap();
        let list: String = list.lines().filter(|line| !line.contains("///")).collect();
        let ours: Vec<_> =
            list.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect();
        assert_eq!(named.iter().map(|name| plain(name)).collect::<Vec<_>>(), ours);
        assert_eq!(ours.len(), super::HEADERS);
        assert!(script.contains(&format!("SHORT = {};", super::SHORT)));
    }
}
