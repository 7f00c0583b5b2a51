//! What stands behind the gate: `SESSION`, and with `upstream` where that is and what it is told.

use worker::Url;

use super::parse::{Reader, can_be_asked, is_written_as_url};
use super::secret_key::copied_along;
use super::{
    Environment, ROOM_BINDING, ROOM_MEMBERS_MAX, Secret, SessionChoice, Settings, Signer, TIMEOUT_MAX,
    UPSTREAM_BINDING, UpstreamAddress, UpstreamSettings, defaults, is_token, private_key,
};

/// What is of no use without `SESSION=upstream`. `UPSTREAM_TIMEOUT_MS` stands in wrangler.jsonc with its default.
const OF_UPSTREAM: [&str; 8] = [
    "UPSTREAM_URL",
    "UPSTREAM_AUTHORIZATION",
    "UPSTREAM_HEADERS",
    "UPSTREAM_IDENTITY",
    "UPSTREAM_CREDENTIALS",
    "UPSTREAM_SECRET",
    "UPSTREAM_PRIVATE_KEY",
    "UPSTREAM_AUDIENCE",
];
const WITHOUT: &str = "is set, and SESSION is not upstream";
/// `UPSTREAM_HEADERS`: how many, and how many bytes of JSON.
const HEADERS_MAX: usize = 16;
const HEADERS_BYTES_MAX: usize = 4096;
/// Bytes of `UPSTREAM_AUTHORIZATION` and of `UPSTREAM_AUDIENCE` at most.
const TEXT_MAX: usize = 4096;
/// Headers that are not an operator's to set, in lower case: the hop's, the handshake's, and those that have a setting.
const TAKEN: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "origin",
];

