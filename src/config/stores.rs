//! The settings about stores: which there are, which issue, and how long to wait for them.

use std::num::NonZeroU16;

use super::parse::Reader;
use super::{
    Environment, KV_BINDING, Leaf, OWN_KEY_MIN, SHARD_BINDING, Secret, Settings, Stores, TIMEOUT_MAX, defaults,
};
use ws_ticket_core::region::SHARDS_MAX;

/// The stores by the names that `TICKET_STORE` has for them, and what each needs.
const NAMES: [&str; 6] = ["memory", "kv", "durable", "sealed", "redis", "upstash"];

impl<S: Settings> Reader<'_, S> {
    pub(super) fn stores(&mut self, environment: Environment) -> Stores {
        let best_effort = self.one_of("ALLOW_BEST_EFFORT", false, &[("false", false), ("true", true)]);
        let shards = self.shard_count("TICKET_SHARDS", defaults::SHARDS);
        // A number that nobody gave is none that any ticket is from: the counts begin at 1.
        let shards_before = self.shard_count("TICKET_SHARDS_PREVIOUS", 1);
        let redis = self.redis();
        let upstash = self.upstash(environment);
        let seal_keys = self.seal_keys(environment);
        let kv_bound = self.settings.is_bound(KV_BINDING);
        let ledger = self.settings.is_bound(SHARD_BINDING);

        let names = self.issuing_names(kv_bound);
        if names.contains(&"kv") && !ledger && !best_effort {
            self.wrong(
                SHARD_BINDING,
                "is not bound, and Workers KV alone can admit several connections with one ticket",
                "the Durable Object class TicketShard, or ALLOW_BEST_EFFORT=true to live with it",
            );
        }
        let configured = |name: &str| match name {
            "memory" => Some(Leaf::Memory),
            "kv" => (kv_bound && (ledger || best_effort)).then_some(Leaf::Kv { ledger }),
            "durable" => ledger.then_some(Leaf::Durable),
            // Without a ledger a sealed ticket could be used again and again, so nothing allows that.
            "sealed" => seal_keys.clone().filter(|_| ledger).map(Leaf::Sealed),
            "redis" => redis.clone().map(Leaf::Redis),
            "upstash" => upstash.clone().map(Leaf::Upstash),
            _ => None,
        };
        let issuing: Vec<_> = names.iter().filter_map(|name| configured(name)).collect();
        let others = NAMES.iter().filter(|name| !names.contains(name));
        let consuming: Vec<_> = others.filter_map(|name| configured(name)).collect();
        for name in names {
            self.needs(name, kv_bound, ledger);
        }
        Stores {
            issuing,
            consuming,
            shards,
            shards_before: self.text("TICKET_SHARDS_PREVIOUS").map(|_| shards_before),
            shards_asked: shards.max(shards_before).get(),
            ends: false,
            rooms: false,
            session_max_seconds: defaults::SESSION_MAX_SECONDS,
            timeout_ms: self.whole_number("STORE_TIMEOUT_MS", TIMEOUT_MAX, defaults::STORE_TIMEOUT_MS),
            slow_write_ms: self.whole_number("SLOW_WRITE_MS", TIMEOUT_MAX, defaults::SLOW_WRITE_MS),
            slow_read_ms: self.whole_number("SLOW_READ_MS", TIMEOUT_MAX, defaults::SLOW_READ_MS),
        }
    }

    /// `SEAL_KEY` and `SEAL_KEY_PREVIOUS`.
    fn seal_keys(&mut self, environment: Environment) -> Option<Vec<Secret>> {
        let (current, previous) =
            (self.own_key("SEAL_KEY", environment), self.own_key("SEAL_KEY_PREVIOUS", environment));
        if current.is_none() && previous.is_some() {
            self.wrong("SEAL_KEY_PREVIOUS", "is set, and SEAL_KEY is not", "set only together with SEAL_KEY");
        }
        Some([Some(current?), previous].into_iter().flatten().collect())
    }

    fn shard_count(&mut self, name: &'static str, default: u16) -> NonZeroU16 {
        let count = self.whole_number(name, SHARDS_MAX.into(), default.into());
        u16::try_from(count).ok().and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN)
    }

    /// The stores that issue, in order: `auto`, or a list of different names.
    fn issuing_names(&mut self, kv_bound: bool) -> Vec<&'static str> {
        let text = self.text("TICKET_STORE").unwrap_or_else(|| "auto".to_owned());
        if text == "auto" {
            return vec![if kv_bound { "kv" } else { "memory" }];
        }
        let mut names = Vec::new();
        for part in text.split(',').map(str::trim) {
            match NAMES.iter().find(|name| **name == part) {
                Some(name) if !names.contains(name) => names.push(*name),
                _ => {
                    let expected = format!("auto, or one or several different ones of {}", NAMES.join(", "));
                    self.wrong("TICKET_STORE", "has an unknown or a repeated store", expected);
                    break;
                }
            }
        }
        names
    }

    /// Says what a store that is to issue lacks. A setting that is there and wrong was said already.
    fn needs(&mut self, name: &str, kv_bound: bool, shard_bound: bool) {
        let is_set = |reader: &mut Self, setting| reader.text(setting).is_some();
        match name {
            "kv" if !kv_bound => {
                self.wrong(KV_BINDING, "is not bound, and TICKET_STORE has kv", "a Workers KV namespace")
            }
            "durable" if !shard_bound => {
                self.wrong(
                    SHARD_BINDING,
                    "is not bound, and TICKET_STORE has durable",
                    "the Durable Object class TicketShard",
                );
            }
            "sealed" => {
                if !shard_bound {
                    let expected = "the Durable Object class TicketShard, which remembers who had a ticket";
                    self.wrong(SHARD_BINDING, "is not bound, and TICKET_STORE has sealed", expected);
                }
                if !is_set(self, "SEAL_KEY") {
                    let expected = format!("a random secret of {OWN_KEY_MIN} bytes or more, of its own");
                    self.wrong("SEAL_KEY", "is not set, and TICKET_STORE has sealed", expected);
                }
            }
            "redis" if !is_set(self, "REDIS_URL") => {
                self.wrong("REDIS_URL", "is not set, and TICKET_STORE has redis", super::servers::REDIS_URL);
            }
            "upstash" if !is_set(self, "UPSTASH_REDIS_REST_URL") && !is_set(self, "UPSTASH_REDIS_REST_TOKEN") => {
                let problem = "is not set, and TICKET_STORE has upstash";
                self.wrong("UPSTASH_REDIS_REST_URL", problem, super::servers::UPSTASH_URL);
                self.wrong("UPSTASH_REDIS_REST_TOKEN", problem, super::servers::UPSTASH_TOKEN);
            }
            _ => {}
        }
    }
}
