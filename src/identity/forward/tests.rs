//! What the login is told, and what its answers mean.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const NOW: Millis = Millis(1_000_000);

fn forward(prefix: &str, claims: &[&str]) -> Forward {
    let settings = ForwardSettings {
        url: "https://site.example/auth".to_owned(),
        header_prefix: prefix.to_owned(),
        timeout_ms: 3_000,
        claims: claims.iter().map(|name| (*name).to_owned()).collect(),
    };
    Forward::new(&settings, |_| ())
}

type Headers<'a> = &'a [(&'a str, &'a str)];

fn read(forward: &Forward, status: u16, headers: Headers<'_>, body: Option<&[u8]>) -> Result<Caller, NoCaller> {
    let header = |name: &str| {
        let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| (*value).to_owned())
    };
    let content_type = header("Content-Type");
    forward.read(&Answered { status, content_type: content_type.as_deref(), body }, header, NOW)
}

fn in_json(text: &str) -> Result<Caller, NoCaller> {
    let headers = [("Content-Type", "application/json; charset=utf-8"), ("Remote-User", "mallory")];
    read(&forward("Remote-", &["email", "level"]), 200, &headers, Some(text.as_bytes()))
}

fn in_headers(headers: Headers<'_>) -> Result<Caller, NoCaller> {
    read(&forward("Remote-", &["email", "level", "sub", "rooms"]), 200, headers, Some(b"<html>"))
}

fn claims(caller: Caller) -> Value {
    Value::from(Map::from(caller.claims))
}

const MALFORMED: NoCaller = NoCaller::Unusable("malformed");

