//! What configuration accepts and refuses.

use std::collections::HashMap;

use super::*;
use crate::config::given::Given;
use crate::config::{Bind, Carriage, IdentityChoice, KV_BINDING, Leaf, PUBLIC_JWT_SECRET, SHARD_BINDING};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn given<const T: usize, const B: usize>(texts: [(&'static str, &'static str); T], bound: [&'static str; B]) -> Given {
    let mut given = Given { bound: bound.to_vec(), texts: HashMap::from([("JWT_SECRET", SECRET)]) };
    given.texts.extend(texts);
    given
}

fn names(given: &Given) -> Vec<&'static str> {
    Config::read(given).err().unwrap_or_default().iter().map(|p| p.name).collect()
}

fn issuing(given: &Given) -> Vec<Leaf> {
    Config::read(given).unwrap().stores.issuing
}

#[test]
fn absent_means_strict() {
    let config = Config::read(&given([], [KV_BINDING, SHARD_BINDING])).unwrap();
    assert_eq!(config.environment, Environment::Production);
    assert_eq!(config.stores.issuing, [Leaf::Kv { ledger: true }]);
    assert_eq!((config.stores.shards.get(), config.stores.timeout_ms), (4, 3_000));
    assert_eq!(config.ttl_seconds, 300);
    assert!(matches!(config.identity, IdentityChoice::Jwt(_)));
    assert!(config.origins.is_empty());
    assert_eq!((config.bind, config.ticket_check.optional), (Bind::Origin, false));
    assert_eq!(names(&Given::default()), ["JWT_SECRET"]);
}

#[test]
fn empty_means_absent() {
    let empty = ["ENVIRONMENT", "TICKET_STORE", "TICKET_TTL_SECONDS", "TICKET_SHARDS", "ALLOW_BEST_EFFORT", "IDENTITY"]
        .map(|name| (name, ""));
    assert_eq!(Config::read(&given(empty, [])), Config::read(&given([], [])));
}

#[test]
fn auto_takes_kv_when_it_is_there_and_memory_when_not() {
    assert_eq!(issuing(&given([], [])), [Leaf::Memory]);
    assert_eq!(issuing(&given([], [SHARD_BINDING])), [Leaf::Memory]);
    assert_eq!(names(&given([("TICKET_STORE", "kv")], [SHARD_BINDING])), [KV_BINDING]);
}

#[test]
fn kv_alone_must_be_allowed() {
    assert_eq!(names(&given([], [KV_BINDING])), [SHARD_BINDING]);
    let allowed = given([("ALLOW_BEST_EFFORT", "true")], [KV_BINDING]);
    assert_eq!(issuing(&allowed), [Leaf::Kv { ledger: false }]);
    // Allowing it doesn't make it so where the ledger is bound.
    let both = given([("ALLOW_BEST_EFFORT", "true")], [KV_BINDING, SHARD_BINDING]);
    assert_eq!(issuing(&both), [Leaf::Kv { ledger: true }]);
}

#[test]
fn what_is_configured_consumes_whether_or_not_it_issues() {
    let config = Config::read(&given(
        [("TICKET_STORE", "durable, memory"), ("REDIS_URL", "redis://localhost")],
        [KV_BINDING, SHARD_BINDING],
    ));
    let stores = config.unwrap().stores;
    assert_eq!(stores.issuing, [Leaf::Durable, Leaf::Memory]);
    assert!(matches!(stores.consuming.as_slice(), [Leaf::Kv { ledger: true }, Leaf::Redis(_)]));
    // KV without a ledger elects nobody: it isn't asked unless that is allowed.
    let unguarded = Config::read(&given([("TICKET_STORE", "memory")], [KV_BINDING])).unwrap().stores;
    assert_eq!(unguarded.consuming, []);
}

#[test]
fn a_list_names_different_stores() {
    for text in ["kv,kv", "kv,", ",kv", "auto,kv", "kv;memory", "KV"] {
        assert_eq!(names(&given([("TICKET_STORE", text)], [KV_BINDING, SHARD_BINDING])), ["TICKET_STORE"], "{text}");
    }
}

