//! Which keys of a set are taken, and whose token is whose.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn rsa() -> Value {
    json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQAB"})
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

fn keys(keys: &[Value]) -> Vec<Jwk> {
    read(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

#[test]
fn keys_of_three_kinds_are_taken() {
    let ec = json!({"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ"});
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "kid": "", "x": "eA"});
    let taken = keys(&[rsa(), ec, ed]);
    let kinds: Vec<_> = taken.iter().map(|key| (key.kind, key.kid.as_deref())).collect();
    assert_eq!(kinds, [(KeyKind::Rsa, Some("r")), (KeyKind::P256, None), (KeyKind::Ed25519, Some(""))]);
    assert_eq!(taken[1].public, r#"{"crv":"P-256","kty":"EC","x":"eA","y":"eQ"}"#);
}

#[test]
fn nothing_but_public_members_goes_on() {
    let secret = with(with(rsa(), "d", json!("AQAB")), "key_ops", json!(["sign", "verify"]));
    let public: Value = serde_json::from_str(&keys(&[secret])[0].public).unwrap();
    let names: Vec<_> = public.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["e", "kty", "n"]);
}

#[test]
fn what_is_for_something_else_is_left_and_does_no_harm() {
    for (name, value) in [
        ("use", json!("enc")),
        ("use", json!("")),
        ("use", json!(null)),
        ("use", json!(["sig"])),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!([])),
        ("key_ops", json!("verify")),
        ("kid", json!(7)),
        ("kid", json!(null)),
        ("alg", json!(["RS256"])),
        ("kty", json!("oct")),
        ("kty", json!("rsa")),
        ("n", json!(URL_SAFE_NO_PAD.encode([0xff; 255]))),
        ("n", json!("!")),
        ("n", json!(7)),
        ("e", json!(null)),
    ] {
        let taken = keys(&[with(rsa(), name, value.clone()), rsa()]);
        assert_eq!(taken.len(), 1, "{name} {value}");
    }
    let others =
        [json!(null), json!("key"), json!([]), json!({}), json!({"kty": "EC", "crv": "P-384", "x": "", "y": ""})];
    assert_eq!(keys(&others), []);
}

#[test]
fn a_key_fits_its_algorithms() {
    let fits = |jwk: Value| {
        let key = keys(&[jwk]).remove(0);
        [Algorithm::RS256, Algorithm::PS256, Algorithm::RS512, Algorithm::ES256, Algorithm::HS256]
            .map(|it| key.fits(it))
    };
    assert_eq!(fits(rsa()), [true, true, false, false, false]);
    assert_eq!(fits(with(rsa(), "alg", json!("PS256"))), [false, true, false, false, false]);
    for other in ["RS512", "HS256", "ES256", "rs256", "", "RSA-OAEP"] {
        assert_eq!(fits(with(rsa(), "alg", json!(other))), [false; 5], "{other}");
    }
}

#[test]
fn a_set_is_an_object_with_a_list_of_few_keys() {
    for text in ["", "[]", "null", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[]"#, "<html>", "\u{feff}{}"]
    {
        assert_eq!(read(text.as_bytes()), Err(NoSet::Malformed), "{text}");
    }
    assert_eq!(read(b"{\"keys\":[\xff]}"), Err(NoSet::Malformed));
    assert_eq!(read(br#"{"keys":[],"more":1}"#), Ok(vec![]));
    let many = |count| read(json!({"keys": vec![json!({}); count]}).to_string().as_bytes());
    assert_eq!((many(64), many(65)), (Ok(vec![]), Err(NoSet::TooLarge)));
}

#[test]
fn a_token_names_its_key() {
    let entry = |kid: Option<&str>, algorithm, key| Entry { kid: kid.map(str::to_owned), algorithm, key };
    let entries = [
        entry(Some("a"), Algorithm::RS256, 1),
        entry(Some("a"), Algorithm::PS256, 2),
        entry(Some("b"), Algorithm::RS256, 3),
        entry(Some("b"), Algorithm::RS256, 4),
        entry(None, Algorithm::RS256, 5),
        entry(None, Algorithm::ES256, 6),
        entry(None, Algorithm::ES256, 7),
    ];
    for (algorithm, kid, expected) in [
        (Algorithm::RS256, Some("a"), vec![1]),
        (Algorithm::PS256, Some("a"), vec![2]),
        (Algorithm::ES256, Some("a"), vec![]),
        // Two of one name is against the rules, and yet each may be the one.
        (Algorithm::RS256, Some("b"), vec![3, 4]),
        (Algorithm::RS256, Some("A"), vec![]),
        (Algorithm::RS256, Some(""), vec![]),
        (Algorithm::RS256, None, vec![5]),
        (Algorithm::ES256, None, vec![]),
        (Algorithm::EdDSA, None, vec![]),
    ] {
        let chosen: Vec<_> = choose(&entries, algorithm, kid).iter().map(|entry| entry.key).collect();
        assert_eq!(chosen, expected, "{algorithm:?} {kid:?}");
    }
}

/// JSON of any kind, with names that mean something here among others.
fn json_of_any_kind() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        prop::sample::select(vec!["keys", "kty", "crv", "kid", "use", "key_ops", "alg", "n", "e", "x", "y"])
            .prop_map(str::to_owned),
        any::<String>(),
    ];
    let text = prop_oneof![
        prop::sample::select(vec!["RSA", "EC", "OKP", "P-256", "Ed25519", "sig", "verify", "RS256", "AQAB"])
            .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_set_or_none(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn any_json_is_a_set_or_none(document in json_of_any_kind(), more in prop::collection::vec(json_of_any_kind(), 0..5)) {
        let _ = read(document.to_string().as_bytes());
        let keys = [more, vec![rsa()]].concat();
        let taken = read(json!({"keys": keys}).to_string().as_bytes()).unwrap();
        prop_assert!(taken.iter().any(|key| key.kid.as_deref() == Some("r")), "the good one is gone");
        for key in taken {
            let public: Value = serde_json::from_str(&key.public).unwrap();
            let members = public.as_object().unwrap();
            prop_assert!(members.keys().all(|name| ["kty", "crv", "n", "e", "x", "y"].contains(&name.as_str())));
        }
    }
}
