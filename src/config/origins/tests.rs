//! Which origins can be allowed, and what is said of those that can't.

use super::*;
use crate::config::given::Given;
use crate::config::{BadSetting, Config};

fn read(text: &'static str, environment: &'static str) -> Result<Vec<String>, Vec<BadSetting>> {
    let secret = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");
    let given = Given::of([secret, (NAME, text), ("ENVIRONMENT", environment)]);
    Config::read(&given).map(|config| config.origins)
}

#[test]
fn what_pages_and_apps_send_is_allowed() {
    for origin in [
        "https://app.example.com",
        "https://app.example.com:8443",
        "https://xn--bcher-kva.example",
        "https://[2001:db8::1]:8443",
        // Capacitor on iOS and, before version 6, Ionic's own WebView; Android's send https://localhost.
        "capacitor://localhost",
        "ionic://localhost",
        "https://localhost",
        "tauri://localhost",
        "http://tauri.localhost",
        "app://.",
        "app://bundle",
        "x-my.app+2://start:8080",
        "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn",
        "moz-extension://4ed7f644-c3b5-4bf1-983f-2c8718f52222",
        "safari-web-extension://25bb76d4-6e14-43b7-b2b5-7d3d80d7e2f4",
        "vscode-webview://1k8v6nq2b1c3d5e7f9g0h2j4k6m8n0p2",
        "vscode-file://vscode-app",
        "http://localhost:5173",
        "http://127.0.0.1:8080",
        "http://[::1]:3000",
        // What some programs send by themselves.
        "wss://gate.example.com",
        "ws://localhost:8787",
    ] {
        assert_eq!(read(origin, "production"), Ok(vec![origin.to_owned()]), "{origin}");
        assert_eq!(read(origin, "development"), Ok(vec![origin.to_owned()]), "{origin}");
    }
    let several = read("https://a.example.com, capacitor://localhost ,http://localhost", "production").unwrap();
    assert_eq!(several, ["https://a.example.com", "capacitor://localhost", "http://localhost"]);
    // The same twice means what it says.
    assert_eq!(read("app://a,app://a", "production").unwrap(), ["app://a", "app://a"]);
}

#[test]
fn what_nobody_sends_or_everybody_is_refused_with_its_reason() {
    for (text, fault) in [
        (",", Fault::Empty),
        ("https://a.example.com,", Fault::Empty),
        ("*", Fault::Wildcard),
        ("https://*.example.com", Fault::Wildcard),
        ("capacitor://*", Fault::Wildcard),
        ("null", Fault::Null),
        ("https://exämple.com", Fault::NotAscii),
        ("capacitor://bücher", Fault::NotAscii),
        ("https://a.example.com https://b.example.com", Fault::NotAscii),
        ("https://App.example.com", Fault::Uppercase),
        ("HTTPS://app.example.com", Fault::Uppercase),
        ("capacitor://LOCALHOST", Fault::Uppercase),
        ("Capacitor://localhost", Fault::Uppercase),
        ("https://XN--bcher-kva.example", Fault::Uppercase),
        ("app.example.com", Fault::NoScheme),
        ("https:app.example.com", Fault::NoScheme),
        ("capacitor:localhost", Fault::NoScheme),
        ("file://", Fault::NoOrigin),
        ("file:///app/index.html", Fault::NoOrigin),
        ("file://host", Fault::NoOrigin),
        ("data://x", Fault::NoOrigin),
        ("content://x", Fault::NoOrigin),
        ("ftp://app.example.com", Fault::NoOrigin),
        ("https://app.example.com:443", Fault::OwnPort),
        ("http://localhost:80", Fault::OwnPort),
        ("wss://gate.example.com:443", Fault::OwnPort),
        ("https://app.example.com:", Fault::OwnPort),
        ("https://app.example.com/", Fault::MoreThanAnOrigin),
        ("capacitor://localhost/", Fault::MoreThanAnOrigin),
        ("https://app.example.com/x", Fault::MoreThanAnOrigin),
        ("capacitor://localhost/index.html", Fault::MoreThanAnOrigin),
        ("https://app.example.com?x", Fault::MoreThanAnOrigin),
        ("app://a#x", Fault::MoreThanAnOrigin),
        ("https://user@app.example.com", Fault::MoreThanAnOrigin),
        ("app://user:password@a", Fault::MoreThanAnOrigin),
        ("app://a:080", Fault::MoreThanAnOrigin),
        ("https://127.1", Fault::MoreThanAnOrigin),
        ("http://[::0001]", Fault::MoreThanAnOrigin),
        ("https://app.example.com\\x", Fault::MoreThanAnOrigin),
        ("https://", Fault::NoHost),
        ("app://", Fault::NoHost),
        ("app:///x", Fault::NoHost),
        ("app://:80", Fault::NoHost),
        ("app://a:99999", Fault::NoHost),
        ("://a", Fault::NoHost),
        ("1a://b", Fault::NoHost),
        ("app://a<b>", Fault::NoHost),
        ("https://a.example;b.example", Fault::NoHost),
        ("https://a.example;https://b.example", Fault::NoHost),
        ("capacitor://localhost;app://a", Fault::NoHost),
        ("https://${HOST}", Fault::Uppercase),
        ("https://{host}", Fault::NoHost),
        ("https://$host", Fault::NoHost),
        ("'https://a.example'", Fault::NoHost),
        ("https://a.example，https://b.example", Fault::NotAscii),
        ("https://xn--.example", Fault::NoHost),
    ] {
        let (problem, expected) = fault.words();
        let problems = read(text, "production").unwrap_err();
        assert_eq!(problems[0], BadSetting::new(NAME, problem, expected), "{text}");
    }
}

#[test]
fn plain_http_is_for_development_and_the_visitors_own_machine() {
    let (plain, _) = Fault::Plain.words();
    for origin in [
        "http://app.example.com",
        "http://192.168.1.5:3000",
        "http://10.0.2.2",
        "http://localhost.example.com",
        "http://notlocalhost",
        "http://[::2]",
        "http://128.0.0.1",
        "ws://gate.example.com",
    ] {
        assert_eq!(read(origin, "production").unwrap_err()[0].problem, plain, "{origin}");
        assert_eq!(read(origin, "development").unwrap(), [origin]);
    }
}

#[test]
fn all_that_is_wrong_is_named_once() {
    let problems = read("null,*,https://a.example.com/,https://b.example.com/,https://c.example.com", "").unwrap_err();
    let words = [Fault::Null, Fault::Wildcard, Fault::MoreThanAnOrigin].map(|fault| fault.words().0);
    assert_eq!(problems.iter().map(|problem| problem.problem).collect::<Vec<_>>(), words);
}