#[test]
fn a_store_in_the_list_needs_its_settings() {
    for (store, expected) in [
        ("kv", vec![SHARD_BINDING, KV_BINDING]),
        ("durable", vec![SHARD_BINDING]),
        ("sealed", vec![SHARD_BINDING, "SEAL_KEY"]),
        ("redis", vec!["REDIS_URL"]),
        ("upstash", vec!["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"]),
    ] {
        assert_eq!(names(&given([("TICKET_STORE", store)], [])), expected, "{store}");
    }
}

#[test]
fn a_seal_key_is_a_secret_of_its_own_and_seals_nothing_without_a_ledger() {
    const KEY: (&str, &str) = ("SEAL_KEY", "a key to seal with, of enough bytes");
    const BEFORE: (&str, &str) = ("SEAL_KEY_PREVIOUS", "the key before it, of enough bytes too");
    let secrets = |leaf: &Leaf| match leaf {
        Leaf::Sealed(secrets) => secrets.iter().map(|secret| secret.reveal().to_owned()).collect(),
        _ => Vec::new(),
    };
    let stores = |texts: &[(&'static str, &'static str)], bound: &[&'static str]| {
        let mut given = given([], []);
        given.texts.extend(texts.iter().copied());
        given.bound.extend(bound);
        Config::read(&given)
            .map(|config| config.stores)
            .map_err(|wrong| wrong.iter().map(|p| p.name).collect::<Vec<_>>())
    };
    let issuing = stores(&[("TICKET_STORE", "sealed"), KEY, BEFORE], &[SHARD_BINDING]).unwrap().issuing;
    assert_eq!(issuing.iter().map(secrets).collect::<Vec<_>>(), [[KEY.1, BEFORE.1]]);
    // Where it doesn't issue, it consumes; without a ledger not even that, whatever is allowed.
    let consuming = stores(&[KEY], &[SHARD_BINDING]).unwrap().consuming;
    assert!(consuming.iter().any(|leaf| secrets(leaf) == [KEY.1]));
    let allowed = ("ALLOW_BEST_EFFORT", "true");
    assert!(stores(&[KEY, allowed], &[]).unwrap().consuming.is_empty());
    assert_eq!(stores(&[("TICKET_STORE", "sealed"), KEY, allowed], &[]), Err(vec![SHARD_BINDING]));
    assert_eq!(stores(&[BEFORE], &[SHARD_BINDING]), Err(vec!["SEAL_KEY_PREVIOUS"]));
    // The key before it may be the same: secrets are set one after the other.
    assert!(stores(&[KEY, ("SEAL_KEY_PREVIOUS", KEY.1)], &[SHARD_BINDING]).is_ok());
    for bad in [
        "short",
        "\"a key to seal with, of enough bytes\"",
        " a key to seal with, of enough bytes",
        PUBLIC_JWT_SECRET,
        SECRET,
    ] {
        assert_eq!(stores(&[("SEAL_KEY", bad)], &[]), Err(vec!["SEAL_KEY"]), "{bad}");
    }
    for name in ["TICKET_KEY", "TICKET_KEY_PREVIOUS"] {
        let both = stores(&[KEY, ("TICKET_KEY", "a ticket key of enough bytes for it"), (name, KEY.1)], &[]);
        assert_eq!(both, Err(vec!["SEAL_KEY", name]), "{name}");
    }
    let url = ("REDIS_URL", "redis://:a%20key%20to%20seal%20with%2C%20of%20enough%20bytes@localhost");
    assert_eq!(stores(&[KEY, url], &[]), Err(vec!["SEAL_KEY"]));
}

