//! What is accepted and refused of the settings about who may have a ticket.

use super::*;
use crate::config::given::Given;
use crate::config::{BadSetting, Config};

const TEAM: (&str, &str) = ("ACCESS_TEAM_DOMAIN", "https://team.cloudflareaccess.com");
const TAG: (&str, &str) = ("ACCESS_AUDIENCE", "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2");
const SITE: (&str, &str) = ("AUTH_URL", "https://site.example/auth?for=ws");
const DEVELOPMENT: (&str, &str) = ("ENVIRONMENT", "development");

fn read(identity: &'static str, texts: &[(&'static str, &'static str)]) -> Result<IdentityChoice, Vec<&'static str>> {
    let texts = [("IDENTITY", identity)].into_iter().chain(texts.iter().copied());
    let config = Config::read(&Given::of(texts));
    let names = |problems: Vec<BadSetting>| problems.iter().map(|problem| problem.name).collect();
    config.map(|config| config.identity).map_err(names)
}

#[test]
fn access_is_one_application_of_one_team() {
    let Ok(IdentityChoice::Access(settings)) = read("access", &[TEAM, TAG]) else { panic!("not read") };
    let url = "https://team.cloudflareaccess.com/cdn-cgi/access/certs".to_owned();
    assert_eq!(settings.keys, Keys::Set { url, timeout_ms: 3_000 });
    assert_eq!((settings.issuers, settings.audiences), (vec![TEAM.1.to_owned()], vec![TAG.1.to_owned()]));
    assert_eq!(settings.algorithms, [Algorithm::Rs256]);
    assert_eq!(settings.subject, SubjectRule::OrCommonName);
    assert_eq!(read("access", &[]).unwrap_err(), ["ACCESS_TEAM_DOMAIN", "ACCESS_AUDIENCE"]);
    let audiences = |tags| match read("access", &[TEAM, ("ACCESS_AUDIENCE", tags)]) {
        Ok(IdentityChoice::Access(settings)) => Ok(settings.audiences.join(" ")),
        Ok(_) => panic!("not asked for"),
        Err(names) => Err(names),
    };
    assert_eq!(audiences("aa, bb\n"), Ok("aa bb".to_owned()));
    for bad in ["*", "aa,", "aa,aa", "aa bb", "\"aa\"", "<tag>"] {
        assert_eq!(audiences(bad), Err(vec!["ACCESS_AUDIENCE"]), "{bad}");
    }
    for bad in [
        "team",
        "team.cloudflareaccess.com",
        "http://team.cloudflareaccess.com",
        "https://team.cloudflareaccess.com/",
        "https://Team.cloudflareaccess.com",
        "https://cloudflareaccess.com",
        "https://.cloudflareaccess.com",
        "https://team.cloudflareaccess.com:8443",
        "https://team.cloudflareaccess.com.evil.example",
        "https://evilcloudflareaccess.com",
        "https://team.example.com",
    ] {
        assert_eq!(read("access", &[("ACCESS_TEAM_DOMAIN", bad), TAG]).unwrap_err(), ["ACCESS_TEAM_DOMAIN"], "{bad}");
    }
    for (domain, good) in [("http://127.0.0.1:8788", true), ("http://127.0.0.1:8788/", false), ("wss://x", false)] {
        assert_eq!(read("access", &[("ACCESS_TEAM_DOMAIN", domain), TAG, DEVELOPMENT]).is_ok(), good, "{domain}");
    }
}

#[test]
fn a_login_is_asked_where_it_can_be() {
    let Ok(IdentityChoice::Forward(settings)) = read("forward", &[SITE]) else { panic!("not read") };
    assert_eq!((settings.url.as_str(), settings.header_prefix.as_str()), (SITE.1, "Remote-"));
    assert_eq!(read("forward", &[]).unwrap_err(), ["AUTH_URL"]);
    for bad in [
        "http://site.example/auth",
        "/auth",
        "https://u:p@site.example/auth",
        "https://site.example/auth#me",
        "https://site.example/auth\n",
        " https://site.example/auth",
        "\"https://site.example/auth\"",
        "https://site.example/auth,https://other.example/auth",
        "https://site.example/auth, https://other.example/auth",
        "https://site.example/{path}",
        "https://<site>/auth",
    ] {
        assert_eq!(read("forward", &[("AUTH_URL", bad)]).unwrap_err(), ["AUTH_URL"], "{bad}");
    }
    assert!(read("forward", &[("AUTH_URL", "http://127.0.0.1:8789/auth"), DEVELOPMENT]).is_ok());
    let prefix = |text| read("forward", &[SITE, ("AUTH_HEADER_PREFIX", text)]);
    assert!(
        matches!(prefix("X-Auth-Request-"), Ok(IdentityChoice::Forward(it)) if it.header_prefix == "X-Auth-Request-")
    );
    assert!(prefix("X_").is_ok());
    for bad in ["X Auth", "X-Auth:", "é-", "a,b", "\"x\"", "X-Auth-Request", "Remote-\n", "-x"] {
        assert_eq!(prefix(bad).unwrap_err(), ["AUTH_HEADER_PREFIX"], "{bad}");
    }
}

#[test]
fn claims_are_few_and_different() {
    let claims = |text| match read("forward", &[SITE, ("TICKET_CLAIMS", text)]) {
        Ok(IdentityChoice::Forward(settings)) => Ok(settings.claims),
        Ok(_) => panic!("not asked for"),
        Err(names) => Err(names),
    };
    let many = |count: usize| -> &'static str {
        let names: Vec<_> = (0..count).map(|n| format!("c{n}")).collect();
        Box::leak(names.join(",").into_boxed_str())
    };
    assert_eq!(claims("").unwrap(), [""; 0]);
    assert_eq!(claims("email, https://app.example/tier,sub").unwrap(), ["email", "https://app.example/tier", "sub"]);
    assert_eq!(claims(many(16)).unwrap().len(), 16);
    assert_eq!(claims("cognito:groups,https://app.example/tier;v=1,角色").unwrap().len(), 3);
    for bad in [
        many(17),
        "a,a",
        "a,",
        ",",
        "a,,b",
        "a, a",
        "a b",
        "\"a\"",
        "\"a,b\"",
        "a\tb",
        "email;roles",
        "email，roles",
        "email；roles",
        "email、roles",
        "*",
        "[email]",
        "[\"email\"]",
        "{email}",
        "<claim>",
        "`email`",
        "'email'",
        "“email”",
    ] {
        assert_eq!(claims(bad), Err(vec!["TICKET_CLAIMS"]), "{bad}");
    }
}

