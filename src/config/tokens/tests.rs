//! What is accepted and refused of the settings about tokens.

use crate::config::given::Given;
use crate::config::{Algorithm, Config, IdentityChoice, Keys, PUBLIC_JWT_SECRET, TokenSettings};

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
        Keys::Secrets(secrets) => {
            secrets.iter().map(|secret| String::from_utf8(secret.reveal().to_vec()).unwrap()).collect::<Vec<_>>()
        }
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
    assert_eq!(algorithms(&[secret]), Ok(vec![Algorithm::Hs256]));
    assert_eq!(algorithms(&[ed]), Ok(vec![Algorithm::Ed25519]));
    assert_eq!(algorithms(&[p256]), Ok(vec![Algorithm::Es256]));
    assert_eq!(algorithms(&SET), Ok(vec![Algorithm::Rs256]));
    let named = |source: (&'static str, &'static str), text| algorithms(&[source, ("JWT_ALGORITHMS", text)]);
    for bad in ["none", "hs256", "HS256,HS256", "HS256,", "RS256", "HS256,ES256", "*", "HS256 HS384", "\"HS256\""] {
        assert_eq!(named(secret, bad), Err(vec!["JWT_ALGORITHMS"]), "{bad}");
    }
    // Two names of one algorithm.
    for good in ["EdDSA", "Ed25519", "EdDSA,Ed25519", " Ed25519 , EdDSA\n"] {
        assert_eq!(named(ed, good), Ok(vec![Algorithm::Ed25519]), "{good:?}");
    }
    for bad in
        ["HS256", "EdDSA,HS256", "ESP256", "Ed448", "ES256K", "eddsa", "EdDSA,EdDSA", "RS256,EdDSA", "EdDSA,ES256"]
    {
        assert_eq!(named(ed, bad), Err(vec!["JWT_ALGORITHMS"]), "{bad}");
    }
    assert_eq!(named(ed, "ES256"), Err(vec!["JWT_PUBLIC_KEY"]));
    let all = "RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA";
    let set = |text| algorithms(&[&SET[..], &[("JWT_ALGORITHMS", text)]].concat());
    assert_eq!(set(all).map(|algorithms| algorithms.len()), Ok(10));
    assert_eq!(set("ES512, Ed25519"), Ok(vec![Algorithm::Es512, Algorithm::Ed25519]));
    let hmacs = named(
        ("JWT_SECRET", concat!("0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef")),
        "HS512,HS256",
    );
    assert_eq!(hmacs, Ok(vec![Algorithm::Hs512, Algorithm::Hs256]));
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
fn a_secret_in_base64_is_as_long_as_its_bytes() {
    let read = |name, text: String| {
        let text: &'static str = Box::leak(text.into_boxed_str());
        read(&[&[("JWT_SECRET", SECRET), ("JWT_ALGORITHMS", "HS256")][..], &[(name, text)]].concat()).map(|it| it.keys)
    };
    // Given twice, the last one counts.
    for name in ["JWT_SECRET", "JWT_SECRET_PREVIOUS"] {
        for (text, good) in [
            (format!("base64:{}", "A".repeat(43)), true),
            (format!("base64:{}", "A".repeat(42)), false),
            (format!("base64url:{}=", "_".repeat(43)), true),
            (format!("hex:{}", "0f".repeat(32)), true),
            (format!("hex:{}", "0f".repeat(31)), false),
            (format!("text:{}", "a".repeat(32)), true),
            (format!("text:{}", "a".repeat(31)), false),
            (format!("base64:{}!", "A".repeat(60)), false),
            (format!("{SECRET}\n"), false),
            (format!("\"{SECRET}\""), false),
            // The public one of .dev.vars.example, dressed up.
            ("base64:ZGV2ZWxvcG1lbnQtb25seS1zZWNyZXQtbm90LWZvci1wcm9kdWN0aW9u".to_owned(), false),
            (format!("text:{PUBLIC_JWT_SECRET}"), false),
        ] {
            let keys = read(name, text.clone());
            assert_eq!(keys.is_ok(), good, "{name} {text}");
            assert!(good || keys == Err(vec![name]), "{name} {text}");
        }
    }
    let Ok(Keys::Secrets(secrets)) = read("JWT_SECRET", format!("hex:{}", "0f".repeat(32))) else { panic!("not read") };
    assert_eq!(secrets[0].reveal(), [0x0f; 32]);
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
fn issuers_and_audiences_are_lists() {
    let listed = |name, text| read(&[&SET[..1], &[SET[1], SET[2], (name, text)][..]].concat());
    let audiences = |text| listed("JWT_AUDIENCE", text).map(|it| it.audiences.join(" "));
    let issuers = |text| listed("JWT_ISSUER", text).map(|it| it.issuers.join(" "));
    for (text, expected) in [
        ("web,ios", "web ios"),
        ("web , ios\n", "web ios"),
        ("*", ""),
        (" *\n", ""),
        ("api://default,urn:x:y", "api://default urn:x:y"),
        ("https://api.example/?x=1#y", "https://api.example/?x=1#y"),
        ("聊天", "聊天"),
        ("https://api.example/a;v=1", "https://api.example/a;v=1"),
        ("/projects/1/global/backendServices/2", "/projects/1/global/backendServices/2"),
    ] {
        assert_eq!(audiences(text), Ok(expected.to_owned()), "{text:?}");
    }
    assert_eq!(issuers("https://a.example/,accounts.example"), Ok("https://a.example/ accounts.example".to_owned()));
    for bad in [
        "web,",
        ",web",
        ",",
        "web,,ios",
        "web,web",
        "web ios",
        "web;x\ty",
        "\"web\"",
        "'web'",
        "\"web,ios\"",
        "<client id>",
        "{tenant}",
        "https://login.example/{tenantid}/v2.0",
        "https://<domain>/",
        "https://*.example",
        "web,*",
        "a\u{0}b",
        "a|b",
        "a\\b",
        "web\u{200b}",
        "\u{feff}web",
        "web，ios",
        "web；ios",
        "web、ios",
        "web;ios",
        "https://a.example;https://b.example",
        "`web`",
        "“web”",
        "‘web’",
        "「web」",
        "[client-id]",
        "${AUDIENCE}",
    ] {
        assert_eq!(audiences(bad), Err(vec!["JWT_AUDIENCE"]), "{bad:?}");
        assert_eq!(issuers(bad), Err(vec!["JWT_ISSUER"]), "{bad:?}");
    }
    assert_eq!(issuers("*"), Err(vec!["JWT_ISSUER"]));
    // Of several, too: it would never be what a token says.
    assert_eq!(issuers("https://a.example,https://login.microsoftonline.com/common/v2.0"), Err(vec!["JWT_ISSUER"]));
    assert_eq!(issuers("https://a.example/.well-known/openid-configuration"), Err(vec!["JWT_ISSUER"]));
    // Without a set of keys, too.
    let with_secret = |text| read(&[("JWT_SECRET", SECRET), ("JWT_AUDIENCE", text)]).map(|it| it.audiences.len());
    assert_eq!((with_secret("web,ios"), with_secret("*"), with_secret("")), (Ok(2), Ok(0), Ok(0)));
    assert_eq!(with_secret("web ios"), Err(vec!["JWT_AUDIENCE"]));
}

#[test]
fn whoever_publishes_keys_signs_for_many() {
    assert_eq!(read(&SET[..1]).unwrap_err(), ["JWT_ISSUER", "JWT_AUDIENCE"]);
    let any = read(&[SET[0], SET[1], ("JWT_AUDIENCE", "*")]).unwrap();
    assert_eq!((any.issuers, any.audiences), (vec!["https://login.example".to_owned()], vec![]));
    assert_eq!(read(&SET).unwrap().audiences, ["chat"]);
    let secret = read(&[("JWT_SECRET", SECRET)]).unwrap();
    assert_eq!((secret.issuers.len(), secret.audiences.len(), secret.typ, secret.leeway_seconds), (0, 0, None, 0));
}

#[test]
fn the_set_is_where_it_can_be_asked_for() {
    let at = |url, environment| read(&[("JWT_JWKS_URL", url), SET[1], SET[2], ("ENVIRONMENT", environment)]);
    for good in [
        "https://login.example/keys?v=1",
        "https://login.example/common/discovery/v2.0/keys",
        "https://www.googleapis.com/robot/v1/metadata/jwk/securetoken@system.gserviceaccount.com",
        "https://login.example/.well-known/openid-configuration/jwks",
    ] {
        assert!(at(good, "").is_ok(), "{good}");
    }
    assert!(at("http://127.0.0.1:8788/jwks.json", "development").is_ok());
    for bad in [
        "http://login.example/jwks",
        "login.example/jwks",
        "ftp://login.example/jwks",
        "https://",
        "https://a:b@login.example/jwks",
        "https://a@login.example/jwks",
        "https://login.example/jwks#x",
        "https://login.example/jwks\n",
        "https://login.example/jwks,https://other.example/jwks",
        "\"https://login.example/jwks\"",
        "https://login.example/{tenant}/discovery/v2.0/keys",
        "https://<domain>/.well-known/jwks.json",
        "https://login.example/.well-known/openid-configuration",
        "https://www.googleapis.com/oauth2/v1/certs",
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
    for bad in ["application/", "at jwt", "at+jwt,JWT", "text/plain", "é", "*", "at+*", "'JWT'", "`JWT`", "+jwt"] {
        assert_eq!(typ(bad), Err(vec!["JWT_TYP"]), "{bad}");
    }
}
