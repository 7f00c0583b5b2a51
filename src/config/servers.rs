//! Where the Redis servers are, and how to log in to them.

use worker::Url;

use super::parse::{Reader, can_be_asked, is_written_as_url};
use super::{Environment, RedisSettings, Secret, Settings, UpstashSettings};

pub(super) const REDIS_URL: &str = "redis://[user:password@]host[:port][/database], or rediss:// for TLS";
pub(super) const UPSTASH_URL: &str = "https://<name>.upstash.io, as Upstash's console shows it";
pub(super) const UPSTASH_TOKEN: &str = "the token that Upstash's console shows beside the URL";
const REDIS_PORT: u16 = 6379;

impl<S: Settings> Reader<'_, S> {
    /// `REDIS_URL`, if it is set and right.
    pub(super) fn redis(&mut self) -> Option<RedisSettings> {
        let text = self.text("REDIS_URL")?;
        let settings = redis_url(&text);
        if is_to_be_filled_in(&text) {
            let expected = "both as they are; what has such marks by itself with percent signs: %3C for <, %2A for *";
            self.wrong("REDIS_URL", "has a user or a password that is still to be filled in", expected);
        } else if settings.is_none() {
            self.wrong("REDIS_URL", "is not the URL of a Redis", REDIS_URL);
        }
        settings
    }

    /// The password in `REDIS_URL`, if that is right.
    pub(super) fn redis_password(&mut self) -> Option<Secret> {
        redis_url(&self.text("REDIS_URL")?)?.password
    }

    /// `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN`, if they are set and right.
    pub(super) fn upstash(&mut self, environment: Environment) -> Option<UpstashSettings> {
        let (url, token) = (self.text("UPSTASH_REDIS_REST_URL"), self.text("UPSTASH_REDIS_REST_TOKEN"));
        if token.is_some() && url.is_none() {
            self.wrong("UPSTASH_REDIS_REST_URL", "is not set, and UPSTASH_REDIS_REST_TOKEN is", UPSTASH_URL);
        }
        let (url, token) = (url?, token);
        let can_be_asked = |url: Url| can_be_asked(&url, environment) && url.query().is_none();
        let good = is_written_as_url(&url) && Url::parse(&url).is_ok_and(can_be_asked);
        if !good {
            self.wrong("UPSTASH_REDIS_REST_URL", "is not the URL of a REST API over https", UPSTASH_URL);
        }
        // What a bearer token can be (RFC 6750 §2.1): quotes and brackets around it come of copying.
        let is_bearer = |token: &String| token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
        if !token.as_ref().is_some_and(is_bearer) {
            let problem = if token.is_some() { "is not a token" } else { "is not set, and UPSTASH_REDIS_REST_URL is" };
            self.wrong("UPSTASH_REDIS_REST_TOKEN", problem, UPSTASH_TOKEN);
        }
        let token = Secret(token.filter(is_bearer)?);
        good.then(|| UpstashSettings { url: url.trim_end_matches('/').to_owned(), token })
    }
}

fn redis_url(text: &str) -> Option<RedisSettings> {
    let url = Url::parse(text).ok()?;
    let tls = match url.scheme() {
        "redis" => false,
        "rediss" => true,
        _ => return None,
    };
    if url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    let port = url.port().unwrap_or(REDIS_PORT);
    if port == 0 {
        return None;
    }
    // Of a scheme that it doesn't know, `Url` takes nearly anything for a host, a list too.
    let in_host = |c: char| c.is_alphanumeric() || "-._:[]".contains(c);
    let host = url.host_str().filter(|host| !host.is_empty() && host.chars().all(in_host))?;
    let database = match url.path().trim_start_matches('/') {
        "" => 0,
        number if number.bytes().all(|b| b.is_ascii_digit()) => number.parse().ok()?,
        _ => return None,
    };
    if is_to_be_filled_in(text) {
        return None;
    }
    let user = decoded(url.username())?;
    let password = url.password().map(decoded);
    let password = match password {
        None if !user.is_empty() => return None,
        None => None,
        Some(password) => Some(Secret(password?)),
    };
    Some(RedisSettings {
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port,
        tls,
        user: Some(user).filter(|user| !user.is_empty()),
        password,
        database,
    })
}

/// Whether the login still has what documentation or a console shows in the place of a name or a password: `<password>`,
/// `${PW}`, `****`. One that is really so can be given with percent signs: `%3Cpassword%3E`.
fn is_to_be_filled_in(url: &str) -> bool {
    let login = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map_or("", |(login, _)| login);
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let is_between = |text: &str, (open, close)| text.starts_with(open) && text.ends_with(close);
    let brackets = [("<", ">"), ("[", "]"), ("{", "}"), ("${", "}"), ("$(", ")")];
    let is_mask = |text: &str| !text.is_empty() && text.chars().all(|c| matches!(c, '*' | '•' | '●' | '…'));
    [user, password].iter().any(|text| is_mask(text) || brackets.iter().any(|pair| is_between(text, *pair)))
}

/// A part of a URL without its percent signs.
fn decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_url_is_read_whole() {
        let read = redis_url("rediss://al%40ice:p%3Ass@redis.example.com:6380/3").unwrap();
        assert_eq!((read.host.as_str(), read.port, read.tls, read.database), ("redis.example.com", 6380, true, 3));
        assert_eq!(read.user.as_deref(), Some("al@ice"));
        assert_eq!(read.password.unwrap().reveal(), "p:ss");

        let read = redis_url("redis://:secret@[::1]").unwrap();
        assert_eq!((read.host.as_str(), read.port, read.tls, read.database), ("::1", 6379, false, 0));
        assert_eq!((read.user, read.password.unwrap().reveal()), (None, "secret"));

        assert_eq!(redis_url("redis://localhost/").unwrap().password, None);
    }

    #[test]
    fn what_is_no_redis_url_is_refused() {
        for text in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis://",
            "rediss://",
            "rediss:///0",
            "redis://user@host",
            "redis://host/one",
            "redis://host/-1",
            "redis://host/0/1",
            "redis://host?db=1",
            "redis://host#x",
            "redis://host:99999",
            "redis://host:0",
            "redis://one,two",
            "redis://one:6379,two:6379",
            "redis://<host>:6379",
            "\"redis://host\"",
            "redis://:<password>@host",
            "redis://default:<your-password>@host:6379",
            "redis://<user>:secret@host",
            "redis://:${PW}@host",
            "redis://:$(cat pw)@host",
            "redis://:{password}@host",
            "redis://:[password]@host",
            "redis://:{{password}}@host",
            "rediss://default:****@host",
            "rediss://default:••••••••@host",
        ] {
            assert!(redis_url(text).is_none(), "{text}");
        }
        for (text, password) in [
            ("redis://:%3Cpassword%3E@host", "<password>"),
            ("redis://:%2A%2A%2A%2A@host", "****"),
            ("redis://:a<b>*@host", "a<b>*"),
            ("redis://:$a{b@host", "$a{b"),
        ] {
            assert_eq!(redis_url(text).unwrap().password.unwrap().reveal(), password, "{text}");
        }
    }
}
