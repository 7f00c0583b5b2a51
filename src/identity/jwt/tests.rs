//! What a token must be like. Signed by HMAC here, which needs no platform; public keys and key sets are tried from outside.

use super::*;
use crate::config::given::Given;
use crate::config::{Config, IdentityChoice};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::executor::block_on;
use hmac::{Hmac, Mac};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Sha256, Sha384, Sha512};

const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const NOW: Millis = Millis(1_000_000);

fn tokens(texts: &[(&'static str, &'static str)]) -> Tokens {
    let texts = [("JWT_SECRET", SECRET)].into_iter().chain(texts.iter().copied());
    match Config::read(&Given::of(texts)).unwrap().identity {
        IdentityChoice::Jwt(settings) => Tokens::new(&settings, |_| ()),
        other => panic!("{other:?}"),
    }
}

fn mac<M: Mac + hmac::digest::KeyInit>(secret: &str, message: &str) -> Vec<u8> {
    <M as Mac>::new_from_slice(secret.as_bytes()).unwrap().chain_update(message).finalize().into_bytes().to_vec()
}

/// A token with any header, signed by the hash that the header names, or else by SHA-256.
fn signed(header: &Value, secret: &str, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = match header["alg"].as_str() {
        Some("HS384") => mac::<Hmac<Sha384>>(secret, &message),
        Some("HS512") => mac::<Hmac<Sha512>>(secret, &message),
        _ => mac::<Hmac<Sha256>>(secret, &message),
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn hs256() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

fn caller(tokens: &Tokens, token: &str) -> Result<Caller, NotKnown> {
    block_on(tokens.caller(token, || NOW))
}

fn why(tokens: &Tokens, token: &str) -> &'static str {
    match caller(tokens, token) {
        Ok(_) => "known",
        Err(NotKnown::Refused(reason)) => reason,
        Err(other) => panic!("{other:?}"),
    }
}

fn why_claims(tokens: &Tokens, claims: &Value) -> &'static str {
    why(tokens, &signed(&hs256(), SECRET, claims))
}

#[test]
fn a_good_token_says_who_and_until_when() {
    let claims = json!({"sub": "alice", "exp": 1060.5, "rooms": ["lobby"], "role": {"of": 1}, "secret": true});
    let token = signed(&hs256(), SECRET, &claims);
    let caller = caller(&tokens(&[("TICKET_CLAIMS", "role,absent")]), &token).unwrap();
    assert_eq!(String::from(caller.subject), "alice");
    assert_eq!(caller.login_expires_at, Some(Millis(1_060_500)));
    assert_eq!(caller.rooms, Some(vec!["lobby".to_owned()]));
    assert_eq!(Value::from(Map::from(caller.claims)), json!({"role": {"of": 1}}));
}

#[test]
fn time_is_exact() {
    for (leeway, claims, expected) in [
        ("0", json!({"sub": "a", "exp": 1000}), "token_expired"),
        ("0", json!({"sub": "a", "exp": 1000.001}), "known"),
        ("0", json!({"sub": "a", "exp": 0}), "token_expired"),
        ("0", json!({"sub": "a", "exp": -5}), "token_expired"),
        ("0", json!({"sub": "a", "exp": 1e300}), "known"),
        ("0", json!({"sub": "a", "exp": 2000, "nbf": 1000.001}), "token_not_yet_valid"),
        ("0", json!({"sub": "a", "exp": 2000, "nbf": 1000}), "known"),
        ("30", json!({"sub": "a", "exp": 970}), "token_expired"),
        ("30", json!({"sub": "a", "exp": 970.001}), "known"),
        ("30", json!({"sub": "a", "exp": 2000, "nbf": 1030}), "known"),
        ("30", json!({"sub": "a", "exp": 2000, "nbf": 1030.001}), "token_not_yet_valid"),
    ] {
        assert_eq!(why_claims(&tokens(&[("JWT_LEEWAY_SECONDS", leeway)]), &claims), expected, "{leeway} {claims}");
    }
    let token = signed(&hs256(), SECRET, &json!({"sub": "a", "exp": 1060}));
    let lenient = tokens(&[("JWT_LEEWAY_SECONDS", "60")]);
    assert_eq!(caller(&lenient, &token).unwrap().login_expires_at, Some(Millis(1_120_000)));
}

