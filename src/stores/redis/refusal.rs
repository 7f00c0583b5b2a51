//! What an error of a Redis's comes to, Upstash's among them: its first word, or how it goes on behind `ERR`. Everything else
//! of an error stays here, since it can repeat a command's arguments.

use ws_ticket_core::store::{Cause, Fault};

/// The first words that have a meaning (<https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors>).
const WORDS: &[(&str, Fault)] = &[
    ("MOVED", Fault::Moved),
    ("ASK", Fault::Ask),
    ("CROSSSLOT", Fault::CrossSlot),
    ("CLUSTERDOWN", Fault::ClusterDown),
    ("TRYAGAIN", Fault::TryAgain),
    ("READONLY", Fault::ReadOnly),
    ("NOAUTH", Fault::NoAuth),
    ("WRONGPASS", Fault::WrongPass),
    ("NOPERM", Fault::NoPerm),
    ("DENIED", Fault::Denied),
    ("LOADING", Fault::Loading),
    ("BUSY", Fault::Busy),
    ("MASTERDOWN", Fault::MasterDown),
    ("MISCONF", Fault::MisConf),
    ("NOREPLICAS", Fault::NoReplicas),
    ("WRONGTYPE", Fault::WrongType),
];

/// How errors go on that have no word of their own.
const TEXTS: &[(&str, Fault)] = &[
    ("unknown command", Fault::UnknownCommand),
    ("invalid password", Fault::WrongPass),
    ("AUTH <password> called without any password", Fault::AuthNotExpected),
    ("Client sent AUTH, but no password is set", Fault::AuthNotExpected),
    ("DB index is out of range", Fault::NoDatabase),
    ("invalid DB index", Fault::NoDatabase),
    ("SELECT is not allowed in cluster mode", Fault::NoDatabase),
    ("The user executing the script can't run this command", Fault::NoPerm),
];

/// Why a Redis said no.
pub fn cause_of(error: &str) -> Cause {
    let (word, rest) = error.split_once(' ').unwrap_or((error, ""));
    match word {
        "OOM" => Cause::Full { seconds: None },
        "ERR" => of_text(rest),
        _ => WORDS.iter().find(|(known, _)| *known == word).map_or(Cause::Failed, |(_, fault)| Cause::Server(*fault)),
    }
}

fn of_text(text: &str) -> Cause {
    // Servers older than 7 put what a command in a script was told behind where that was.
    if text.starts_with("Error running script (call to f_")
        && let Some((_, inner)) = text.split_once(": -")
    {
        return if inner.starts_with("ERR ") { Cause::Failed } else { cause_of(inner) };
    }
    // "max number of clients reached", and Upstash's "max daily request limit exceeded" and "DB capacity quota exceeded".
    if text.starts_with("max ") {
        return Cause::LimitReached;
    }
    if text.starts_with("DB capacity quota exceeded") {
        return Cause::Full { seconds: None };
    }
    TEXTS.iter().find(|(known, _)| text.starts_with(known)).map_or(Cause::Failed, |(_, fault)| Cause::Server(*fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_told_as_what_it_is() {
        for (error, reason) in [
            ("MOVED 3999 127.0.0.1:6381", "moved"),
            ("ASK 3999 127.0.0.1:6381", "ask"),
            ("CROSSSLOT Keys in request don't hash to the same slot", "crossslot"),
            ("CLUSTERDOWN Hash slot not served", "clusterdown"),
            ("TRYAGAIN Multiple keys request during rehashing of slot", "tryagain"),
            ("READONLY You can't write against a read only replica.", "readonly"),
            ("NOAUTH Authentication required.", "noauth"),
            ("WRONGPASS invalid username-password pair or user is disabled.", "wrongpass"),
            ("WRONGPASS invalid or missing auth token", "wrongpass"),
            ("ERR invalid password", "wrongpass"),
            ("NOPERM this user has no permissions to run the 'getdel' command", "noperm"),
            ("ERR The user executing the script can't run this command or subcommand script: 0b6", "noperm"),
            ("DENIED Redis is running in protected mode because", "denied"),
            ("LOADING Redis is loading the dataset in memory", "loading"),
            ("BUSY Redis is busy running a script.", "busy"),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "masterdown"),
            ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to", "misconf"),
            ("NOREPLICAS Not enough good replicas to write.", "noreplicas"),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", "wrongtype"),
            ("OOM command not allowed when used memory > 'maxmemory'.", "full"),
            ("ERR DB capacity quota exceeded. Limit: 1", "full"),
            ("ERR max number of clients reached", "limit_reached"),
            ("ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.", "limit_reached"),
            ("ERR unknown command 'GETDEL', with args beginning with: 'wst:1' ", "unknown_command"),
            ("ERR AUTH <password> called without any password configured for the default user.", "auth_not_expected"),
            ("ERR Client sent AUTH, but no password is set", "auth_not_expected"),
            ("ERR DB index is out of range", "no_database"),
            ("ERR invalid DB index", "no_database"),
            ("ERR SELECT is not allowed in cluster mode", "no_database"),
            (
                "ERR Error running script (call to f_0b6): @user_script:1: @user_script: 1: -READONLY You can't",
                "readonly",
            ),
            ("ERR Error running script (call to f_0b6): @user_script:1: @user_script: 1: -OOM command not", "full"),
            // An error that only mentions another is not that other.
            ("ERR Error running script (call to f_0b6): @user_script:1: -ERR unknown command", "failed"),
            ("ERR Error running script: -MOVED 1 a:1", "failed"),
            ("ERR syntax error, MOVED", "failed"),
            ("ERR MOVED 1 a:1", "failed"),
            ("moved 1 a:1", "failed"),
            ("MOVEDX 1", "failed"),
            ("XMOVED 1", "failed"),
            ("ERRunknown command", "failed"),
            ("ERR", "failed"),
            ("", "failed"),
        ] {
            assert_eq!(cause_of(error).to_string(), reason, "{error}");
        }
        assert_eq!(cause_of("MOVED"), Cause::Server(Fault::Moved));
    }
}