#[test]
fn servers_are_checked_even_when_they_only_consume() {
    assert_eq!(names(&given([("REDIS_URL", "rediss://")], [])), ["REDIS_URL"]);
    let url = ("UPSTASH_REDIS_REST_URL", "https://x.upstash.io");
    assert_eq!(names(&given([url], [])), ["UPSTASH_REDIS_REST_TOKEN"]);
    assert_eq!(names(&given([("UPSTASH_REDIS_REST_TOKEN", "t")], [])), ["UPSTASH_REDIS_REST_URL"]);
    for token in ["a b", "\"AX\"", "'AX'", "<token>", "${TOKEN}", "********", "AX,BX", "AX\n", "AX…"] {
        let bad = given([url, ("UPSTASH_REDIS_REST_TOKEN", token)], []);
        assert_eq!(names(&bad), ["UPSTASH_REDIS_REST_TOKEN"], "{token}");
    }
    assert!(Config::read(&given([url, ("UPSTASH_REDIS_REST_TOKEN", "AXk-._~+/x==")], [])).is_ok());
    let login = ("UPSTASH_REDIS_REST_URL", "https://default:secret@x.upstash.io");
    assert_eq!(names(&given([login, ("UPSTASH_REDIS_REST_TOKEN", "t")], [])), ["UPSTASH_REDIS_REST_URL"]);
    let plain = ("UPSTASH_REDIS_REST_URL", "http://127.0.0.1:8079/");
    assert_eq!(names(&given([plain, ("UPSTASH_REDIS_REST_TOKEN", "t")], [])), ["UPSTASH_REDIS_REST_URL"]);
    let local = given([plain, ("UPSTASH_REDIS_REST_TOKEN", "t"), ("ENVIRONMENT", "development")], []);
    assert!(matches!(
        Config::read(&local).unwrap().stores.consuming.as_slice(),
        [Leaf::Upstash(upstash)] if upstash.url == "http://127.0.0.1:8079"
    ));
}

#[test]
fn everything_wrong_is_named_at_once() {
    let all = given(
        [
            ("ENVIRONMENT", "prod"),
            ("TICKET_STORE", "kv,redis6"),
            ("TICKET_TTL_SECONDS", "3601"),
            ("TICKET_SHARDS", "0"),
            ("ALLOW_BEST_EFFORT", "yes"),
            ("IDENTITY", "none"),
            ("JWT_SECRET", "short"),
            ("ALLOWED_ORIGINS", "*"),
        ],
        [KV_BINDING],
    );
    let mut named = names(&all);
    named.sort_unstable();
    assert_eq!(
        named,
        [
            "ALLOWED_ORIGINS",
            "ALLOW_BEST_EFFORT",
            "ENVIRONMENT",
            "IDENTITY",
            "JWT_SECRET",
            "TICKET_SHARD",
            "TICKET_SHARDS",
            "TICKET_STORE",
            "TICKET_TTL_SECONDS"
        ]
    );
}

#[test]
fn numbers_are_plain_and_in_range() {
    for text in ["0", "-1", "+5", "1.5", "3601", " 5", "5s", "0x10", "99999999999999999999"] {
        assert_eq!(names(&given([("TICKET_TTL_SECONDS", text)], [])), ["TICKET_TTL_SECONDS"], "{text}");
    }
    for (text, seconds) in [("1", 1), ("3600", 3600), ("0060", 60)] {
        assert_eq!(Config::read(&given([("TICKET_TTL_SECONDS", text)], [])).unwrap().ttl_seconds, seconds);
    }
}

#[test]
fn dev_identity_is_for_development() {
    assert_eq!(names(&given([("IDENTITY", "dev")], [])), ["IDENTITY"]);
    assert!(Config::read(&given([("IDENTITY", "dev"), ("ENVIRONMENT", "development")], [])).is_ok());
}

#[test]
fn the_public_secret_is_for_development() {
    assert_eq!(names(&given([("JWT_SECRET", PUBLIC_JWT_SECRET)], [])), ["JWT_SECRET"]);
    let development = given([("JWT_SECRET", PUBLIC_JWT_SECRET), ("ENVIRONMENT", "development")], []);
    assert!(Config::read(&development).is_ok());
    assert!(include_str!("../../.dev.vars.example").contains(PUBLIC_JWT_SECRET));
}