#[test]
fn claims_are_there_and_of_their_type() {
    let tokens = tokens(&[]);
    for (claims, expected) in [
        (json!({"sub": "a"}), "token_claim_missing"),
        (json!({"exp": 2000}), "token_claim_missing"),
        (json!({"sub": "a", "exp": "2000"}), "token_malformed"),
        (json!({"sub": "a", "exp": null}), "token_malformed"),
        (json!({"sub": "a", "exp": 2000, "nbf": "0"}), "token_malformed"),
        (json!({"sub": 7, "exp": 2000}), "token_malformed"),
        (json!({"sub": null, "exp": 2000}), "token_malformed"),
        (json!({"sub": "a", "exp": 2000, "iss": ["x"]}), "token_malformed"),
        (json!({"sub": "a", "exp": 2000, "aud": ["x", 7]}), "token_malformed"),
        (json!({"sub": "", "exp": 2000}), "token_subject"),
        (json!({"sub": "a\nb", "exp": 2000}), "token_subject"),
        (json!({"sub": "a", "exp": 2000, "rooms": "lobby"}), "token_rooms"),
        (json!(["a", 2000]), "token_malformed"),
        (json!("a"), "token_malformed"),
    ] {
        assert_eq!(why_claims(&tokens, &claims), expected, "{claims}");
    }
}

#[test]
fn issuer_and_audience_are_required_where_configured() {
    let issuer = "https://login.example.com";
    let tokens = tokens(&[("JWT_ISSUER", issuer), ("JWT_AUDIENCE", "ws")]);
    let claims = |iss: &str, aud: Value| json!({"sub": "a", "exp": 2000, "iss": iss, "aud": aud});
    assert_eq!(why_claims(&tokens, &claims(issuer, json!("ws"))), "known");
    assert_eq!(why_claims(&tokens, &claims(issuer, json!(["api", "ws"]))), "known");
    assert_eq!(why_claims(&tokens, &claims("https://evil.example", json!("ws"))), "token_issuer");
    assert_eq!(why_claims(&tokens, &claims(issuer, json!("api"))), "token_audience");
    assert_eq!(why_claims(&tokens, &claims(issuer, json!([]))), "token_audience");
    assert_eq!(why_claims(&tokens, &json!({"sub": "a", "exp": 2000, "aud": "ws"})), "token_claim_missing");
    assert_eq!(why_claims(&tokens, &json!({"sub": "a", "exp": 2000, "iss": issuer})), "token_claim_missing");
}

#[test]
fn one_of_several_issuers_and_audiences_is_enough() {
    let tokens = tokens(&[("JWT_ISSUER", "https://a.example,b.example"), ("JWT_AUDIENCE", "web, ios")]);
    let claims = |iss: &str, aud: Value| json!({"sub": "a", "exp": 2000, "iss": iss, "aud": aud});
    for (iss, aud, expected) in [
        ("https://a.example", json!("web"), "known"),
        ("b.example", json!("ios"), "known"),
        ("b.example", json!(["other", "ios"]), "known"),
        ("b.example", json!(["web", "ios"]), "known"),
        ("https://a.example,b.example", json!("web"), "token_issuer"),
        ("a.example", json!("web"), "token_issuer"),
        ("", json!("web"), "token_issuer"),
        ("b.example", json!("web, ios"), "token_audience"),
        ("b.example", json!("Web"), "token_audience"),
        ("b.example", json!(""), "token_audience"),
        ("b.example", json!(["*"]), "token_audience"),
        ("b.example", json!([]), "token_audience"),
        ("b.example", json!([["web"]]), "token_malformed"),
        ("b.example", json!(null), "token_malformed"),
    ] {
        assert_eq!(why_claims(&tokens, &claims(iss, aud.clone())), expected, "{iss} {aud}");
    }
    assert_eq!(why_claims(&tokens, &json!({"sub": "a", "exp": 2000, "iss": "b.example"})), "token_claim_missing");
    assert_eq!(why_claims(&tokens, &json!({"sub": "a", "exp": 2000, "aud": "web"})), "token_claim_missing");
}

