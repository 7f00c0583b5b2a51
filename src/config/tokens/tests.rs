//! What is accepted and refused of the settings about tokens.

use crate::config::given::Given;
use crate::config::{Config, IdentityChoice, Keys, PUBLIC_JWT_SECRET, TokenSettings};
use jsonwebtoken::Algorithm;

use super::media_type;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "another secret of enough bytes for it";
const ED25519: &str = "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEAo78KGN8f64RpqXkMvB1/jYc035qMcDCFK52o3dAA6y0=\\n-----END PUBLIC KEY-----";
const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHiNqJs2thfwlbs6dJYIz7kVPRV5J
eZMO6ZHQ8tiNT6Jpsgs4XOef7tAdqpklcWliTWXB5Jmc0Wnp7lqQ2t1RgA==
-----END PUBLIC KEY-----";
const SET: [(&str, &str); 3] =
    [("JWT_JWKS_URL", "https://login.example/jwks"), ("JWT_ISSUER", "https://login.example"), ("JWT_AUDIENCE", "chat")];

type Texts<'a> = &'a [(&'static str, &'static str)];

fn read(texts: Texts<'_>) -> Result<TokenSettings, Vec<&'static str>> {
    match Config::read(&Given::of(texts.iter().copied())) {
        Ok(Config { identity: IdentityChoice::Jwt(settings), .. }) => Ok(settings),
        Ok(_) => panic!("not asked for"),
        Err(problems) => Err(problems.iter().map(|problem| problem.name).collect()),
    }
}

fn algorithms(texts: Texts<'_>) -> Result<Vec<Algorithm>, Vec<&'static str>> {
    read(texts).map(|settings| settings.algorithms)
}

#[test]
fn keys_come_from_one_source() {
    let secret = ("JWT_SECRET", SECRET);
    let public = ("JWT_PUBLIC_KEY", P256);
    assert!(matches!(read(&[secret]).unwrap().keys, Keys::Secrets(secrets) if secrets.len() == 1));
    assert!(matches!(read(&[public]).unwrap().keys, Keys::Public(keys) if keys.len() == 1));
    let url = SET[0].1;
    assert_eq!(read(&SET).unwrap().keys, Keys::Set { url: url.to_owned(), timeout_ms: 3_000 });
    let with = |more: &[_]| read(&[&SET[..], more].concat()).unwrap_err();
    assert_eq!(with(&[secret]), ["JWT_JWKS_URL"]);
    assert_eq!(with(&[public]), ["JWT_JWKS_URL"]);
    assert_eq!(with(&[secret, public]), ["JWT_PUBLIC_KEY", "JWT_JWKS_URL"]);
    assert_eq!(read(&[secret, public]).unwrap_err(), ["JWT_PUBLIC_KEY"]);
    assert_eq!(read(&[]).unwrap_err(), ["JWT_SECRET"]);
}

#[test]
fn the_secret_before_this_one_verifies_too() {
    let secrets = |texts: Texts<'_>| match read(texts).unwrap().keys {
        Keys::Secrets(secrets) => secrets.iter().map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(secrets(&[("JWT_SECRET", SECRET), ("JWT_SECRET_PREVIOUS", OTHER)]), [SECRET, OTHER]);
    let previous = |text| read(&[("JWT_SECRET", SECRET), ("JWT_SECRET_PREVIOUS", text)]).unwrap_err();
    assert_eq!(previous("short"), ["JWT_SECRET_PREVIOUS"]);
    assert_eq!(previous(PUBLIC_JWT_SECRET), ["JWT_SECRET_PREVIOUS"]);
    let public = [("JWT_PUBLIC_KEY", P256), ("JWT_SECRET_PREVIOUS", OTHER)];
    assert_eq!(read(&public).unwrap_err(), ["JWT_SECRET_PREVIOUS"]);
}

#[test]
fn algorithms_are_named_or_follow_from_the_keys() {
    let (secret, ed, p256) = (("JWT_SECRET", SECRET), ("JWT_PUBLIC_KEY", ED25519), ("JWT_PUBLIC_KEY", P256));
    assert_eq!(algorithms(&[secret]), Ok(vec![Algorithm::HS256]));
    assert_eq!(algorithms(&[ed]), Ok(vec![Algorithm::EdDSA]));
    assert_eq!(algorithms(&[p256]), Ok(vec![Algorithm::ES256]));
    assert_eq!(algorithms(&SET), Ok(vec![Algorithm::RS256]));
    let named = |source: (&'static str, &'static str), text| algorithms(&[source, ("JWT_ALGORITHMS", text)]);
    assert_eq!(named(ed, "RS256, EdDSA"), Ok(vec![Algorithm::RS256, Algorithm::EdDSA]));
    for bad in ["none", "hs256", "HS256,HS256", "HS256,", "RS256", "HS256,ES256", "*"] {
        assert_eq!(named(secret, bad), Err(vec!["JWT_ALGORITHMS"]), "{bad}");
    }
    for bad in ["HS256", "EdDSA,HS256", "RS384", "ES384", "Ed25519"] {
        assert_eq!(named(ed, bad), Err(vec!["JWT_ALGORITHMS"]), "{bad}");
    }
    assert_eq!(named(ed, "ES256"), Err(vec!["JWT_PUBLIC_KEY"]));
}

#[test]
fn a_secret_is_as_long_as_its_hash() {
    for (algorithms, bytes) in [("", 32), ("HS256", 32), ("HS384", 48), ("HS512", 64), ("HS256,HS384", 48)] {
        for (len, good) in [(bytes - 1, false), (bytes, true)] {
            let secret: &'static str = Box::leak("s".repeat(len).into_boxed_str());
            let read = read(&[("JWT_SECRET", secret), ("JWT_ALGORITHMS", algorithms)]);
            assert_eq!(read.is_ok(), good, "{algorithms} {len}");
        }
    }
}

#[test]
fn a_key_in_pem_is_no_secret() {
    for pem in [P256, ED25519, "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----"] {
        assert_eq!(read(&[("JWT_SECRET", pem)]).unwrap_err(), ["JWT_SECRET"]);
        let previous = [("JWT_SECRET", SECRET), ("JWT_SECRET_PREVIOUS", pem)];
        assert_eq!(read(&previous).unwrap_err(), ["JWT_SECRET_PREVIOUS"]);
    }
}

#[test]
fn whoever_publishes_keys_signs_for_many() {
    assert_eq!(read(&SET[..1]).unwrap_err(), ["JWT_ISSUER", "JWT_AUDIENCE"]);
    let any = read(&[SET[0], SET[1], ("JWT_AUDIENCE", "*")]).unwrap();
    assert_eq!((any.issuer.as_deref(), any.audience), (Some("https://login.example"), None));
    assert_eq!(read(&SET).unwrap().audience.as_deref(), Some("chat"));
    let secret = read(&[("JWT_SECRET", SECRET)]).unwrap();
    assert_eq!((secret.issuer, secret.audience, secret.typ, secret.leeway_seconds), (None, None, None, 0));
}

#[test]
fn the_set_is_where_it_can_be_asked_for() {
    let at = |url, environment| read(&[("JWT_JWKS_URL", url), SET[1], SET[2], ("ENVIRONMENT", environment)]);
    assert!(at("https://login.example/keys?v=1", "").is_ok());
    assert!(at("http://127.0.0.1:8788/jwks.json", "development").is_ok());
    for bad in [
        "http://login.example/jwks",
        "login.example/jwks",
        "ftp://login.example/jwks",
        "https://",
        "https://a:b@login.example/jwks",
        "https://a@login.example/jwks",
        "https://login.example/jwks#x",
    ] {
        assert_eq!(at(bad, "").unwrap_err(), ["JWT_JWKS_URL"], "{bad}");
    }
}

#[test]
fn leeway_is_a_minute_at_most() {
    let leeway = |text| read(&[("JWT_SECRET", SECRET), ("JWT_LEEWAY_SECONDS", text)]).map(|it| it.leeway_seconds);
    assert_eq!((leeway("0"), leeway("60")), (Ok(0), Ok(60)));
    for bad in ["61", "-1", "1.5", "ten"] {
        assert_eq!(leeway(bad), Err(vec!["JWT_LEEWAY_SECONDS"]), "{bad}");
    }
}

#[test]
fn the_type_of_a_token_is_a_media_type() {
    let typ = |text| read(&[("JWT_SECRET", SECRET), ("JWT_TYP", text)]).map(|it| it.typ);
    for (text, expected) in [("at+jwt", "at+jwt"), ("JWT", "jwt"), ("Application/AT+JWT", "at+jwt")] {
        assert_eq!(typ(text), Ok(Some(expected.to_owned())));
        assert_eq!(media_type(text), expected);
    }
    for bad in ["application/", "at jwt", "at+jwt,JWT", "text/plain", "é"] {
        assert_eq!(typ(bad), Err(vec!["JWT_TYP"]), "{bad}");
    }
}