#[test]
fn debug_hides_secrets() {
    let config = Config::read(&given([], [])).unwrap();
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn the_page_is_on_in_development() {
    let page = |texts: [(&'static str, &'static str); 2], bound: &[&'static str]| {
        let given = Given { bound: bound.to_vec(), ..given(texts, []) };
        Config::read(&given).map(|config| config.page).map_err(|problems| problems[0].name)
    };
    let (development, production) = (("ENVIRONMENT", "development"), ("ENVIRONMENT", ""));
    assert_eq!(page([development, ("PAGE", "")], &[ASSETS_BINDING]), Ok(true));
    assert_eq!(page([development, ("PAGE", "off")], &[ASSETS_BINDING]), Ok(false));
    assert_eq!(page([development, ("PAGE", "")], &[]), Ok(false));
    assert_eq!(page([production, ("PAGE", "")], &[ASSETS_BINDING]), Ok(false));
    assert_eq!(page([production, ("PAGE", "on")], &[ASSETS_BINDING]), Ok(true));
    assert_eq!(page([production, ("PAGE", "on")], &[]), Err(ASSETS_BINDING));
    assert_eq!(page([production, ("PAGE", "true")], &[ASSETS_BINDING]), Err("PAGE"));
}

#[test]
fn carriage_has_one_or_both() {
    let carriage = |text| Config::read(&given([("TICKET_CARRIAGE", text)], [])).map(|config| config.carriage);
    for (text, query, subprotocol) in [
        ("", true, true),
        ("query", true, false),
        ("subprotocol", false, true),
        ("query,subprotocol", true, true),
        ("subprotocol, query", true, true),
    ] {
        assert_eq!(carriage(text), Ok(Carriage { query, subprotocol }), "{text}");
    }
    for bad in ["cookie", "query,query", "query,", ",", "Query", "query subprotocol"] {
        assert_eq!(carriage(bad).unwrap_err()[0].name, "TICKET_CARRIAGE", "{bad}");
    }
}

/// Every setting that the sources read.
fn every_setting() -> Vec<&'static str> {
    let sources = [
        include_str!("../config.rs"),
        include_str!("origins.rs"),
        include_str!("parse.rs"),
        include_str!("public_key.rs"),
        include_str!("identity.rs"),
        include_str!("servers.rs"),
        include_str!("stores.rs"),
        include_str!("tickets.rs"),
        include_str!("tokens.rs"),
    ];
    let words = sources.iter().flat_map(|source| source.split('"'));
    let is_name = |word: &&str| word.len() > 3 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let names: std::collections::BTreeSet<_> = words.filter(is_name).collect();
    names.into_iter().collect()
}

proptest::proptest! {
    /// Whatever the settings are, they are read or refused, by names that there are and without any value.
    #[test]
    fn no_setting_makes_it_panic(
        chosen in proptest::collection::vec((proptest::arbitrary::any::<proptest::sample::Index>(), value()), 0..6),
        bound in proptest::sample::subsequence(vec![KV_BINDING, SHARD_BINDING], 0..=2),
    ) {
        let names = every_setting();
        proptest::prop_assert!(names.len() > 20);
        let texts: HashMap<&'static str, &'static str> = chosen
            .into_iter()
            .map(|(at, value)| (names[at.index(names.len())], &*Box::leak(format!("{value}§").into_boxed_str())))
            .collect();
        let given = Given { texts, bound };
        for problem in Config::read(&given).err().unwrap_or_default() {
            proptest::prop_assert!(names.contains(&problem.name), "{}", problem.name);
            proptest::prop_assert!(!problem.expected.contains('§') && !problem.problem.contains('§'));
        }
    }
}

fn value() -> impl proptest::strategy::Strategy<Value = String> {
    proptest::prop_oneof![
        proptest::string::string_regex("(?s).{0,40}").unwrap(),
        proptest::string::string_regex("(https?|rediss?|x)://[a-z@:\\[\\]./%-]{0,20}(:[0-9]{0,6})?[/?#]?[a-z0-9]{0,5}")
            .unwrap(),
        proptest::string::string_regex("-?[0-9]{0,12}").unwrap(),
        proptest::string::string_regex("(auto|kv|memory|jwt|dev|true|query|subprotocol|cookie|,| ){0,4}").unwrap(),
    ]
}