#[test]
fn the_key_is_what_the_secret_stands_for() {
    let claims = json!({"sub": "a", "exp": 2000});
    let by = |secret: &str| signed(&hs256(), secret, &claims);
    // SECRET once more, as a signer writes it who decodes it.
    let standard = base64::engine::general_purpose::STANDARD.encode(SECRET);
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    for written in
        [format!("base64:{standard}"), format!("base64url:{}", standard.replace('=', "")), format!("hex:{hex}")]
    {
        let written: &'static str = Box::leak(written.into_boxed_str());
        let tokens = tokens(&[("JWT_SECRET", written)]);
        assert_eq!(why(&tokens, &by(SECRET)), "known", "{written}");
        assert_eq!(why(&tokens, &by(written)), "token_signature", "{written}");
        let literal: &'static str = Box::leak(format!("text:{written}").into_boxed_str());
        let tokens = self::tokens(&[("JWT_SECRET", literal)]);
        assert_eq!(why(&tokens, &by(written)), "known", "{literal}");
        assert_eq!(why(&tokens, &by(SECRET)), "token_signature", "{literal}");
    }
}

#[test]
fn the_algorithm_is_ours() {
    let claims = json!({"sub": "a", "exp": 2000});
    let by = |alg: &str| signed(&json!({"alg": alg}), SECRET, &claims);
    let all = tokens(&[("JWT_ALGORITHMS", "HS256,HS384,HS512")]);
    for alg in ["HS256", "HS384", "HS512"] {
        assert_eq!(why(&all, &by(alg)), "known", "{alg}");
        // By the right secret and the wrong hash.
        let (message, _) = by(alg).rsplit_once('.').map(|(message, _)| (message.to_owned(), ())).unwrap();
        let other = mac::<hmac::Hmac<sha2::Sha224>>(SECRET, &message);
        assert_eq!(why(&all, &format!("{message}.{}", URL_SAFE_NO_PAD.encode(other))), "token_signature", "{alg}");
    }
    let tokens = tokens(&[]);
    for alg in ["HS384", "HS512", "RS256", "ES256", "EdDSA", "none", "NONE", "hs256", ""] {
        assert_eq!(why(&tokens, &by(alg)), "token_algorithm", "{alg}");
    }
    // A list with the members in their order, too, is no header.
    let lists = [json!([]), json!(["HS256", null, null]), json!(["HS256", "a", "JWT"])];
    let others = [json!({}), json!({"alg": null}), json!({"alg": ["HS256"]}), json!("HS256")];
    for header in lists.into_iter().chain(others) {
        assert_eq!(why(&tokens, &signed(&header, SECRET, &claims)), "token_malformed", "{header}");
    }
}

#[test]
fn either_secret_verifies_and_no_third() {
    const BEFORE: &str = "the secret before it, of more than 32 bytes";
    let tokens = tokens(&[("JWT_SECRET_PREVIOUS", BEFORE)]);
    let claims = json!({"sub": "a", "exp": 2000});
    for (secret, expected) in
        [(SECRET, "known"), (BEFORE, "known"), ("another", "token_signature"), ("", "token_signature")]
    {
        assert_eq!(why(&tokens, &signed(&hs256(), secret, &claims)), expected, "{secret}");
    }
    // With the secret before it the claims are checked just so.
    assert_eq!(why(&tokens, &signed(&hs256(), BEFORE, &json!({"exp": 2000}))), "token_claim_missing");
}

#[test]
fn the_header_says_nothing_that_is_not_understood() {
    let tokens = tokens(&[]);
    let claims = json!({"sub": "a", "exp": 2000});
    let with = |name: &str, value: Value| {
        let mut header = hs256();
        header[name] = value;
        why(&tokens, &signed(&header, SECRET, &claims))
    };
    for crit in [json!(["b64"]), json!([]), json!("exp"), json!(7), json!(null)] {
        assert_eq!(with("crit", crit), "token_critical_extension");
    }
    assert_eq!(with("kid", json!("any")), "known");
    assert_eq!(with("kid", json!(7)), "token_malformed");
    assert_eq!(with("jku", json!("https://evil.example")), "known");
}

