//! What is accepted and refused of `SESSION` and of `UPSTREAM…`.

use crate::config::given::Given;
use crate::config::{Algorithm, Config, SessionChoice, Signer, UPSTREAM_BINDING, UpstreamAddress, UpstreamSettings};

const DEV: [(&str, &str); 2] = [("ENVIRONMENT", "development"), ("IDENTITY", "dev")];
const FORWARD: [(&str, &str); 2] = [("IDENTITY", "forward"), ("AUTH_URL", "https://login.example/auth")];
const UP: (&str, &str) = ("SESSION", "upstream");
const URL: (&str, &str) = ("UPSTREAM_URL", "https://app.example/live");
const SECRET: &str = "an upstream's secret of enough bytes";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----";

type Texts = [(&'static str, &'static str)];

fn read(texts: &Texts, bound: bool) -> Result<SessionChoice, Vec<(&'static str, &'static str)>> {
    let bound = if bound { vec![UPSTREAM_BINDING] } else { Vec::new() };
    let all = [&DEV, texts].concat();
    let given = Given { bound, ..Given::of(all) };
    let read = Config::read(&given).map(|config| config.session);
    read.map_err(|wrong| wrong.iter().map(|problem| (problem.name, problem.problem)).collect())
}

fn upstream(texts: &Texts, bound: bool) -> UpstreamSettings {
    match read(&[&[UP], texts].concat(), bound).unwrap() {
        SessionChoice::Upstream(settings) => *settings,
        other => panic!("{other:?}"),
    }
}

fn wrong(texts: &Texts, bound: bool) -> Vec<&'static str> {
    let texts = [&[UP], texts].concat();
    read(&texts, bound).unwrap_err().iter().map(|(name, _)| *name).collect()
}

#[test]
fn a_word_chooses_and_none_is_the_echo() {
    assert_eq!(read(&[], false), Ok(SessionChoice::Echo { chosen: false }));
    assert_eq!(read(&[("SESSION", "")], false), Ok(SessionChoice::Echo { chosen: false }));
    assert_eq!(read(&[("SESSION", "echo")], false), Ok(SessionChoice::Echo { chosen: true }));
    assert_eq!(read(&[("SESSION", "none")], false), Ok(SessionChoice::Nothing));
    for bad in ["Echo", "upstream ", "off", "room"] {
        assert_eq!(read(&[("SESSION", bad)], false).unwrap_err()[0].0, "SESSION", "{bad}");
    }
}

#[test]
fn an_upstream_is_in_one_place() {
    assert_eq!(upstream(&[], true).address, UpstreamAddress::Binding { credentials: false });
    let pass = ("UPSTREAM_CREDENTIALS", "pass");
    assert_eq!(upstream(&[pass], true).address, UpstreamAddress::Binding { credentials: true });
    let UpstreamAddress::Url(url) = upstream(&[("UPSTREAM_URL", "wss://app.example/live?v=1")], false).address else {
        panic!("no URL")
    };
    assert_eq!(url.as_str(), "https://app.example/live?v=1");
    assert_eq!(wrong(&[], false), ["UPSTREAM_URL"]);
    assert_eq!(wrong(&[URL], true), ["UPSTREAM_URL"]);
    assert_eq!(wrong(&[URL, pass], false), ["UPSTREAM_CREDENTIALS"]);
    for bad in [
        "app.example",
        "ftp://app.example",
        "https://",
        "https://u:p@app.example",
        "https://app.example/#x",
        "https://app.example/ /",
        "https://app.example/<path>",
        "https://app.example/?ticket=x",
        "https://app.example/?a=1&t%69cket",
        "https://a.example,https://b.example",
        "wss://",
        "ws:app.example",
    ] {
        assert_eq!(wrong(&[("UPSTREAM_URL", bad)], false), ["UPSTREAM_URL"], "{bad}");
    }
}

#[test]
fn a_secret_goes_over_tls_but_on_a_developers_machine() {
    let plain = [("UPSTREAM_URL", "ws://127.0.0.1:9000")];
    upstream(&plain, false);
    let all = [FORWARD.as_slice(), &[UP], &plain].concat();
    let wrong = Config::read(&Given::of(all)).unwrap_err();
    assert!(wrong.iter().any(|problem| problem.name == "UPSTREAM_URL"), "{wrong:?}");
}

