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

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn ec(curve: &str, size: usize) -> Value {
    json!({"kty": "EC", "crv": curve, "x": b64(&vec![1; size]), "y": b64(&vec![2; size])})
}

fn ed() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": "", "x": b64(&[3; 32])})
}

fn public(jwk: Value) -> Value {
    serde_json::from_str(&keys(&[jwk])[0].public).unwrap()
}

#[test]
fn keys_of_every_kind_are_taken() {
    let taken = keys(&[rsa(), ec("P-256", 32), ec("P-384", 48), ec("P-521", 66), ed()]);
    let kinds: Vec<_> = taken.iter().map(|key| (key.kind, key.kid.as_deref())).collect();
    let (p384, p521) = ((KeyKind::P384, None), (KeyKind::P521, None));
    assert_eq!(kinds, [(KeyKind::Rsa, Some("r")), (KeyKind::P256, None), p384, p521, (KeyKind::Ed25519, Some(""))]);
    let expected = json!({"kty": "EC", "crv": "P-256", "x": b64(&[1; 32]), "y": b64(&[2; 32])});
    assert_eq!(public(ec("P-256", 32)), expected);
    for other in
        [ec("secp256k1", 32), ec("p-256", 32), with(ed(), "crv", json!("Ed448")), with(ed(), "crv", json!("X25519"))]
    {
        assert_eq!(keys(&[other]), []);
    }
}

/// A key as .NET, hand-made scripts and others write it: it is the same key.
#[test]
fn what_says_nothing_does_no_harm() {
    for (name, value) in [
        ("use", json!(null)),
        ("use", json!("sig")),
        ("use", json!("")),
        ("alg", json!("")),
        ("key_ops", json!(null)),
        ("key_ops", json!([])),
        ("key_ops", json!(["verify"])),
        ("key_ops", json!(["sign", "verify", "wrapKey", 7])),
        ("alg", json!(null)),
        ("alg", json!("RS256")),
        ("crv", json!(null)),
        ("x", json!(null)),
        ("y", json!(7)),
        ("x5c", json!(["MIID"])),
        ("x5t", json!("AAAA")),
        ("x5u", json!(null)),
        ("x5c", json!([])),
        ("ext", json!(true)),
        ("issuer", json!("https://login.example/{tenantid}/v2.0")),
        ("exp", json!(1)),
        ("d", json!(null)),
        ("oth", json!([])),
    ] {
        let [taken] = &keys(&[with(rsa(), name, value.clone())])[..] else { panic!("{name} {value}") };
        assert!(taken.fits(Algorithm::Rs256), "{name} {value}");
        assert_eq!(taken.public, keys(&[rsa()])[0].public, "{name} {value}");
        assert_eq!(taken.kid.as_deref(), Some("r"));
    }
    assert_eq!(keys(&[with(rsa(), "kid", json!(null))])[0].kid, None);
    assert_eq!(public(with(ed(), "y", json!(null))), public(ed()));
}

