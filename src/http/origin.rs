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
    own: String,
}

impl<'a> Origins<'a> {
    /// `ALLOWED_ORIGINS`, and the origin of the request's own URL.
    pub fn new(allowed: &'a [String], target: &Target) -> Self {
        Self { allowed, own: target.origin() }
    }

    /// The request's origin, `None` where it has none. Compared byte for byte: two headers, which arrive joined by a
    /// comma, or another spelling match nothing.
    pub fn check<'r>(&self, request: &'r Request) -> Result<Option<&'r str>, Problem> {
        request.header(Header::Origin).map(|origin| self.allow(origin)).transpose()
    }

    fn allow<'r>(&self, origin: &'r str) -> Result<&'r str, Problem> {
        if origin == self.own || self.is_own_socket(origin) || self.allowed.iter().any(|allowed| allowed == origin) {
            Ok(origin)
        } else if origin == "null" {
            Err(Problem::OriginOpaque)
        } else {
            Err(Problem::OriginRefused)
        }
    }

    /// What a ticket is bound to: the gate's own origin is one, however a program spells its scheme.
    pub fn bound(&self, origin: &str) -> String {
        if self.is_own_socket(origin) { self.own.clone() } else { origin.to_owned() }
    }

    /// Whether it is the gate's own with `ws:` for `http:` or `wss:` for `https:`. Some programs send the URL that they
    /// connect to; no browser does, for no page has such an origin.
    fn is_own_socket(&self, origin: &str) -> bool {
        let rest = origin.strip_prefix("ws");
        rest.is_some() && rest == self.own.strip_prefix("http")
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
