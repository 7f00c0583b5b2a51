//! What is asked of a Redis, as words: `redis` sends them in RESP, `upstash` as JSON.

use serde::Serialize;

use crate::config::RedisSettings;
use crate::ticket::Digest;

/// Gives a value away and forgets it, in one step, for servers that have no `GETDEL` (Redis 6.2). A key that isn't there is
/// `false`, which Redis answers as null (<https://redis.io/docs/latest/develop/programmability/lua-api/#lua-to-resp2-type-conversion>).
const GETDEL_SCRIPT: &str = "local v = redis.call('GET', KEYS[1]); if v then redis.call('DEL', KEYS[1]) end; return v";

/// A command with its arguments. No `Debug`: one of them has the password.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Command(Vec<String>);

impl Command {
    fn new<const N: usize>(words: [&str; N]) -> Self {
        Self(words.map(str::to_owned).into())
    }

    /// Keeps a record for so many seconds. `NX`: no key is ever written twice.
    pub fn set(digest: &Digest, record: &str, ttl_seconds: u64) -> Self {
        // Redis refuses an expiry of 0. The gate expires tickets on time.
        Self::new(["SET", &key(digest), record, "EX", &ttl_seconds.max(1).to_string(), "NX"])
    }

    /// Gives the record away and forgets it.
    pub fn getdel(digest: &Digest) -> Self {
        Self::new(["GETDEL", &key(digest)])
    }

    /// The same, for a server that doesn't know `GETDEL`.
    pub fn getdel_by_script(digest: &Digest) -> Self {
        Self::new(["EVAL", GETDEL_SCRIPT, "1", &key(digest)])
    }

    /// Logs in, where there is a password. Without a user it is the default one's, which servers older than 6 know too.
    pub fn auth(settings: &RedisSettings) -> Option<Self> {
        let password = settings.password.as_ref()?.reveal();
        Some(match &settings.user {
            Some(user) => Self::new(["AUTH", user, password]),
            None => Self::new(["AUTH", password]),
        })
    }

    /// Changes to the database, where it is not the one that every connection begins with.
    pub fn select(settings: &RedisSettings) -> Option<Self> {
        (settings.database != 0).then(|| Self::new(["SELECT", &settings.database.to_string()]))
    }

    /// Its words, the name first.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

/// Only the digest: what stands in a Redis can't be presented.
fn key(digest: &Digest) -> String {
    format!("wst:{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Ticket;

    const TICKET: &str = "wst_r_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn settings(user: Option<&str>, database: u32) -> RedisSettings {
        RedisSettings {
            host: "localhost".to_owned(),
            port: 6379,
            tls: false,
            user: user.map(str::to_owned),
            password: None,
            database,
        }
    }

    #[test]
    fn a_record_is_kept_under_the_digest_alone_and_never_for_ever() {
        let ticket = Ticket::parse(TICKET).unwrap();
        let key = format!("wst:{}", ticket.digest());
        for (ttl, seconds) in [(0, "1"), (1, "1"), (300, "300")] {
            let command = Command::set(ticket.digest(), "{}", ttl);
            assert_eq!(command.words(), ["SET", &key, "{}", "EX", seconds, "NX"]);
        }
        assert_eq!(Command::getdel(ticket.digest()).words(), ["GETDEL", &key]);
        assert_eq!(Command::getdel_by_script(ticket.digest()).words()[2..], ["1", &key]);
    }

    #[test]
    fn only_what_is_needed_goes_before() {
        assert!(Command::auth(&settings(None, 0)).is_none());
        assert!(Command::select(&settings(None, 0)).is_none());
        assert_eq!(Command::select(&settings(None, 7)).unwrap().words(), ["SELECT", "7"]);
    }
}