impl<S: Settings> Reader<'_, S> {
    /// `SESSION`, with all of `UPSTREAM…`.
    pub(super) fn session(&mut self, environment: Environment) -> SessionChoice {
        #[derive(Clone, Copy, PartialEq)]
        enum Word {
            Unset,
            Echo,
            Nothing,
            Upstream,
            Hub,
        }
        let choices = [("echo", Word::Echo), ("upstream", Word::Upstream), ("none", Word::Nothing), ("hub", Word::Hub)];
        let word = self.one_of("SESSION", Word::Unset, &choices);
        let timeout_ms = self.whole_number("UPSTREAM_TIMEOUT_MS", TIMEOUT_MAX, defaults::UPSTREAM_TIMEOUT_MS);
        let members_max = self.whole_number("ROOM_MEMBERS_MAX", ROOM_MEMBERS_MAX, defaults::ROOM_MEMBERS);
        if word == Word::Hub && !self.settings.is_bound(ROOM_BINDING) {
            let expected = "the binding TICKET_ROOM of the class TicketRoom (`durable_objects` in wrangler.jsonc), or another SESSION";
            self.wrong("SESSION", "is hub, and TICKET_ROOM is not bound", expected);
        }
        if word != Word::Upstream {
            let set: Vec<_> = OF_UPSTREAM.into_iter().filter(|name| self.text(name).is_some()).collect();
            for name in set.into_iter().chain(self.settings.is_bound(UPSTREAM_BINDING).then_some(UPSTREAM_BINDING)) {
                self.wrong(name, WITHOUT, "SESSION=upstream beside it");
            }
        }
        match word {
            Word::Unset => SessionChoice::Echo { chosen: false },
            Word::Echo => SessionChoice::Echo { chosen: true },
            Word::Nothing => SessionChoice::Nothing,
            Word::Hub => SessionChoice::Hub { members_max: u16::try_from(members_max).unwrap_or(u16::MAX) },
            Word::Upstream => match self.upstream(environment, timeout_ms) {
                Some(upstream) => SessionChoice::Upstream(Box::new(upstream)),
                None => SessionChoice::Nothing,
            },
        }
    }

    fn upstream(&mut self, environment: Environment, timeout_ms: u32) -> Option<UpstreamSettings> {
        let bound = self.settings.is_bound(UPSTREAM_BINDING);
        let given = self.text("UPSTREAM_URL").is_some();
        let one = "one of the two: a service binding UPSTREAM, or UPSTREAM_URL";
        if bound == given {
            let problem = if bound { "is set, and UPSTREAM is bound" } else { "is not set, and UPSTREAM is not bound" };
            self.wrong("UPSTREAM_URL", problem, one);
        }
        let url = if given { self.upstream_url(environment) } else { None };
        let pass = self.one_of("UPSTREAM_CREDENTIALS", false, &[("drop", false), ("pass", true)]);
        if pass && !bound {
            self.wrong(
                "UPSTREAM_CREDENTIALS",
                "is pass, and UPSTREAM is not bound",
                "drop, or a service binding UPSTREAM",
            );
        }
        let identity = self.one_of("UPSTREAM_IDENTITY", true, &[("headers", true), ("none", false)]);
        let signer = self.signer(environment);
        if !identity && (signer.is_some() || pass) {
            let expected = "headers, or neither UPSTREAM_SECRET nor UPSTREAM_PRIVATE_KEY nor UPSTREAM_CREDENTIALS=pass";
            self.wrong("UPSTREAM_IDENTITY", "is none, and there is something to tell it by", expected);
        }
        let audience = self.text("UPSTREAM_AUDIENCE");
        if audience.is_some() && signer.is_none() {
            self.wrong(
                "UPSTREAM_AUDIENCE",
                "is set, and nothing is signed",
                "set only together with UPSTREAM_SECRET or UPSTREAM_PRIVATE_KEY",
            );
        }
        if audience.as_ref().is_some_and(|text| !is_plain(text)) {
            self.wrong("UPSTREAM_AUDIENCE", "is not plain text", "visible ASCII characters, with no spaces");
        }
        let origin = url.as_ref().map(|url| url.origin().ascii_serialization());
        let settings = UpstreamSettings {
            timeout_ms,
            authorization: self.upstream_authorization(),
            headers: self.upstream_headers(),
            identity,
            signer,
            audience: audience.or(origin).unwrap_or_else(|| defaults::UPSTREAM_AUDIENCE.to_owned()),
            address: match url {
                Some(url) => UpstreamAddress::Url(url),
                None => UpstreamAddress::Binding { credentials: pass },
            },
        };
        (bound != given).then_some(settings)
    }

    /// `UPSTREAM_URL`, as one that can be fetched.
    fn upstream_url(&mut self, environment: Environment) -> Option<Url> {
        let text = self.text("UPSTREAM_URL")?;
        // What the platform fetches is http, also where a socket comes of it.
        let http = ["ws", "wss"].iter().find_map(|scheme| {
            text.strip_prefix(&format!("{scheme}://"))
                .map(|rest| format!("{}://{rest}", scheme.replacen("ws", "http", 1)))
        });
        let http = http.unwrap_or_else(|| text.clone());
        let url = Url::parse(&http).ok().filter(|url| is_written_as_url(&text) && can_be_asked(url, environment));
        // The parameter is the gate's: it would be taken off.
        let url = url.filter(|url| !url.query_pairs().any(|(name, _)| name == "ticket"));
        if url.is_none() {
            let expected = "one https://… or wss://…, with no login, no fragment, no parameter ticket and no spaces";
            self.wrong("UPSTREAM_URL", "is not a URL that can be connected to", expected);
        }
        url
    }

    /// `UPSTREAM_SECRET` or `UPSTREAM_PRIVATE_KEY`.
    fn signer(&mut self, environment: Environment) -> Option<Signer> {
        let secret = self.own_key("UPSTREAM_SECRET", environment);
        let Some(pem) = self.text("UPSTREAM_PRIVATE_KEY") else { return secret.map(Signer::Secret) };
        if secret.is_some() {
            self.wrong("UPSTREAM_PRIVATE_KEY", "is set, and UPSTREAM_SECRET is too", "one of the two");
        }
        let key = private_key::read(&pem);
        if key.is_none() {
            let expected =
                "one key for ES256 or EdDSA in PEM, -----BEGIN PRIVATE KEY-----, as `openssl genpkey` writes it";
            self.wrong("UPSTREAM_PRIVATE_KEY", "is not a private key that signs", expected);
        }
        key.map(Signer::PrivateKey)
    }

    /// `UPSTREAM_AUTHORIZATION`: the header's whole value.
    fn upstream_authorization(&mut self) -> Option<Secret> {
        let text = self.text("UPSTREAM_AUTHORIZATION")?;
        let expected = "the whole value of the header Authorization, such as Bearer and the key";
        let named = text.get(..13).is_some_and(|start| start.eq_ignore_ascii_case("authorization"));
        if let Some((problem, _)) = copied_along(&text) {
            self.wrong("UPSTREAM_AUTHORIZATION", problem, expected);
        } else if named || text.len() > TEXT_MAX || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            self.wrong("UPSTREAM_AUTHORIZATION", "is not the value of a header", expected);
        }
        Some(Secret(text))
    }

    /// `UPSTREAM_HEADERS`: a JSON object of texts.
    fn upstream_headers(&mut self) -> Vec<(String, Secret)> {
        let Some(text) = self.text("UPSTREAM_HEADERS") else { return Vec::new() };
        let good = (text.len() <= HEADERS_BYTES_MAX).then(|| headers(&text)).flatten();
        if good.is_none() {
            let expected = format!(
                "a JSON object of at most {HEADERS_MAX} names and texts in {HEADERS_BYTES_MAX} bytes, such as {{\"X-Name\":\"value\"}}; no header of the handshake or the connection, no X-Ticket-…, no Origin, no Cookie; for Authorization there is UPSTREAM_AUTHORIZATION"
            );
            self.wrong("UPSTREAM_HEADERS", "is not a list of headers that can be added", expected);
        }
        good.unwrap_or_default()
    }
}

fn headers(json: &str) -> Option<Vec<(String, Secret)>> {
    let object: serde_json::Map<_, _> = serde_json::from_str(json).ok()?;
    if object.is_empty() || object.len() > HEADERS_MAX {
        return None;
    }
    let mut all: Vec<(String, Secret)> = Vec::new();
    for (name, value) in object {
        let serde_json::Value::String(value) = value else { return None };
        let spelled = name.to_ascii_lowercase().replace('_', "-");
        let taken = TAKEN.contains(&spelled.as_str())
            || ["x-ticket-", "sec-", "cf-"].iter().any(|start| spelled.starts_with(start));
        let is_value =
            !value.is_empty() && value.trim() == value && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let twice = all.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name));
        if !is_token(&name) || taken || !is_value || twice {
            return None;
        }
        all.push((name, Secret(value)));
    }
    Some(all)
}

fn is_plain(text: &str) -> bool {
    text.len() <= TEXT_MAX && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests;
