//! The user's own server: the gate connects to it with who comes, and hands the socket on. `upstream.js` is the socket; the rules
//! of where it leads and what it is told are here.

use worker::js_sys::Promise;
use worker::wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen};

use super::assertion::{Asserter, Jwk, NotSigned};
use super::{NotOpened, Opening, ticket_headers};
use crate::config::{UpstreamAddress, UpstreamSettings};
use crate::platform::race::settled;
use ws_ticket_core::time::Millis;

#[wasm_bindgen(module = "/src/sessions/upstream.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn connect(
        binding: &JsValue,
        url: &str,
        client: Option<&web_sys::Request>,
        credentials: bool,
        head: &str,
        offers: &str,
        otherwise: Option<&str>,
        ms: u32,
    ) -> Result<Promise, JsValue>;
}

/// Where sockets are handed on to.
#[derive(Debug)]
pub struct Upstream {
    settings: UpstreamSettings,
    /// The service binding; `undefined` where there is a URL instead.
    binding: JsValue,
    asserter: Option<Asserter>,
}

impl Upstream {
    /// With the service binding, where the settings want it.
    pub fn new(mut settings: UpstreamSettings, binding: JsValue) -> Self {
        let audience = settings.audience.clone();
        let asserter = settings.signer.take().map(|signer| Asserter::new(signer, audience));
        Self { settings, binding, asserter }
    }

    /// The URL to connect to for what the client asked: `below` is its path behind `/ws`, with the slash. `None` where that would lead
    /// out of where the upstream is.
    pub fn address(&self, own_origin: &str, below: &str, query: &str) -> Option<String> {
        if leads_up(below) {
            return None;
        }
        let below = if below == "/" { "" } else { below };
        let (base, fixed) = match &self.settings.address {
            UpstreamAddress::Binding { .. } => (format!("{own_origin}/"), ""),
            UpstreamAddress::Url(url) => {
                (format!("{}{}", url.origin().ascii_serialization(), url.path()), url.query().unwrap_or_default())
            }
        };
        let path = if below.is_empty() { base } else { format!("{}{below}", base.trim_end_matches('/')) };
        let query = joined(fixed, query);
        Some(if query.is_empty() { path } else { format!("{path}?{query}") })
    }

    /// Makes sure of what can be made sure of before the ticket is burnt.
    pub async fn ready(&self) -> Result<(), NotSigned> {
        match &self.asserter {
            Some(asserter) => asserter.ready().await,
            None => Ok(()),
        }
    }

    /// Whether there is a public key that assertions can be verified by.
    pub fn publishes_a_key(&self) -> bool {
        self.asserter.as_ref().is_some_and(Asserter::is_public)
    }

    /// That key.
    pub async fn public_key(&self) -> Result<Option<Jwk>, NotSigned> {
        match &self.asserter {
            Some(asserter) => asserter.public_key().await,
            None => Ok(None),
        }
    }

    /// Connects.
    pub async fn open(&self, opening: &Opening<'_>, now: Millis) -> Result<web_sys::Response, NotOpened> {
        let settings = &self.settings;
        let mut head = Vec::new();
        if settings.identity {
            head.extend(ticket_headers::of(opening.grant, opening.session));
        }
        if let Some(asserter) = &self.asserter {
            let assertion = asserter.assert(opening.own_origin, opening.grant, opening.session, now).await;
            head.push(("X-Ticket-Assertion", assertion.map_err(|_| NotOpened::Fault)?));
        }
        let mut lines: Vec<_> = head.iter().flat_map(|(name, value)| [*name, value]).collect();
        if let Some(authorization) = &settings.authorization {
            lines.extend(["Authorization", authorization.reveal()]);
        }
        for (name, value) in &settings.headers {
            lines.extend([name, value.reveal()]);
        }
        let answer = connect(
            &self.binding,
            opening.address,
            settings.identity.then_some(opening.request),
            matches!(settings.address, UpstreamAddress::Binding { credentials: true }),
            &lines.join("\n"),
            &opening.offers.join(", "),
            opening.otherwise,
            settings.timeout_ms,
        );
        // An error may quote what it was given.
        let answer = settled(answer.map_err(|_| NotOpened::Failed)?).await.map_err(|_| NotOpened::Failed)?;
        match answer.dyn_into() {
            Ok(response) => Ok(response),
            Err(answer) if answer.is_null() => Err(NotOpened::TimedOut),
            Err(answer) if answer == 401 || answer == 403 => Err(NotOpened::Refused),
            Err(_) => Err(NotOpened::Failed),
        }
    }
}

/// How often a path may be encoded upon itself: each time it is looked at costs its length.
const ENCODINGS_MAX: usize = 4;

