//! Forward authentication: the app's own login is asked whose session a request has, in the way that reverse proxies ask it
//! (Traefik's `forwardAuth`, Caddy's `forward_auth`, nginx's `auth_request`). Nothing is remembered: a session that was ended
//! gets no ticket.

use serde_json::{Map, Value};

use super::login::{self, Flaw, Said};
use super::{NotKnown, ask, is_ticket, without_mark};
use crate::config::{ForwardSettings, is_token};
use crate::platform::target::Target;
use crate::platform::wire::{Header, Request};
use crate::platform::{Call, is_json};
use ws_ticket_core::gate::Caller;
use ws_ticket_core::grant::Subject;
use ws_ticket_core::telemetry::{Event, Sink};
use ws_ticket_core::ticket::Bond;
use ws_ticket_core::time::Millis;

/// What a request must bring, for people.
pub const EXPECTED: &str = "Expected the Cookie or the Authorization of a session that the login knows.";

/// The app's own login, as it is asked.
pub struct Forward {
    settings: ForwardSettings,
    sink: Sink,
}

/// What a request for a ticket brings that the login may want to know.
#[derive(Clone, Copy)]
struct Credentials<'a> {
    cookie: Option<&'a str>,
    authorization: Option<&'a str>,
    address: Option<&'a str>,
    target: &'a Target,
}

/// What the login answered, as far as it is of use.
struct Answered<'a> {
    status: u16,
    content_type: Option<&'a str>,
    /// `None` when it was too long.
    body: Option<&'a [u8]>,
}

/// Why no caller comes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoCaller {
    /// The login says no.
    Refused(NotKnown),
    /// The login says nothing that can be used; the text is for telemetry.
    Unusable(&'static str),
}

impl Forward {
    /// With the settings of the configuration.
    pub fn new(settings: &ForwardSettings, sink: Sink) -> Self {
        Self { settings: settings.clone(), sink }
    }

    /// Whom the login takes the request for.
    pub async fn caller(
        &self,
        request: &Request,
        target: &Target,
        clock: impl Fn() -> Millis,
    ) -> Result<Caller, NotKnown> {
        let cookie = request.header(Header::Cookie).map(without_bond).filter(|cookies| !cookies.is_empty());
        let credentials = Credentials {
            cookie: cookie.as_deref(),
            authorization: request.header(Header::Authorization),
            address: request.header(Header::CfConnectingIp),
            target,
        };
        credentials.check()?;
        let asked_at = clock();
        let told = self.ask(&credentials, &clock).await;
        told.map_err(|why| match why {
            NoCaller::Refused(why) => why,
            NoCaller::Unusable(reason) => {
                let ms = clock().since(asked_at);
                (self.sink)(&Event::IdentityFailed { step: "forward", reason, ms });
                NotKnown::Unavailable
            }
        })
    }

    async fn ask(&self, credentials: &Credentials<'_>, clock: &impl Fn() -> Millis) -> Result<Caller, NoCaller> {
        let origin = credentials.target.origin();
        let uri = format!("{}{PATH}", credentials.target.base);
        let original = format!("{origin}{uri}");
        let headers = credentials.headers(&original, &uri);
        let asked = Call { method: "GET", url: &self.settings.url, headers: &headers, body: None };
        let answer = ask(&asked, self.settings.timeout_ms).await.map_err(NoCaller::Unusable)?;
        let header = |name: &str| answer.headers.get(name).ok().flatten();
        let content_type = header("Content-Type");
        let answered =
            Answered { status: answer.status, content_type: content_type.as_deref(), body: answer.body.as_deref() };
        self.read(&answered, header, clock())
    }

    /// The caller, of an answer whose headers `header` knows.
    fn read(
        &self,
        answered: &Answered<'_>,
        header: impl Fn(&str) -> Option<String>,
        now: Millis,
    ) -> Result<Caller, NoCaller> {
        match answered.status {
            200..=299 => {}
            401 => return Err(NoCaller::Refused(NotKnown::Refused("session_refused"))),
            403 => return Err(NoCaller::Refused(NotKnown::Forbidden("session_forbidden"))),
            _ => return Err(NoCaller::Unusable("status")),
        }
        let malformed = NoCaller::Unusable("malformed");
        let body = answered.body.ok_or(NoCaller::Unusable("too_large"))?;
        let said: Said = if answered.content_type.is_some_and(is_json) {
            let said: Said = serde_json::from_slice(without_mark(body)).map_err(|_| malformed)?;
            said.without_nulls().with_text_for_subject()
        } else if self.claims_of_headers().all(|name| is_token(name)) {
            self.in_headers(header).ok_or(malformed)?
        } else {
            return Err(NoCaller::Unusable("claim_name"));
        };
        let subject = login::text(&said, "sub").map_err(|_| malformed)?.ok_or(malformed)?;
        let subject = Subject::try_from(subject.to_owned()).map_err(|_| malformed)?;
        let ends = login::number(&said, "exp").map_err(|_| malformed)?.map(login::until);
        login::caller(&said, subject, ends, &self.settings.claims, now).map_err(|flaw| match flaw {
            Flaw::Expired => NoCaller::Refused(NotKnown::Refused("token_expired")),
            Flaw::ClaimsTooLarge => NoCaller::Refused(NotKnown::Refused("claims_too_large")),
            Flaw::Type | Flaw::Rooms => malformed,
        })
    }

