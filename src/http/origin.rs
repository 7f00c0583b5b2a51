//! Whether a page of this origin may use the gate.
//!
//! Browsers send `Origin` with every WebSocket and every cross-site POST, and scripts can't set it. A request without one
//! comes from a program, which could send anything it likes, so it passes: the login and the ticket are what it needs.

use super::problem::Problem;
use crate::platform::target::Target;
use crate::platform::wire::{Header, Request};

/// The allowed origins, the gate's own included.
pub struct Origins<'a> {
    allowed: &'a [String],
    /// None where there is no URL.
    own: Option<String>,
}

impl<'a> Origins<'a> {
    /// `ALLOWED_ORIGINS`, and the origin of the request's own URL.
    pub fn new(allowed: &'a [String], target: &Target) -> Self {
        Self { allowed, own: Some(target.origin()) }
    }

    /// `ALLOWED_ORIGINS` alone.
    pub fn of_others(allowed: &'a [String]) -> Self {
        Self { allowed, own: None }
    }

    /// The gate's own; empty where there is no URL.
    pub fn own(&self) -> &str {
        self.own.as_deref().unwrap_or_default()
    }

    /// The request's origin, `None` where it has none. Compared byte for byte: two headers, which arrive joined by a
    /// comma, or another spelling match nothing.
    pub fn check<'r>(&self, request: &'r Request) -> Result<Option<&'r str>, Problem> {
        request.header(Header::Origin).map(|origin| self.allow(origin)).transpose()
    }

    /// The same of an origin that somebody else has read.
    pub fn allow<'r>(&self, origin: &'r str) -> Result<&'r str, Problem> {
        if self.own.as_deref() == Some(origin)
            || self.is_own_socket(origin)
            || self.allowed.iter().any(|allowed| allowed == origin)
        {
            Ok(origin)
        } else if origin == "null" {
            Err(Problem::OriginOpaque)
        } else {
            Err(Problem::OriginRefused)
        }
    }

    /// What a ticket is bound to: the gate's own origin is one, however a program spells its scheme.
    pub fn bound(&self, origin: &str) -> String {
        let own = self.own.as_ref().filter(|_| self.is_own_socket(origin));
        own.cloned().unwrap_or_else(|| origin.to_owned())
    }

    /// Whether it is the gate's own with `ws:` for `http:` or `wss:` for `https:`. Some programs send the URL that they
    /// connect to; no browser does, for no page has such an origin.
    fn is_own_socket(&self, origin: &str) -> bool {
        let rest = origin.strip_prefix("ws");
        rest.is_some() && rest == self.own.as_deref().and_then(|own| own.strip_prefix("http"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gates_own_has_two_spellings_and_is_one() {
        for (url, own, other) in [
            ("https://gate.example/ws", "https://gate.example", "wss://gate.example"),
            ("http://localhost:8787/ws", "http://localhost:8787", "ws://localhost:8787"),
        ] {
            let origins = Origins::new(&[], &Target::parse(url).unwrap());
            for spelling in [own, other] {
                assert_eq!(origins.allow(spelling), Ok(spelling));
                assert_eq!(origins.bound(spelling), own);
            }
        }
    }

    #[test]
    fn without_a_url_nothing_is_the_gates_own() {
        let allowed = ["https://app.example".to_owned()];
        let origins = Origins::of_others(&allowed);
        assert_eq!(origins.allow("https://app.example"), Ok("https://app.example"));
        assert_eq!(origins.bound("wss://app.example"), "wss://app.example");
        for origin in ["", "ws", "wss://app.example", "https://gate.example"] {
            assert_eq!(origins.allow(origin), Err(Problem::OriginRefused), "{origin}");
        }
    }

    #[test]
    fn all_else_is_not_the_gates_own() {
        let origins = Origins::new(&[], &Target::parse("https://gate.example/ws").unwrap());
        for origin in [
            "ws://gate.example",
            "wss://gate.example:443",
            "wss://gate.example/",
            "wss://gate.example/ws",
            "wss://GATE.example",
            "WSS://gate.example",
            "wss://gate.example.evil.example",
            "wss://",
            "ws",
            "wsss://gate.example",
            "http://gate.example",
            "",
        ] {
            assert_eq!(origins.allow(origin), Err(Problem::OriginRefused), "{origin}");
            assert_eq!(origins.bound(origin), origin);
        }
        assert_eq!(origins.allow("null"), Err(Problem::OriginOpaque));
    }
}
