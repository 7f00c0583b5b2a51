//! What is accepted and refused of where the gate stands.

use crate::config::given::Given;
use crate::config::{Config, PlaceSettings};

const DEV: [(&str, &str); 2] = [("ENVIRONMENT", "development"), ("IDENTITY", "dev")];
const PRODUCTION: [(&str, &str); 2] = [("IDENTITY", "forward"), ("AUTH_URL", "https://login.example/auth")];

type Texts = &'static [(&'static str, &'static str)];

fn read(texts: Texts, more: (&'static str, &'static str)) -> Result<PlaceSettings, Vec<&'static str>> {
    let config = Config::read(&Given::of([texts, &[more]].concat()));
    config.map(|config| config.place).map_err(|wrong| wrong.iter().map(|problem| problem.name).collect())
}

#[test]
fn a_base_path_is_plain() {
    for good in ["/realtime", "/a/b", "/a.b/c_d~e-F1", "/..."] {
        assert_eq!(read(&PRODUCTION, ("BASE_PATH", good)).unwrap().base_path, good);
    }
    assert_eq!(read(&PRODUCTION, ("BASE_PATH", "")).unwrap().base_path, "");
    let long: &'static str = Box::leak(format!("/{}", "x".repeat(256)).into_boxed_str());
    for bad in [
        "realtime",
        "/",
        "/realtime/",
        "//a",
        "/a//b",
        "/..",
        "/a/../b",
        "/.",
        "/a b",
        "/%61",
        "/é",
        "/a?b",
        "/a#b",
        "/a*",
        "https://e.example/a",
        long,
    ] {
        assert_eq!(read(&PRODUCTION, ("BASE_PATH", bad)).unwrap_err(), ["BASE_PATH"], "{bad}");
    }
}

#[test]
fn a_public_url_is_an_origin() {
    for (url, scheme, authority) in [
        ("https://example.com", "https", "example.com"),
        ("https://EXAMPLE.com:443/", "https", "example.com"),
        ("https://example.com:8443", "https", "example.com:8443"),
        ("http://localhost:5173", "http", "localhost:5173"),
        ("http://127.0.0.1:5173", "http", "127.0.0.1:5173"),
        ("http://[::1]:5173", "http", "[::1]:5173"),
    ] {
        let public = read(&PRODUCTION, ("PUBLIC_URL", url)).unwrap().public_url.unwrap();
        assert_eq!((public.scheme, public.authority.as_str()), (scheme, authority), "{url}");
    }
    for bad in [
        "example.com",
        "wss://example.com",
        "http://example.com",
        "https://example.com/realtime",
        "https://example.com?",
        "https://example.com/?a",
        "https://example.com#",
        "https://u@example.com",
        "https://u:p@example.com",
        "https://",
        "https://example.com ",
        "https://<host>",
        "https://a.example,https://b.example",
    ] {
        assert_eq!(read(&PRODUCTION, ("PUBLIC_URL", bad)).unwrap_err(), ["PUBLIC_URL"], "{bad}");
    }
    assert_eq!(read(&DEV, ("PUBLIC_URL", "http://gate.test")).unwrap().public_url.unwrap().authority, "gate.test");
}

#[test]
fn hosts_of_development_are_names_alone() {
    let hosts = |text| read(&DEV, ("DEVELOPMENT_HOSTS", text)).map(|place| place.development_hosts.unwrap());
    assert_eq!(hosts(""), Ok(Vec::new()));
    assert_eq!(
        hosts("Gate.tunnel.example, my-mac.local,gate,[2001:db8::1]").unwrap(),
        ["gate.tunnel.example", "my-mac.local", "gate", "[2001:db8::1]"]
    );
    for bad in [
        "https://gate.example",
        "gate.example:8787",
        "gate.example/",
        "a b",
        "*.example.com",
        "u@h",
        "a,,b",
        "a,a",
        "é.example",
    ] {
        assert_eq!(hosts(bad).unwrap_err(), ["DEVELOPMENT_HOSTS"], "{bad}");
    }
    assert_eq!(read(&PRODUCTION, ("DEVELOPMENT_HOSTS", "a.example")).unwrap_err(), ["DEVELOPMENT_HOSTS"]);
    assert_eq!(read(&PRODUCTION, ("DEVELOPMENT_HOSTS", "")).unwrap().development_hosts, None);
}