#[test]
fn the_type_is_compared_where_configured() {
    let typed = tokens(&[("JWT_TYP", "at+jwt")]);
    let claims = json!({"sub": "a", "exp": 2000});
    let typ = |typ: Value| why(&typed, &signed(&json!({"alg": "HS256", "typ": typ}), SECRET, &claims));
    for good in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert_eq!(typ(json!(good)), "known", "{good}");
    }
    for bad in [json!("JWT"), json!(""), json!("application/"), json!("application/application/at+jwt"), json!(null)] {
        assert_eq!(typ(bad.clone()), "token_type", "{bad}");
    }
    assert_eq!(why(&typed, &signed(&json!({"alg": "HS256"}), SECRET, &claims)), "token_type");
}

#[test]
fn a_service_of_access_is_known_by_its_name() {
    let mut tokens = tokens(&[]);
    let named = json!({"sub": "", "common_name": "cron.access", "exp": 2000});
    assert_eq!(why_claims(&tokens, &named), "token_subject");
    tokens.subject = SubjectRule::OrCommonName;
    let caller = |claims: &Value| caller(&tokens, &signed(&hs256(), SECRET, claims)).map(|it| String::from(it.subject));
    assert_eq!(caller(&named), Ok("cron.access".to_owned()));
    assert_eq!(caller(&json!({"sub": "alice", "common_name": "x", "exp": 2000})), Ok("alice".to_owned()));
    assert_eq!(caller(&json!({"sub": "", "exp": 2000})), Err(NotKnown::Refused("token_subject")));
    assert_eq!(caller(&json!({"sub": "", "common_name": 7, "exp": 2000})), Err(NotKnown::Refused("token_malformed")));
}

#[test]
fn parts_are_what_they_should_be() {
    let tokens = tokens(&[]);
    let good = signed(&hs256(), SECRET, &json!({"sub": "a", "exp": 2000}));
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    for bad in [
        String::new(),
        "..".to_owned(),
        format!("{header}.{payload}"),
        format!("{good}.{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{good}="),
        format!("{header}.{payload}.+{signature}"),
        format!("{good}, {good}"),
        ".".repeat(6000),
    ] {
        assert_eq!(why(&tokens, &bad), "token_malformed", "{bad}");
    }
    for (bad, expected) in [
        (format!("{header}.{payload}."), "token_signature"),
        (format!("{header}.{payload}.AAAA"), "token_signature"),
        ("x".repeat(MAX + 1), "token_too_long"),
        (format!("wst_k_{}", "a".repeat(43)), "token_is_ticket"),
    ] {
        assert_eq!(why(&tokens, &bad), expected, "{bad}");
    }
}

proptest! {
    #[test]
    fn any_text_is_no_token(text: String) {
        prop_assert!(caller(&tokens(&[]), &text).is_err());
    }

    #[test]
    fn any_parts_are_no_token(header: Vec<u8>, payload: Vec<u8>, signature: Vec<u8>) {
        let parts = [header, payload, signature].map(|part| URL_SAFE_NO_PAD.encode(part));
        prop_assert!(caller(&tokens(&[]), &parts.join(".")).is_err());
    }

    /// What is signed may still be anything.
    #[test]
    fn any_claims_are_read_or_refused(sub: Option<String>, exp: Option<f64>, nbf: Option<f64>, rooms: Option<Vec<String>>, more: String) {
        let claims = json!({"sub": sub, "exp": exp, "nbf": nbf, "rooms": rooms, "more": more});
        let mut claims = claims.as_object().unwrap().clone();
        claims.retain(|_, value| !value.is_null());
        let tokens = tokens(&[("TICKET_CLAIMS", "more,exp")]);
        if let Ok(caller) = caller(&tokens, &signed(&hs256(), SECRET, &Value::from(claims))) {
            prop_assert!(caller.login_expires_at > Some(NOW));
            prop_assert_eq!(caller.rooms, rooms);
        }
    }

    /// One byte that is changed, wherever, and it is refused.
    #[test]
    fn a_changed_token_is_refused(at: prop::sample::Index, byte in prop::sample::select(b"AZaz09_-.".to_vec())) {
        let good = signed(&hs256(), SECRET, &json!({"sub": "alice", "exp": 2000}));
        let mut changed = good.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] = byte;
        let changed = String::from_utf8(changed).unwrap();
        prop_assume!(changed != good);
        prop_assert!(caller(&tokens(&[]), &changed).is_err());
    }
}
