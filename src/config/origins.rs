//! `ALLOWED_ORIGINS`: the origins of the app's pages, each as `Origin` has it, byte for byte.
//!
//! An origin is `scheme://host`, and `:port` where it isn't the scheme's own (RFC 6454 §6.2). The web's pages have `https:`;
//! what is shown by an app has a scheme of the app's or the browser's own, such as `capacitor:` or `chrome-extension:`.

use std::net::Ipv4Addr;

use worker::Url;

use super::parse::Reader;
use super::{Environment, Settings};

const NAME: &str = "ALLOWED_ORIGINS";
/// Schemes of which no page has an origin of its own. Their pages send `null`, which every sandboxed frame sends too
/// (<https://html.spec.whatwg.org/multipage/browsers.html#concept-origin-opaque>), and browsers show no `ftp:`.
const OPAQUE: [&str; 8] = ["file", "content", "data", "blob", "about", "javascript", "filesystem", "ftp"];

impl<S: Settings> Reader<'_, S> {
    /// What is wrong is named once, however many entries have it.
    pub(super) fn origins(&mut self, environment: Environment) -> Vec<String> {
        let Some(text) = self.text(NAME) else { return Vec::new() };
        let mut origins = Vec::new();
        let mut faults = Vec::new();
        for entry in text.split(',').map(str::trim) {
            match check(entry, environment) {
                Ok(()) => origins.push(entry.to_owned()),
                Err(fault) if faults.contains(&fault) => {}
                Err(fault) => faults.push(fault),
            }
        }
        for fault in faults {
            let (problem, expected) = fault.words();
            self.wrong(NAME, problem, expected);
        }
        origins
    }
}

/// Why no page that should be let in sends an entry as its `Origin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    Wildcard,
    Null,
    NotAscii,
    Uppercase,
    NoScheme,
    NoOrigin,
    OwnPort,
    MoreThanAnOrigin,
    NoHost,
    Plain,
}

impl Fault {
    /// What is wrong, and what would be right.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Empty => {
                ("has an empty entry", "origins between the commas: https://a.example.com,https://b.example.com")
            }
            Self::Wildcard => ("has a wildcard", "each origin in full"),
            Self::Null => (
                "has null, which sandboxed frames and files of anybody send",
                "the page served from an origin of its own: https:, or a scheme that the app registers",
            ),
            Self::NotAscii => (
                "has an entry with other characters than an Origin can have",
                "ASCII without spaces; a name in other letters as browsers send it, in punycode (xn--…)",
            ),
            Self::Uppercase => ("has an entry with a capital letter", "scheme and host in lowercase, as they are sent"),
            Self::NoScheme => ("has an entry without a scheme", "scheme://host, such as https://app.example.com"),
            Self::NoOrigin => (
                "has a scheme whose pages have no origin of their own, such as file:",
                "the page served from an origin of its own: https:, or a scheme that the app registers",
            ),
            Self::OwnPort => ("has a port that is the scheme's own", "no port where it is the scheme's own"),
            Self::MoreThanAnOrigin => (
                "has an entry with more than an origin",
                "scheme://host, and :port where it isn't the scheme's own: no login before it; no path, no query and no \
                 slash after it",
            ),
            Self::NoHost => {
                ("has an entry without a host that can be", "scheme://host, such as https://app.example.com")
            }
            Self::Plain => (
                "has an origin without TLS, and ENVIRONMENT is production",
                "https:; http: only of the visitor's own machine: localhost, 127.0.0.1, [::1]",
            ),
        }
    }
}

fn check(text: &str, environment: Environment) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::Empty);
    }
    if text.contains('*') {
        return Err(Fault::Wildcard);
    }
    if text.eq_ignore_ascii_case("null") {
        return Err(Fault::Null);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::NotAscii);
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(Fault::Uppercase);
    }
    let (scheme, rest) = text.split_once("://").ok_or(Fault::NoScheme)?;
    if OPAQUE.contains(&scheme) {
        return Err(Fault::NoOrigin);
    }
    let url = Url::parse(text).map_err(|_| Fault::NoHost)?;
    // `Url` takes two hosts with a semicolon between them for one, and what was to be filled in for a name.
    let is_strange = |c: char| ";{}$()\"'`!&=+".contains(c);
    let host = url.host_str().filter(|host| !host.is_empty() && !host.contains(is_strange)).ok_or(Fault::NoHost)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let serialised = format!("{}://{host}{port}", url.scheme());
    if serialised != text {
        let own_port = url.port().is_none() && rest.strip_prefix(host).is_some_and(is_port);
        return Err(if own_port { Fault::OwnPort } else { Fault::MoreThanAnOrigin });
    }
    let plain = matches!(scheme, "http" | "ws") && !is_local(host);
    if plain && environment == Environment::Production { Err(Fault::Plain) } else { Ok(()) }
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether the host is the visitor's own machine, which needs no TLS to be trusted
/// (<https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy>).
pub(super) fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the text is the origin of a site, exactly as a browser sends it.
pub(super) fn is_web_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        && check(text, Environment::Development).is_ok()
}

#[cfg(test)]
mod tests;