/// Whether some server may read a step upwards, or to the same place, in the path: as it stands, with percent signs, once more
/// encoded, or with the other slash. What is encoded too often to be looked at may be one, too.
fn leads_up(path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..=ENCODINGS_MAX {
        // Some servers take what stands behind a semicolon for a parameter of the segment.
        let names = path.split(['/', '\\']).map(|segment| segment.split(';').next().unwrap_or_default());
        if names.into_iter().any(|name| matches!(name, ".." | ".")) {
            return true;
        }
        let decoded = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if decoded == path {
            return false;
        }
        path = decoded;
    }
    true
}

/// The operator's parameters, and behind them those of the client that have other names and aren't the ticket.
fn joined(fixed: &str, client: &str) -> String {
    let name = |pair: &str| form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name.into_owned());
    let taken: Vec<_> = fixed.split('&').filter_map(name).collect();
    let may_go = |pair: &&str| name(pair).is_some_and(|name| name != "ticket" && !taken.contains(&name));
    let pairs = client.split('&').filter(may_go);
    Some(fixed).filter(|fixed| !fixed.is_empty()).into_iter().chain(pairs).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use worker::Url;

    fn upstream(address: UpstreamAddress) -> Upstream {
        let settings = UpstreamSettings {
            address,
            timeout_ms: 1,
            authorization: None,
            headers: Vec::new(),
            identity: true,
            signer: None,
            audience: String::new(),
        };
        Upstream { settings, binding: JsValue::UNDEFINED, asserter: None }
    }

    fn to(url: &str) -> Upstream {
        upstream(UpstreamAddress::Url(Url::parse(url).unwrap()))
    }

    #[test]
    fn what_stands_behind_ws_goes_below_the_upstreams_own_path() {
        let bound = upstream(UpstreamAddress::Binding { credentials: false });
        let at = |upstream: &Upstream, below, query| upstream.address("https://gate.example", below, query).unwrap();
        assert_eq!(at(&bound, "", ""), "https://gate.example/");
        assert_eq!(at(&bound, "/", "ticket=x"), "https://gate.example/");
        assert_eq!(at(&bound, "/room/a%20b/", "a=1&ticket=x&b"), "https://gate.example/room/a%20b/?a=1&b");
        let app = to("https://app.example:8443/live/?v=1&model=m");
        assert_eq!(at(&app, "", ""), "https://app.example:8443/live/?v=1&model=m");
        assert_eq!(at(&app, "/", ""), "https://app.example:8443/live/?v=1&model=m");
        assert_eq!(
            at(&app, "/x", "v=2&%76=3&model=&w=%26&t%69cket=y&&=z"),
            "https://app.example:8443/live/x?v=1&model=m&w=%26&=z"
        );
        assert_eq!(at(&to("http://127.0.0.1:80"), "/x/", ""), "http://127.0.0.1/x/");
        assert_eq!(at(&to("http://h/a"), "", "b"), "http://h/a?b");
        assert_eq!(at(&to("http://h/a"), "//evil.example/", ""), "http://h/a//evil.example/");
        assert_eq!(at(&bound, "//evil.example/", ""), "https://gate.example//evil.example/");
    }

    #[test]
    fn no_path_leads_up() {
        for bad in [
            "/..",
            "/a/../b",
            "/%2e%2E/b",
            "/a%2f..%2fb",
            "/a\\..\\b",
            "/a%5c..%5cb",
            "/%252e%252e/",
            "/%25252e%2e",
            "/.",
            "/a/./b",
            "/..;/b",
            "/a;x/..;y=1/b",
            "/..%3b/b",
            "/%2e%2e;/b",
        ] {
            assert!(leads_up(bad), "{bad}");
            assert_eq!(to("http://h/a").address("http://g", bad, ""), None, "{bad}");
        }
        for good in ["", "/", "/a..b", "/a;..", "/;x", "/...", "/a%2Fb", "/.well-known", "/%ff%fe", "/%", "/%zz"] {
            assert!(!leads_up(good), "{good}");
        }
        let encoded = |times: usize| format!("/%25{}", "25".repeat(times));
        assert!(!leads_up(&encoded(2)));
        assert!(leads_up(&encoded(4000)));
    }

    proptest! {
        #[test]
        fn the_host_and_the_operators_parameters_stay_whatever_comes(below in "(/[^?#]{0,20})?", query in "[^#]{0,30}") {
            let Some(address) = to("https://app.example/live?key=1").address("https://g", &below, &query) else { return Ok(()) };
            let url = Url::parse(&address).unwrap();
            prop_assert_eq!(url.host_str(), Some("app.example"));
            prop_assert!(url.path().starts_with("/live"));
            let keys: Vec<_> = url.query_pairs().filter(|(name, _)| name == "key").map(|(_, value)| value.into_owned()).collect();
            prop_assert_eq!(keys, ["1"]);
            prop_assert!(url.query_pairs().all(|(name, _)| name != "ticket"));
        }
    }
}