#[test]
fn nothing_of_an_upstream_is_set_without_one() {
    for session in [vec![], vec![("SESSION", "echo")], vec![("SESSION", "none")]] {
        for (name, text) in [
            URL,
            ("UPSTREAM_AUTHORIZATION", "Bearer x"),
            ("UPSTREAM_HEADERS", r#"{"X-A":"b"}"#),
            ("UPSTREAM_IDENTITY", "headers"),
            ("UPSTREAM_CREDENTIALS", "drop"),
            ("UPSTREAM_SECRET", SECRET),
            ("UPSTREAM_PRIVATE_KEY", KEY),
            ("UPSTREAM_AUDIENCE", "app"),
        ] {
            let texts = [session.as_slice(), &[(name, text)]].concat();
            assert_eq!(read(&texts, false), Err(vec![(name, super::WITHOUT)]));
        }
        assert_eq!(read(&session, true), Err(vec![(UPSTREAM_BINDING, super::WITHOUT)]));
    }
}

#[test]
fn what_signs_says_for_whom() {
    let by = |texts: &Texts, bound| {
        let settings = upstream(texts, bound);
        (settings.signer, settings.audience)
    };
    let (signer, audience) = by(&[("UPSTREAM_SECRET", SECRET)], true);
    assert!(matches!(signer, Some(Signer::Secret(secret)) if secret.is(SECRET)));
    assert_eq!(audience, "upstream");
    let (signer, audience) = by(&[URL, ("UPSTREAM_PRIVATE_KEY", KEY)], false);
    assert!(matches!(signer, Some(Signer::PrivateKey(key)) if key.algorithm() == Algorithm::Ed25519));
    assert_eq!(audience, "https://app.example");
    assert_eq!(by(&[("UPSTREAM_SECRET", SECRET), ("UPSTREAM_AUDIENCE", "app")], true).1, "app");
    assert_eq!(wrong(&[("UPSTREAM_SECRET", SECRET), ("UPSTREAM_PRIVATE_KEY", KEY)], true), ["UPSTREAM_PRIVATE_KEY"]);
    assert_eq!(wrong(&[("UPSTREAM_AUDIENCE", "app")], true), ["UPSTREAM_AUDIENCE"]);
    assert_eq!(wrong(&[("UPSTREAM_SECRET", SECRET), ("UPSTREAM_AUDIENCE", "a b")], true), ["UPSTREAM_AUDIENCE"]);
    for bad in ["short", "\"an upstream's secret of enough bytes\"", "UPSTREAM_SECRET=an upstream's secret of bytes"] {
        assert_eq!(wrong(&[("UPSTREAM_SECRET", bad)], true)[0], "UPSTREAM_SECRET", "{bad}");
    }
    let same = [("UPSTREAM_SECRET", SECRET), ("REDEEM_SECRET", SECRET)];
    assert_eq!(wrong(&same, true), ["REDEEM_SECRET", "UPSTREAM_SECRET"]);
    let same = [("UPSTREAM_SECRET", SECRET), ("UPSTREAM_AUTHORIZATION", SECRET)];
    assert_eq!(wrong(&same, true), ["UPSTREAM_SECRET"]);
    let silent = [("UPSTREAM_IDENTITY", "none"), ("UPSTREAM_SECRET", SECRET)];
    assert_eq!(wrong(&silent, true), ["UPSTREAM_IDENTITY"]);
    assert!(!upstream(&[URL, ("UPSTREAM_IDENTITY", "none")], false).identity);
}

#[test]
fn headers_are_added_but_for_those_that_are_somebody_elses() {
    let added = upstream(&[("UPSTREAM_HEADERS", r#"{"X-Api-Version":"2","Accept":"a b"}"#)], true).headers;
    let shown: Vec<_> = added.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
    assert_eq!(shown.len(), 2);
    assert!(shown.contains(&("X-Api-Version", "2")) && shown.contains(&("Accept", "a b")));
    for bad in [
        "X-A: b",
        "{}",
        "[]",
        r#"{"X-A":1}"#,
        r#"{"X-A":""}"#,
        r#"{"X-A":" b"}"#,
        r#"{"X-A":"b\nc"}"#,
        r#"{"X-A":"é"}"#,
        r#"{"X A":"b"}"#,
        r#"{"":"b"}"#,
        r#"{"X-A":"b","x-a":"c"}"#,
        r#"{"Host":"b"}"#,
        r#"{"Authorization":"b"}"#,
        r#"{"Cookie":"b"}"#,
        r#"{"Upgrade":"b"}"#,
        r#"{"Origin":"b"}"#,
        r#"{"Sec-WebSocket-Protocol":"b"}"#,
        r#"{"X-Ticket-Subject":"b"}"#,
        r#"{"x_ticket_subject":"b"}"#,
        r#"{"CF-Connecting-IP":"b"}"#,
    ] {
        assert_eq!(wrong(&[("UPSTREAM_HEADERS", bad)], true), ["UPSTREAM_HEADERS"], "{bad}");
    }
    let many: Vec<_> = (0..17).map(|n| format!(r#""X-{n}":"b""#)).collect();
    let many: &'static str = Box::leak(format!("{{{}}}", many.join(",")).into_boxed_str());
    assert_eq!(wrong(&[("UPSTREAM_HEADERS", many)], true), ["UPSTREAM_HEADERS"]);
}

#[test]
fn an_authorization_is_the_value_of_a_header() {
    let good = upstream(&[("UPSTREAM_AUTHORIZATION", "Bearer sk-1")], true).authorization.unwrap();
    assert_eq!(good.reveal(), "Bearer sk-1");
    for bad in ["Authorization: Bearer x", "Bearer x\n", "\"Bearer x\"", "Bearer é", "UPSTREAM_AUTHORIZATION=Bearer x"]
    {
        assert_eq!(wrong(&[("UPSTREAM_AUTHORIZATION", bad)], true), ["UPSTREAM_AUTHORIZATION"], "{bad}");
    }
}
