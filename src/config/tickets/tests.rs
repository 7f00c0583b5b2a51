//! What is accepted and refused of the settings about the check of tickets, and where its keys come from.

use crate::config::given::Given;
use crate::config::{CheckKey, Config, PUBLIC_JWT_SECRET, SHARD_BINDING};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const BEFORE: &str = "the login's secret before this one";
const KEY: &str = "a ticket key of enough bytes for it";
/// `a key that two settings have, twice`, written otherwise.
const ENCODED: (&str, &str) = ("JWT_SECRET_PREVIOUS", "base64:YSBrZXkgdGhhdCB0d28gc2V0dGluZ3MgaGF2ZSwgdHdpY2U=");
const OTHER: &str = "another ticket key of enough bytes";

const JWT: (&str, &str) = ("JWT_SECRET", SECRET);
const DEV: [(&str, &str); 2] = [("ENVIRONMENT", "development"), ("IDENTITY", "dev")];
const FORWARD: [(&str, &str); 2] = [("IDENTITY", "forward"), ("AUTH_URL", "https://login.example/auth")];

type Texts<'a> = &'a [&'a [(&'static str, &'static str)]];

fn read(texts: Texts<'_>) -> Result<Config, Vec<(&'static str, &'static str)>> {
    let given = Given { bound: vec![SHARD_BINDING], ..Given::of(texts.concat()) };
    Config::read(&given).map_err(|wrong| wrong.iter().map(|problem| (problem.name, problem.problem)).collect())
}

/// The keys, those that are derived marked by `derived `.
fn keys(texts: Texts<'_>) -> Vec<String> {
    let shown = |key: &CheckKey| match key {
        CheckKey::Own(secret) => secret.reveal().to_owned(),
        CheckKey::DerivedFrom(secret) => format!("derived {}", String::from_utf8_lossy(secret.reveal())),
    };
    read(texts).unwrap().ticket_check.keys.iter().map(shown).collect()
}

fn wrong(texts: Texts<'_>) -> Vec<&'static str> {
    read(texts).unwrap_err().iter().map(|(name, _)| *name).collect()
}

#[test]
fn without_a_key_of_its_own_the_logins_secret_makes_one() {
    let derived = |secret| format!("derived {secret}");
    assert_eq!(keys(&[&[JWT]]), [derived(SECRET)]);
    assert_eq!(keys(&[&[JWT, ("JWT_SECRET_PREVIOUS", BEFORE)]]), [derived(SECRET), derived(BEFORE)]);
    // Whoever knows the logins: a secret that is there is used, if it is one.
    for identity in [&DEV, &FORWARD] {
        assert_eq!(keys(&[identity]), [""; 0]);
        assert_eq!(keys(&[identity, &[JWT]]), [derived(SECRET)]);
        let both = [JWT, ("JWT_SECRET_PREVIOUS", BEFORE)];
        assert_eq!(keys(&[identity, &both]), [derived(SECRET), derived(BEFORE)]);
        for bad in ["short", PUBLIC_JWT_SECRET] {
            assert_eq!(keys(&[identity, &[("JWT_SECRET", bad)]]), [""; 0], "{bad}");
            assert_eq!(keys(&[identity, &[JWT, ("JWT_SECRET_PREVIOUS", bad)]]), [derived(SECRET)], "{bad}");
        }
    }
    // The key is what the secret stands for, whoever knows the logins.
    let text = "a key that two settings have, twice";
    for (identity, also) in [(&DEV[..], &[][..]), (&[], &[JWT])] {
        let encoded = if also.is_empty() { ("JWT_SECRET", ENCODED.1) } else { ENCODED };
        assert!(keys(&[identity, also, &[encoded]]).contains(&derived(text)));
    }
    let development = ("ENVIRONMENT", "development");
    assert_eq!(keys(&[&[development, ("JWT_SECRET", PUBLIC_JWT_SECRET)]]), [derived(PUBLIC_JWT_SECRET)]);
}

#[test]
fn a_ticket_key_signs_and_the_others_verify() {
    let (key, previous) = (("TICKET_KEY", KEY), ("TICKET_KEY_PREVIOUS", OTHER));
    let derived = format!("derived {SECRET}");
    assert_eq!(keys(&[&DEV, &[key]]), [KEY]);
    assert_eq!(keys(&[&DEV, &[key, previous]]), [KEY, OTHER]);
    assert_eq!(keys(&[&[JWT, key, previous]]), [KEY, &derived, OTHER]);
    // The last step of taking it away: what it signed is in flight for a while.
    assert_eq!(keys(&[&[JWT, previous]]), [&derived, OTHER]);
    assert_eq!(wrong(&[&DEV, &[previous]]), ["TICKET_KEY_PREVIOUS"]);
    // While a key is changed.
    assert_eq!(keys(&[&DEV, &[key, ("TICKET_KEY_PREVIOUS", KEY)]]), [KEY, KEY]);
}

#[test]
fn a_ticket_key_is_long_and_no_secret_of_anything_else() {
    let password = "a-password-of-thirty-two-bytes-or-so";
    let redis = "redis://:a-password-of-thirty-two-bytes-or-so@redis.example.com";
    let upstash = [
        ("UPSTASH_REDIS_REST_URL", "https://upstash.example"),
        ("UPSTASH_REDIS_REST_TOKEN", "a-token-of-an-upstash-database-0123"),
    ];
    for name in ["TICKET_KEY", "TICKET_KEY_PREVIOUS"] {
        for (value, beside, says) in [
            ("short", &[][..], "is too short"),
            ("`a key between two backticks, and long`", &[], "is in quotes or brackets"),
            ("“a key between two curly quotes, and long”", &[], "is in quotes or brackets"),
            ("TICKET_KEY=a key that has its own name before it", &[], "begins with the name of a setting"),
            ("a key with a line break at its very end\n", &[], "begins or ends with white space"),
            (PUBLIC_JWT_SECRET, &[], "is the public one of .dev.vars.example"),
            (SECRET, &[], "is the same as JWT_SECRET"),
            (BEFORE, &[("JWT_SECRET_PREVIOUS", BEFORE)], "is the same as JWT_SECRET_PREVIOUS"),
            ("a key that two settings have, twice", &[ENCODED], "is the same as JWT_SECRET_PREVIOUS"),
            (upstash[1].1, &upstash, "is the same as UPSTASH_REDIS_REST_TOKEN"),
            (redis, &[("REDIS_URL", redis)], "is the same as REDIS_URL"),
            (password, &[("REDIS_URL", redis)], "is the same as the password in REDIS_URL"),
        ] {
            let texts: Texts<'_> = &[&[JWT, ("TICKET_KEY", KEY)], beside, &[(name, value)]];
            assert_eq!(read(texts).unwrap_err(), [(name, says)], "{name}");
        }
    }
    // It counts also where the login's secret isn't looked at otherwise.
    assert_eq!(wrong(&[&FORWARD, &[JWT, ("TICKET_KEY", SECRET)]]), ["TICKET_KEY"]);
}

#[test]
fn shards_that_no_ticket_is_from_are_asked_only_where_tickets_are_checked() {
    let asked = |texts: Texts<'_>| read(texts).unwrap().stores.shards_asked;
    let (shards, before) = (|count| ("TICKET_SHARDS", count), |count| ("TICKET_SHARDS_PREVIOUS", count));
    assert_eq!(asked(&[&DEV]), 4);
    assert_eq!(asked(&[&DEV, &[shards("2")]]), 2);
    assert_eq!(asked(&[&DEV, &[shards("2"), before("9")]]), 9);
    assert_eq!(asked(&[&DEV, &[shards("9"), before("2")]]), 9);
    assert_eq!(asked(&[&[JWT, shards("2")]]), 256);
    let optional = ("TICKET_CHECK", "optional");
    assert_eq!(asked(&[&[JWT, shards("2"), optional]]), 2);
    assert!(read(&[&[JWT, optional]]).unwrap().ticket_check.optional);
    assert_eq!(wrong(&[&[JWT, ("TICKET_CHECK", "off"), before("257")]]), ["TICKET_SHARDS_PREVIOUS", "TICKET_CHECK"]);
}