#[test]
fn a_url_may_have_what_urls_have() {
    for good in [
        "https://site.example",
        "https://site.example:8443/auth?for=ws&next=https://app.example/%20#".trim_end_matches('#'),
        "https://[2001:db8::1]/auth;v=1",
        "https://site.example/a,b?x=a|b",
    ] {
        assert!(read("forward", &[("AUTH_URL", good)]).is_ok(), "{good}");
    }
}

#[test]
fn how_long_is_waited_is_checked_whoever_is_asked() {
    for identity in ["jwt", "access", "forward", "dev"] {
        let texts = [
            ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
            TEAM,
            TAG,
            SITE,
            DEVELOPMENT,
            ("IDENTITY_TIMEOUT_MS", "0"),
        ];
        assert_eq!(read(identity, &texts).unwrap_err(), ["IDENTITY_TIMEOUT_MS"], "{identity}");
        assert!(read(identity, &texts[..5]).is_ok(), "{identity}");
    }
}

#[test]
fn what_belongs_to_another_way_is_not_looked_at() {
    let others = [TEAM, TAG, SITE, ("JWT_SECRET", "x"), ("JWT_JWKS_URL", "x"), ("JWT_ALGORITHMS", "x")];
    assert!(read("access", &others).is_ok() && read("forward", &others).is_ok());
}
