//! What a request's URL leads to.

use worker::Url;

/// The parts of a URL that are of use here, as the URL Standard writes them (<https://url.spec.whatwg.org/>): the host in lower
/// case, without a port that is its scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host and port.
    pub authority: String,
    /// What stands before the path and belongs to where the gate stands; empty as a URL is read.
    pub base: String,
    /// The path, from the first slash on.
    pub path: String,
    /// What stands behind the question mark.
    pub query: String,
}

impl Target {
    /// Reads a URL; `None` where it is none, or has a login in it (`u:p@gate.example`), which would end up in answers.
    pub fn parse(url: &str) -> Option<Self> {
        // No error is passed on: it would repeat the URL, ticket included.
        Self::plain(url).or_else(|| Self::any(url))
    }

    /// Scheme, host and port, as a page's `Origin` says it.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// A URL that is written as the standard writes it, which nearly all are: nothing has to be changed about it.
    fn plain(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (scheme, own_port) = match scheme {
            "https" => ("https", "443"),
            "http" => ("http", "80"),
            _ => return None,
        };
        let (authority, rest) = rest.split_at_checked(rest.find('/')?)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        let port_is_plain =
            |port: &str| is_number(port) && port != own_port && port.parse::<u16>().is_ok_and(|port| port > 0);
        let good = is_plain_host(host)
            && port.is_none_or(port_is_plain)
            && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte))
            && query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~=&%+".contains(&byte));
        good.then(|| Self {
            scheme,
            authority: authority.to_owned(),
            base: String::new(),
            path: path.to_owned(),
            query: query.to_owned(),
        })
    }

    fn any(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("://")?;
        if rest.split(['/', '?', '#', '\\']).next()?.contains('@') {
            return None;
        }
        let url = Url::parse(text).ok()?;
        Some(Self {
            scheme: if url.scheme() == "http" { "http" } else { "https" },
            authority: url.authority().to_owned(),
            base: String::new(),
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
        })
    }
}

/// Digits without a zero in front.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0')) && !text.is_empty()
}

/// A name whose last label can't be taken for a number, or an IPv4 address as it is always written.
fn is_plain_host(host: &str) -> bool {
    let is_label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        inner && !label.is_empty() && !label.contains("--") && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let name = host.split('.').all(is_label) && last.starts_with(|c: char| c.is_ascii_lowercase());
    name || (host.split('.').count() == 4 && host.split('.').all(|part| is_number(part) && part.parse::<u8>().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_read_as_the_standard_has_it() {
        for (url, authority, path, query) in [
            ("https://gate.example/ws?ticket=a", "gate.example", "/ws", "ticket=a"),
            ("http://127.0.0.1:8787/ws-ticket", "127.0.0.1:8787", "/ws-ticket", ""),
            ("https://GATE.example:443/a/../ws?", "gate.example", "/ws", ""),
            ("http://127.1/", "127.0.0.1", "/", ""),
            ("http://[::1]:8787/", "[::1]:8787", "/", ""),
            ("https://gate.example:0443/ws", "gate.example", "/ws", ""),
            ("http://gate.example:443/", "gate.example:443", "/", ""),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((&*target.authority, &*target.path, &*target.query), (authority, path, query), "{url}");
        }
        for bad in [
            "",
            "gate.example",
            "https://",
            "https://u:p@gate.example/",
            "https://@gate.example/",
            "http://a b/",
            "http://1.2.3.256/",
        ] {
            assert_eq!(Target::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        /// The short way is only shorter.
        #[test]
        fn both_ways_lead_to_the_same(
            url in "https?://([a-z0-9.-]{1,12}|[0-9.]{1,9}|([0-9]{1,3}[.]){3}[0-9]{1,3}|0x[0-9a-f]{1,3})(:[0-9]{0,5})?/[a-z/._-]{0,8}([?][a-zA-Z0-9%=&+._~-]{0,12})?",
        ) {
            if let Some(plain) = Target::plain(&url) {
                prop_assert_eq!(Some(plain), Target::any(&url), "{}", url);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Target::parse(&text);
        }
    }
}
