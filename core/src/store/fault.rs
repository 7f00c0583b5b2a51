//! What stands between the gate and a server's answer, by its kind.

use std::fmt;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Why a server gave no answer, as far as it or the connection to it says. A closed set: nothing of what a server
        /// writes reaches a log. Where Redis has a word for it, it is that one, in small letters
        /// (<https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors>).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        #[cfg(test)]
        impl Fault {
            /// All of them.
            const ALL: &'static [Self] = &[$(Self::$name),*];
        }

        impl fmt::Display for Fault {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $word,)*
                })
            }
        }
    };
}

faults! {
    /// No connection: the port is closed, the name unknown, or the address none that Workers may connect to. The platform
    /// says the same of all three.
    Unreachable = "unreachable",
    /// The connection ended before there was an answer. A TLS port that is spoken to without TLS does this.
    Disconnected = "disconnected",
    /// The TLS handshake failed: a certificate for another name, or one that nobody trusts.
    TlsFailed = "tls_failed",
    /// The server has the connection and doesn't answer the TLS handshake: mostly one that doesn't speak TLS.
    TlsTimedOut = "tls_timed_out",
    /// The server answered in TLS, and was not spoken to in it.
    TlsExpected = "tls_expected",
    /// What came is no answer of such a server: something else lives at this address.
    Malformed = "malformed",
    /// An HTTP status that says no, without a reason that is known.
    Status = "status",
    /// The key lives on another node: this is a Redis Cluster.
    Moved = "moved",
    /// The same, while the key's slot moves.
    Ask = "ask",
    /// A command's keys live in different slots of a Redis Cluster.
    CrossSlot = "crossslot",
    /// The Redis Cluster is down, or has nobody for the key's slot.
    ClusterDown = "clusterdown",
    /// The slot is on the move.
    TryAgain = "tryagain",
    /// A replica, which takes no writes; the gate needs the primary.
    ReadOnly = "readonly",
    /// The server wants a password and got none.
    NoAuth = "noauth",
    /// The server doesn't know this user with this password, or this token.
    WrongPass = "wrongpass",
    /// The user may not use this command or this key.
    NoPerm = "noperm",
    /// The server has no password, and got one.
    AuthNotExpected = "auth_not_expected",
    /// The server has no such database, or only the first.
    NoDatabase = "no_database",
    /// The server doesn't know a command that the gate needs.
    UnknownCommand = "unknown_command",
    /// The server takes connections from its own machine only (`protected-mode`).
    Denied = "denied",
    /// The server reads its data from disk.
    Loading = "loading",
    /// A script runs, or a failover is under way.
    Busy = "busy",
    /// A replica without its primary.
    MasterDown = "masterdown",
    /// The server can't write its data to disk, and takes no writes until it can.
    MisConf = "misconf",
    /// The server has too few replicas to take writes.
    NoReplicas = "noreplicas",
    /// The key holds something else than a ticket's record.
    WrongType = "wrongtype",
}

impl Fault {
    /// Whether it is likely to be there until somebody mends something.
    pub fn is_lasting(self) -> bool {
        !matches!(self, Self::Disconnected | Self::Ask | Self::TryAgain | Self::Loading | Self::Busy | Self::WrongType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Cause;
    use std::collections::HashSet;

    #[test]
    fn each_has_a_word_of_its_own() {
        let words: HashSet<_> = Fault::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(words.len(), Fault::ALL.len());
    }

    /// The documents list all that a log can say, and with a star what `/health` says too.
    #[test]
    fn the_documents_have_each() {
        use Cause::{Failed, Full, LimitReached, NoRandomness, NotUnderstood, Overloaded, Resting, TimedOut};
        let full = Full { seconds: None };
        let resting = Resting { seconds: 1 };
        let causes = [Failed, TimedOut, LimitReached, Overloaded, NotUnderstood, full, resting, NoRandomness];
        let causes: Vec<_> = Fault::ALL.iter().map(|fault| Cause::Server(*fault)).chain(causes).collect();
        let english = include_str!("../../../docs/operations.md");
        let chinese = include_str!("../../../docs/zh-CN/operations.md");
        for (document, heading) in [(english, "## Why a store gave no answer"), (chinese, "## 存储为什么没有应答")]
        {
            let section = document.split_once(heading).unwrap().1.split("\n## ").next().unwrap();
            // The row of the table's head is `reason`.
            let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
            let words = rows.filter(|row| !row.starts_with("reason`")).flat_map(|row| row.split(", "));
            let listed: HashSet<_> = words.map(|word| word.replace(['`', ' '], "")).collect();
            let star = |cause: &Cause| if cause.is_lasting() { "*" } else { "" };
            let mut expected: HashSet<_> = causes.iter().map(|cause| format!("{cause}{}", star(cause))).collect();
            expected.insert("corrupt".to_owned());
            assert_eq!(listed, expected);
        }
    }
}
