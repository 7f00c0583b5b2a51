//! What is asked of a Redis, as words: `redis` sends them in RESP, `upstash` as JSON.

use serde::Serialize;

use crate::config::RedisSettings;
use crate::stores::ends::Ends;
use ws_ticket_core::store::End;
use ws_ticket_core::ticket::Digest;

/// Gives a value away and forgets it, in one step, for servers that have no `GETDEL` (Redis 6.2). A key that isn't there is
/// `false`, which Redis answers as null (<https://redis.io/docs/latest/develop/programmability/lua-api/#lua-to-resp2-type-conversion>).
/// It deletes what isn't there too, so that it fails always where it may not delete.
const GETDEL_SCRIPT: &str = "local v = redis.call('GET', KEYS[1]); redis.call('DEL', KEYS[1]); return v";

/// The same where sessions can be ended, and in the same step: the moment before which the subject's tickets open nothing, or none, a line
/// break, and the record. With `ARGV[1]`, the seconds that a session lasts at most, the room is remembered for twice as long, unless the
/// ticket opens nothing: as `Grant::stays_until`, or longer. Subjects are named by a digest: a key may be shown where a record isn't.
///
/// Deleting comes last, so that nothing is burnt by a server that refuses a step before it. With `ARGV[2]` it is a probe, for a key that
/// isn't there: it does all the same, for a subject of its own, so that it fails wherever a ticket would. A record that it can't read may be
/// a newer version's, and is the gate's to refuse.
const TAKE_SCRIPT: &str = "local v = redis.call('GET', KEYS[1]); local probe = ARGV[2] == 'probe'
if not v and not probe then return v end
local known, g = true, {subject = KEYS[1], issued_at = 0}
if not probe then known, g = pcall(cjson.decode, v) end
if not known or type(g) ~= 'table' or type(g.subject) ~= 'string' or type(g.issued_at) ~= 'number' then
  redis.call('DEL', KEYS[1]); return '\\n' .. v
end
local s = redis.sha1hex(g.subject); local e = redis.call('GET', 'wst:end:' .. s) or ''
if ARGV[1] ~= '' and (e == '' or g.issued_at >= tonumber(e)) then
  local k = 'wst:stays:' .. s; local n = 2 * tonumber(ARGV[1])
  if g.session_ends_at then n = math.max(n, math.ceil((g.session_ends_at - g.issued_at) / 1000)) end
  redis.call('SADD', k, g.room or '')
  if redis.call('TTL', k) < n then redis.call('EXPIRE', k, n) end
end
redis.call('DEL', KEYS[1]); if probe then return false end
return e .. '\\n' .. v";

/// Remembers the end of `ARGV[1]`'s tickets that were issued before `ARGV[2]` until `ARGV[3]`, unless a later one is remembered; gives what
/// was known: the moment of the end before, or none, a line break, and the rooms as JSON, where the empty text is the subject's own. With
/// `0` for the moment it only gives those.
const END_SCRIPT: &str = "local s = redis.sha1hex(ARGV[1]); local k = 'wst:end:' .. s; local e = redis.call('GET', k)
if ARGV[2] ~= '0' and (not e or tonumber(e) < tonumber(ARGV[2])) then
  redis.call('SET', k, ARGV[2]); redis.call('PEXPIREAT', k, ARGV[3])
end
return (e or '') .. '\\n' .. cjson.encode(redis.call('SMEMBERS', 'wst:stays:' .. s))";

/// Keys that no ticket has, one in the middle of each quarter of a Redis Cluster's slots: a node with less than three quarters
/// of them has to send one elsewhere (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>).
const PROBES: [&str; 4] = ["wst:probe:20", "wst:probe:25", "wst:probe:22", "wst:probe:23"];

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
        Self::getdel_key(&key(digest))
    }

    /// The same, for a server that doesn't know `GETDEL`.
    pub fn getdel_by_script(digest: &Digest) -> Self {
        Self::getdel_key_by_script(&key(digest))
    }

    /// Gives the record away and forgets it, with what is known of an end, and remembers where there are rooms where the session would be.
    pub fn take(digest: &Digest, ends: Ends) -> Self {
        Self::take_key(&key(digest), ends, "")
    }

    fn take_key(key: &str, ends: Ends, what: &str) -> Self {
        let seconds = ends.session_max_seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
        Self::new(["EVAL", TAKE_SCRIPT, "1", key, &seconds, what])
    }

    /// Remembers an end and gives the rooms.
    pub fn end(end: &End) -> Self {
        let (before, until) = (end.before.0.to_string(), end.kept_until().0.to_string());
        Self::new(["EVAL", END_SCRIPT, "0", end.subject.as_str(), &before, &until])
    }

    /// The probes for a gate that takes by script.
    pub fn probes_to_take(ends: Ends) -> [Self; 4] {
        PROBES.map(|probe| Self::take_key(probe, ends, "probe"))
    }

    fn getdel_key(key: &str) -> Self {
        Self::new(["GETDEL", key])
    }

    fn getdel_key_by_script(key: &str) -> Self {
        Self::new(["EVAL", GETDEL_SCRIPT, "1", key])
    }

    /// The same for keys that aren't there: what tells beforehand whether tickets can be consumed.
    pub fn probes() -> [Self; 4] {
        PROBES.map(Self::getdel_key)
    }

    /// The probes for a server that doesn't know `GETDEL`.
    pub fn probes_by_script() -> [Self; 4] {
        PROBES.map(Self::getdel_key_by_script)
    }

    /// A probe for a server that is one.
    pub fn probe() -> Self {
        let [first, ..] = PROBES;
        Self::getdel_key(first)
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
    use ws_ticket_core::ticket::Ticket;

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
            let command = Command::set(&ticket.digest(), "{}", ttl);
            assert_eq!(command.words(), ["SET", &key, "{}", "EX", seconds, "NX"]);
        }
        assert_eq!(Command::getdel(&ticket.digest()).words(), ["GETDEL", &key]);
        assert_eq!(Command::getdel_by_script(&ticket.digest()).words()[2..], ["1", &key]);
    }

    /// A key's slot in a Redis Cluster: CRC-16 (XMODEM) of the key.
    fn slot(key: &str) -> u16 {
        let crc = key.bytes().fold(0u16, |crc, byte| {
            (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| (crc << 1) ^ if crc >> 15 == 1 { 0x1021 } else { 0 })
        });
        crc % 16_384
    }

    #[test]
    fn the_probes_lie_apart_and_are_no_tickets() {
        assert_eq!(slot("123456789"), 0x31c3);
        for (quarter, key) in (0..4).zip(PROBES) {
            assert!(slot(key).abs_diff(quarter * 4096 + 2048) < 300, "{key}");
            assert!(key.starts_with("wst:") && key.len() < 68, "{key}");
        }
        let keys = |commands: [Command; 4]| commands.map(|command| command.words().last().cloned().unwrap());
        assert_eq!(keys(Command::probes()), PROBES);
        assert_eq!(keys(Command::probes_by_script()), PROBES);
    }

    #[test]
    fn only_what_is_needed_goes_before() {
        assert!(Command::auth(&settings(None, 0)).is_none());
        assert!(Command::select(&settings(None, 0)).is_none());
        assert_eq!(Command::select(&settings(None, 7)).unwrap().words(), ["SELECT", "7"]);
    }
}