#[test]
fn numbers_are_read_as_they_are_written_and_go_on_as_they_should_be() {
    let padded = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE.encode(bytes);
    let standard = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let modulus = [0xfb_u8; 256];
    for n in [
        padded(&modulus),
        standard(&modulus),
        b64(&[&[0], &modulus[..]].concat()),
        padded(&[&[0, 0], &modulus[..]].concat()),
    ] {
        assert_eq!(public(with(rsa(), "n", json!(n)))["n"], b64(&modulus), "{n}");
    }
    for e in ["AQAB", "AQAB====", "AAEAAQ", "AAEAAQ=="] {
        let taken = keys(&[with(rsa(), "e", json!(e))]);
        assert_eq!(taken.is_empty(), e == "AQAB====", "{e}");
        assert!(taken.iter().all(|key| key.public.contains(r#""e":"AQAB""#)), "{e}");
    }
    // A coordinate whose first byte is 0, with that byte, without it, with one more.
    let x = [&[0], &[0xfe; 31][..]].concat();
    for written in [b64(&x), b64(&x[1..]), b64(&[&[0], &x[..]].concat()), padded(&x), standard(&x)] {
        assert_eq!(public(with(ec("P-256", 32), "x", json!(written)))["x"], b64(&x), "{written}");
    }
    assert_eq!(keys(&[ec("P-256", 33), ec("P-384", 49), ec("P-521", 67)]), []);
    for ed in [padded(&[0xfb; 32]), standard(&[0xfb; 32])] {
        assert_eq!(public(with(self::ed(), "x", json!(ed)))["x"], b64(&[0xfb; 32]), "{ed}");
    }
    // Here a zero is a part of the key.
    assert_eq!(keys(&[with(ed(), "x", json!(b64(&[3; 31]))), with(ed(), "x", json!(b64(&[0; 33])))]), []);
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
        ("use", json!(["sig"])),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!("verify")),
        ("kid", json!(7)),
        ("alg", json!(["RS256"])),
        ("kty", json!("oct")),
        ("kty", json!("rsa")),
        ("n", json!(URL_SAFE_NO_PAD.encode([0xff; 255]))),
        ("n", json!("!")),
        ("n", json!(7)),
        ("e", json!(null)),
        ("e", json!("")),
        ("e", json!("AA")),
        ("e", json!(65537)),
        ("n", json!("A")),
        ("kty", json!(null)),
    ] {
        let taken = keys(&[with(rsa(), name, value.clone()), rsa()]);
        assert_eq!(taken.len(), 1, "{name} {value}");
    }
    let others = [json!(null), json!("key"), json!([]), json!({}), json!({"kty": "EC", "x": "AQ", "y": "AQ"})];
    assert_eq!(keys(&others), []);
}

#[test]
fn a_key_fits_its_algorithms() {
    const ALL: [&str; 14] = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
        "EdDSA", "Ed25519",
    ];
    let fits = |jwk: Value| {
        let key = keys(&[jwk]).remove(0);
        let names = ALL.iter().filter(|name| key.fits(Algorithm::of(name).unwrap()));
        names.copied().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(fits(rsa()), "RS256 RS384 RS512 PS256 PS384 PS512");
    assert_eq!(fits(with(rsa(), "alg", json!("PS256"))), "PS256");
    assert_eq!(fits(with(rsa(), "alg", json!("RS512"))), "RS512");
    assert_eq!(fits(ec("P-256", 32)), "ES256");
    assert_eq!(fits(ec("P-384", 48)), "ES384");
    assert_eq!(fits(ec("P-521", 66)), "ES512");
    // Two names of one algorithm.
    for jwk in [ed(), with(ed(), "alg", json!("EdDSA")), with(ed(), "alg", json!("Ed25519"))] {
        assert_eq!(fits(jwk), "EdDSA Ed25519");
    }
    for other in ["HS256", "ES256", "rs256", " ", "RSA-OAEP", "none"] {
        assert_eq!(fits(with(rsa(), "alg", json!(other))), "", "{other}");
    }
    assert_eq!(fits(with(ec("P-384", 48), "alg", json!("ES256"))), "");
}

#[test]
fn what_cannot_be_read_costs_at_most_its_own_key() {
    let good = rsa().to_string();
    let members = [r#""x5c":1e400"#, r#""x5t":"\ud800""#, r#""\ud800":1"#, r#""more":{"deep":[-1e999,"\udc00x"]}"#];
    for member in members {
        let same = good.replacen('{', &format!("{{{member},"), 1);
        for set in [
            format!(r#"{{"keys":[{same}]}}"#),
            format!(r#"{{{member},"keys":[{good}]}}"#),
            format!(r#"{{"keys":[{{"kty":"oct",{member}}},{good}]}}"#),
        ] {
            let taken = read(set.as_bytes()).unwrap();
            assert_eq!(taken, keys(&[rsa()]), "{set}");
        }
    }
    // Where it counts, too.
    for member in [r#""kid":1e400"#, r#""kid":"\ud800""#, r#""n":"\ud800""#, r#""key_ops":[1e400]"#, r#""kty":-1e400"#]
    {
        let set = format!(r#"{{"keys":[{{"kty":"RSA",{member}}},{good}]}}"#);
        assert_eq!(read(set.as_bytes()).unwrap(), keys(&[rsa()]), "{set}");
    }
    let latin = [br#"{"keys":[{"x":"J"#, &b"\xf6rg"[..], br#""},"#, good.as_bytes(), b"]}"].concat();
    assert_eq!(read(&latin).unwrap(), keys(&[rsa()]));
    // What isn't JSON is no set, wherever it is.
    for member in [r#""x5c":1e"#, r#""x5c":'a'"#, r#""x5c":"\u12""#, r#""x5c":NaN"#] {
        let set = format!(r#"{{"keys":[{{{member}}},{good}]}}"#);
        assert_eq!(read(set.as_bytes()), Err(NoSet::Malformed), "{set}");
    }
}

#[test]
fn a_mark_of_the_byte_order_in_front_does_no_harm() {
    let set = json!({"keys": [rsa()]}).to_string();
    assert_eq!(read(format!("\u{feff}{set}").as_bytes()).unwrap(), keys(&[rsa()]));
    for bad in [format!("\u{feff}\u{feff}{set}"), format!("{set}\u{feff}")] {
        assert_eq!(read(bad.as_bytes()), Err(NoSet::Malformed));
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
