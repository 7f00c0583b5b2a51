//! Where the gate stands: below which path, under which name, and for whom while it is for development.

use std::borrow::Cow;

use crate::config::{PlaceSettings, host_of, is_private};
use crate::platform::target::Target;

/// Where a request leads, as seen from where the gate stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// To the gate: the path is below `BASE_PATH`, and the origin the gate's own.
    Here(Cow<'a, Target>),
    /// To a path beside it.
    Beside,
    /// To a host that isn't a developer's own.
    Outside,
}

/// Looks at it.
pub fn see<'a>(place: &PlaceSettings, target: &'a Target) -> Seen<'a> {
    if let Some(named) = &place.development_hosts {
        let host = host_of(&target.authority);
        if !is_private(host) && !named.iter().any(|name| name == host) {
            return Seen::Outside;
        }
    }
    if place.base_path.is_empty() && place.public_url.is_none() {
        return Seen::Here(Cow::Borrowed(target));
    }
    let Some(path) = target.path.strip_prefix(place.base_path.as_str()) else { return Seen::Beside };
    if !path.is_empty() && !path.starts_with('/') {
        return Seen::Beside;
    }
    let (scheme, authority) = match &place.public_url {
        Some(public) => (public.scheme, &public.authority),
        None => (target.scheme, &target.authority),
    };
    Seen::Here(Cow::Owned(Target {
        scheme,
        authority: authority.clone(),
        base: place.base_path.clone(),
        path: path.to_owned(),
        query: target.query.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PublicUrl;

    fn place(base_path: &str, public: Option<&str>, hosts: Option<&[&str]>) -> PlaceSettings {
        PlaceSettings {
            base_path: base_path.to_owned(),
            public_url: public.map(|authority| PublicUrl { scheme: "https", authority: authority.to_owned() }),
            development_hosts: hosts.map(|hosts| hosts.iter().map(|host| (*host).to_owned()).collect()),
        }
    }

    fn seen(place: &PlaceSettings, url: &str) -> String {
        let target = Target::parse(url).unwrap();
        match see(place, &target) {
            Seen::Here(target) => format!("{} {} {}", target.origin(), target.base, target.path),
            Seen::Beside => "beside".to_owned(),
            Seen::Outside => "outside".to_owned(),
        }
    }

    #[test]
    fn the_base_path_is_taken_off_once() {
        let below = place("/rt", None, None);
        assert_eq!(seen(&below, "https://e.example/rt/ws"), "https://e.example /rt /ws");
        assert_eq!(seen(&below, "https://e.example/rt/rt/ws"), "https://e.example /rt /rt/ws");
        assert_eq!(seen(&below, "https://e.example/rt/"), "https://e.example /rt /");
        assert_eq!(seen(&below, "https://e.example/rt"), "https://e.example /rt ");
        for beside in ["/", "/ws", "/rtx/ws", "/RT/ws", "/r", "/x/rt/ws", "//rt/ws", "/rt/../ws", "/%72t/ws"] {
            assert_eq!(seen(&below, &format!("https://e.example{beside}")), "beside", "{beside}");
        }
    }

    #[test]
    fn the_public_url_is_the_gates_own() {
        let public = place("", Some("app.example"), None);
        assert_eq!(seen(&public, "http://10.0.0.1:8787/ws"), "https://app.example  /ws");
        let both = place("/rt", Some("app.example:8443"), None);
        assert_eq!(seen(&both, "http://h/rt/health"), "https://app.example:8443 /rt /health");
    }

    #[test]
    fn development_is_for_developers() {
        let own = place("", None, Some(&["gate.tunnel.example"]));
        for inside in [
            "http://localhost:8787/",
            "http://LOCALHOST./",
            "https://gate.tunnel.example/",
            "http://[::1]:1/",
            "http://0x7f.1/",
        ] {
            assert_ne!(seen(&own, inside), "outside", "{inside}");
        }
        for outside in [
            "https://gate.example.workers.dev/",
            "https://x.gate.tunnel.example/",
            "https://tunnel.example/",
            "http://8.8.8.8/",
        ] {
            assert_eq!(seen(&own, outside), "outside", "{outside}");
        }
        // The public name is what is said, and not who may come.
        assert_eq!(seen(&place("", Some("app.example"), Some(&[])), "https://app.example/"), "outside");
    }
}