#[test]
fn json_has_the_names_that_a_token_has() {
    let caller =
        in_json(r#"{"sub":"alice","exp":1060.5,"rooms":["lobby"],"email":"a@b.example","level":3,"phone":"1"}"#);
    let caller = caller.unwrap();
    assert_eq!(String::from(caller.subject.clone()), "alice");
    assert_eq!(caller.login_expires_at, Some(Millis(1_060_500)));
    assert_eq!(caller.rooms, Some(vec!["lobby".to_owned()]));
    assert_eq!(claims(caller), json!({"email": "a@b.example", "level": 3}));
    assert_eq!(in_json(r#"{"sub":"alice"}"#).unwrap().login_expires_at, None);
}

#[test]
fn json_that_is_not_of_use_is_an_outage() {
    for text in [
        "",
        "null",
        "[]",
        r#""alice""#,
        "{}",
        r#"{"sub":null}"#,
        r#"{"sub":7.0}"#,
        r#"{"sub":7e0}"#,
        r#"{"sub":-0}"#,
        r#"{"sub":18446744073709551616}"#,
        r#"{"sub":true}"#,
        r#"{"sub":[7]}"#,
        r#"{"sub":""}"#,
        r#"{"sub":"a\nb"}"#,
        r#"{"sub":"a","sub":"b"}"#,
        r#"{"sub":"a","exp":"2000"}"#,
        r#"{"sub":"a","exp":null,"exp":2000}"#,
        // A list that got lost doesn't open every room.
        r#"{"sub":"a","rooms":null}"#,
        "\u{feff}\u{feff}{\"sub\":\"a\"}",
        r#"{"sub":"a","rooms":"lobby"}"#,
        r#"{"sub":"a","rooms":[7]}"#,
        r#"{"sub":"a""#,
        "{\"sub\":\"a\"} x",
    ] {
        assert_eq!(in_json(text), Err(MALFORMED), "{text}");
    }
}

#[test]
fn json_may_say_null_of_what_it_has_not() {
    let caller = in_json(r#"{"sub":"alice","exp":null,"email":null,"level":0,"phone":null}"#).unwrap();
    assert_eq!((caller.login_expires_at, caller.rooms.clone()), (None, None));
    assert_eq!(claims(caller), json!({"level": 0}));
    assert!(in_json("\u{feff}{\"sub\":\"alice\"}").is_ok());
}

#[test]
fn a_whole_number_is_a_subject_as_it_is_written() {
    let subject = |text: &str| String::from(in_json(&format!(r#"{{"sub":{text}}}"#)).unwrap().subject);
    for whole in ["7", "0", "-7", "9007199254740993", "18446744073709551615", "-9223372036854775808"] {
        assert_eq!(subject(whole), whole);
        assert_eq!(subject(&format!("\"{whole}\"")), whole);
    }
    let claimed =
        read(&forward("Remote-", &["sub"]), 200, &[("Content-Type", "application/json")], Some(br#"{"sub":7}"#));
    assert_eq!(claims(claimed.unwrap()), json!({"sub": "7"}));
}

#[test]
fn headers_say_the_same() {
    let caller = in_headers(&[
        ("remote-user", "alice"),
        ("Remote-Expires", "1060"),
        ("Remote-Rooms", "lobby, staff,,"),
        ("Remote-Email", "a@b.example"),
        ("Remote-Phone", "1"),
        ("Remote-Sub", "mallory"),
    ]);
    let caller = caller.unwrap();
    assert_eq!(String::from(caller.subject.clone()), "alice");
    assert_eq!(caller.login_expires_at, Some(Millis(1_060_000)));
    assert_eq!(caller.rooms, Some(vec!["lobby".to_owned(), "staff".to_owned()]));
    let expected = json!({"email": "a@b.example", "sub": "alice", "rooms": ["lobby", "staff"]});
    assert_eq!(claims(caller), expected);
    let none = in_headers(&[("Remote-User", "alice"), ("Remote-Rooms", "")]).unwrap();
    assert_eq!((none.rooms, none.login_expires_at), (Some(vec![]), None));
    let other = read(&forward("X-Auth-Request-", &[]), 202, &[("X-Auth-Request-User", "erin")], Some(b"")).unwrap();
    assert_eq!(String::from(other.subject), "erin");
}

#[test]
fn headers_that_are_not_of_use_are_an_outage() {
    assert_eq!(in_headers(&[]), Err(MALFORMED));
    assert_eq!(in_headers(&[("Remote-User", "")]), Err(MALFORMED));
    for expires in ["", "soon", "-1", "+1", "1.5", "0x10", "99999999999999999999", "Mon, 23 Nov 2026 12:00:00 GMT"] {
        assert_eq!(in_headers(&[("Remote-User", "a"), ("Remote-Expires", expires)]), Err(MALFORMED), "{expires}");
    }
    // What the platform couldn't read.
    for name in ["Remote-User", "Remote-Rooms", "Remote-Email"] {
        assert_eq!(in_headers(&[(name, "Jos\u{fffd}"), ("Remote-User", "jose")]), Err(MALFORMED), "{name}");
    }
}

#[test]
fn a_claim_that_no_header_can_be_named_after_is_not_lost_in_silence() {
    let headers = [("Remote-User", "alice"), ("Remote-email", "a@b.example")];
    for name in ["https://app.example/tier", "e:mail", "a b", "层"] {
        let forward = forward("Remote-", &["email", name]);
        assert_eq!(read(&forward, 200, &headers, Some(b"")), Err(NoCaller::Unusable("claim_name")), "{name}");
        assert_eq!(read(&forward, 401, &headers, None), Err(NoCaller::Refused(NotKnown::Refused("session_refused"))));
        // In JSON it is a name like any other.
        let body = json!({"sub": "alice", name: "gold"}).to_string();
        let caller = read(&forward, 200, &[("Content-Type", "application/json")], Some(body.as_bytes())).unwrap();
        assert_eq!(claims(caller), json!({name: "gold"}));
    }
    assert!(read(&forward("Remote-", &["email", "x~y", "rooms"]), 200, &headers, Some(b"")).is_ok());
}

#[test]
fn the_status_comes_first() {
    let forward = forward("Remote-", &[]);
    let headers = [("Remote-User", "alice")];
    let status = |status| read(&forward, status, &headers, Some(b""));
    for good in [200, 202, 204, 299] {
        assert!(status(good).is_ok(), "{good}");
    }
    assert_eq!(status(401), Err(NoCaller::Refused(NotKnown::Refused("session_refused"))));
    assert_eq!(status(403), Err(NoCaller::Refused(NotKnown::Forbidden("session_forbidden"))));
    for other in [0, 101, 199, 300, 302, 400, 402, 404, 407, 429, 500, 503] {
        assert_eq!(status(other), Err(NoCaller::Unusable("status")), "{other}");
    }
    assert_eq!(read(&forward, 200, &headers, None), Err(NoCaller::Unusable("too_large")));
    assert_eq!(read(&forward, 401, &headers, None), Err(NoCaller::Refused(NotKnown::Refused("session_refused"))));
}

#[test]
fn a_session_that_has_ended_and_claims_that_are_too_much_are_refused() {
    for exp in ["1000", "0", "-5", "999.999"] {
        let refused = in_json(&format!(r#"{{"sub":"a","exp":{exp}}}"#));
        assert_eq!(refused, Err(NoCaller::Refused(NotKnown::Refused("token_expired"))), "{exp}");
    }
    let large = in_json(&json!({"sub": "a", "email": "e".repeat(2100)}).to_string());
    assert_eq!(large, Err(NoCaller::Refused(NotKnown::Refused("claims_too_large"))));
}

fn credentials<'a>(target: &'a Target, cookie: Option<&'a str>, authorization: Option<&'a str>) -> Credentials<'a> {
    Credentials { cookie, authorization, address: Some("203.0.113.7"), target }
}

#[test]
fn the_login_is_told_whose_request_it_is_and_nothing_else() {
    let target = Target::parse("https://gate.example:8443/ws-ticket?x=1").unwrap();
    let headers = credentials(&target, Some("sid=1"), None).headers("https://gate.example:8443/ws-ticket", PATH);
    assert_eq!(
        headers,
        [
            ("Cookie", "sid=1"),
            ("X-Forwarded-For", "203.0.113.7"),
            ("Accept", "application/json"),
            ("X-Forwarded-Method", "POST"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "gate.example:8443"),
            ("X-Forwarded-Uri", "/ws-ticket"),
            ("X-Original-URL", "https://gate.example:8443/ws-ticket"),
            ("X-Original-Method", "POST"),
        ]
    );
}

#[test]
fn a_ticket_is_no_login() {
    let target = Target::parse("https://gate.example/ws-ticket").unwrap();
    let check = |cookie, authorization| credentials(&target, cookie, authorization).check();
    assert_eq!(check(None, None), Err(NotKnown::Missing));
    assert_eq!((check(Some("sid=1"), None), check(None, Some("Bearer x"))), (Ok(()), Ok(())));
    for ticket in ["wst_", "Bearer wst_k_x", "bearer  wst_k_x", "Basic a,wst_k_x", "Bearer\twst_k_x", "T t=\"wst_k_x\""]
    {
        assert_eq!(check(Some("sid=1"), Some(ticket)), Err(NotKnown::Refused("token_is_ticket")), "{ticket}");
    }
    assert_eq!(check(None, Some("Bearer awst_k_x")), Ok(()));
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(
        status: u16,
        content_type in prop_oneof![Just("application/json".to_owned()), any::<String>()],
        body: Option<Vec<u8>>,
        values in prop::collection::vec((prop::sample::select(vec!["User", "Expires", "Rooms", "email"]), any::<String>()), 0..5),
    ) {
        let values: Vec<_> = values.iter().map(|(name, value)| (format!("Remote-{name}"), value.as_str())).collect();
        let mut headers: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        headers.push(("Content-Type", &content_type));
        let read = read(&forward("Remote-", &["email"]), status, &headers, body.as_deref());
        prop_assert!(read.is_err() || (200..300).contains(&status));
    }

    #[test]
    fn any_json_is_read_or_refused(sub in any::<Option<String>>(), exp: Option<f64>, rooms: Option<Vec<String>>) {
        let text = json!({"sub": sub, "exp": exp, "rooms": rooms}).to_string();
        if let Ok(caller) = in_json(&text) {
            prop_assert_eq!(Some(String::from(caller.subject)), sub);
            prop_assert!(caller.login_expires_at > Some(NOW) || json!(exp).is_null());
            prop_assert_eq!(caller.rooms, rooms);
        }
    }
}

#[test]
fn the_gates_own_cookie_stays_here() {
    let own = "__Host-ws-ticket=AAAA";
    for (cookies, left) in [
        ("session=1; theme=dark".to_owned(), "session=1; theme=dark"),
        (format!("session=1; {own}; theme=dark"), "session=1; theme=dark"),
        (format!("{own};session=1"), "session=1"),
        (format!(" {own} ;{own}"), ""),
        (own.to_owned(), ""),
        (format!("x{own}"), "x__Host-ws-ticket=AAAA"),
    ] {
        assert_eq!(without_bond(&cookies), left, "{cookies}");
    }
}