    /// The claims that have headers of their own names, where a login answers in headers. One that can't be the name of a header
    /// would always be missing there, and nobody would know why.
    fn claims_of_headers(&self) -> impl Iterator<Item = &String> {
        self.settings.claims.iter().filter(|claim| MEMBERS.iter().all(|(name, ..)| name != claim))
    }

    /// What the headers of an answer say, by the names that JSON would have for it.
    fn in_headers(&self, header: impl Fn(&str) -> Option<String>) -> Option<Said> {
        // The platform reads headers as UTF-8 and puts U+FFFD in the place of other bytes, so that two names could be one.
        let readable = |text: &String| !text.contains(char::REPLACEMENT_CHARACTER);
        let prefixed = |name: &str| {
            let text = header(&format!("{}{name}", self.settings.header_prefix));
            text.as_ref().is_none_or(readable).then_some(text)
        };
        let mut said = Map::new();
        for (name, header, read) in MEMBERS {
            if let Some(text) = prefixed(header)? {
                said.insert(name.to_owned(), read(&text)?);
            }
        }
        for name in self.claims_of_headers() {
            if let Some(text) = prefixed(name)? {
                said.insert(name.clone(), text.into());
            }
        }
        Some(Said(said))
    }
}

/// Where tickets are asked for.
const PATH: &str = "/ws-ticket";

impl<'a> Credentials<'a> {
    /// Whether there is something to ask about, and nothing that is none of the login's business.
    fn check(&self) -> Result<(), NotKnown> {
        if self.cookie.is_none() && self.authorization.is_none() {
            return Err(NotKnown::Missing);
        }
        let apart = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
        if self.authorization.is_some_and(|text| text.split(apart).any(is_ticket)) {
            return Err(NotKnown::Refused("token_is_ticket"));
        }
        Ok(())
    }

    /// What the login is told, and nothing else of the request: its method, its address and whose it is.
    fn headers(&self, original: &'a str, uri: &'a str) -> Vec<(&'a str, &'a str)> {
        let credentials =
            [("Cookie", self.cookie), ("Authorization", self.authorization), ("X-Forwarded-For", self.address)];
        let mut headers: Vec<_> = credentials.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        headers.extend([
            ("Accept", "application/json"),
            ("X-Forwarded-Method", "POST"),
            ("X-Forwarded-Proto", self.target.scheme),
            ("X-Forwarded-Host", &self.target.authority),
            ("X-Forwarded-Uri", uri),
            ("X-Original-URL", original),
            ("X-Original-Method", "POST"),
        ]);
        headers
    }
}

/// The cookies, without the one that is the gate's own secret (`BIND=cookie`).
pub fn without_bond(cookies: &str) -> String {
    let is_bond =
        |pair: &str| pair.split_once('=').is_some_and(|(name, _)| name.trim_matches([' ', '\t']) == Bond::COOKIE);
    if !cookies.split(';').any(is_bond) {
        return cookies.to_owned();
    }
    let others: Vec<_> = cookies.split(';').filter(|pair| !is_bond(pair)).map(str::trim).collect();
    others.join("; ")
}

type Read = fn(&str) -> Option<Value>;

/// What has a header of its own: its name in JSON, its name in headers, and how it is read.
const MEMBERS: [(&str, &str, Read); 3] =
    [("sub", "User", text), ("exp", "Expires", seconds), ("rooms", "Rooms", rooms)];

fn text(text: &str) -> Option<Value> {
    Some(text.into())
}

/// Names, comma-separated.
fn rooms(text: &str) -> Option<Value> {
    Some(text.split(',').map(str::trim).filter(|room| !room.is_empty()).map(Value::from).collect())
}

/// Whole seconds.
fn seconds(text: &str) -> Option<Value> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<u64>().ok().filter(|_| digits).map(Value::from)
}

#[cfg(test)]
mod tests;
