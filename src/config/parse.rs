//! From texts to a [`Config`], collecting all that is wrong on the way.

use std::num::NonZeroU16;

use worker::Url;

use super::{
    Composition, Config, Environment, IdentityChoice, JWT_SECRET_MIN, JwtSettings, KV_BINDING, PUBLIC_JWT_SECRET,
    Problem, SHARD_BINDING, SHARDS_MAX, Secret, Settings, TTL_MAX,
};

const DEFAULT_TTL: u32 = 300;
const DEFAULT_SHARDS: u16 = 4;

pub(super) fn read(settings: &impl Settings) -> Result<Config, Vec<Problem>> {
    let mut reader = Reader { settings, problems: Vec::new() };
    let environment = reader.environment();
    let config = Config {
        environment,
        composition: reader.composition(),
        ttl_seconds: reader.whole_number("TICKET_TTL_SECONDS", TTL_MAX, DEFAULT_TTL),
        identity: reader.identity(environment),
        origins: reader.origins(),
    };
    if reader.problems.is_empty() { Ok(config) } else { Err(reader.problems) }
}

/// Each method answers with something even where a setting is wrong, so that reading goes on to the next; the collected
/// problems then refuse the whole.
struct Reader<'a, S> {
    settings: &'a S,
    problems: Vec<Problem>,
}

impl<S: Settings> Reader<'_, S> {
    fn wrong(&mut self, name: &'static str, problem: &'static str, expected: impl Into<String>) {
        self.problems.push(Problem::new(name, problem, expected));
    }

    /// The setting's text; `None` when absent, empty, or wrong in itself.
    fn text(&mut self, name: &'static str) -> Option<String> {
        match self.settings.text(name) {
            Ok(text) => text.filter(|text| !text.is_empty()),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// One of a few words; the first is the default.
    fn one_of<T: Copy>(&mut self, name: &'static str, default: T, choices: &[(&str, T)]) -> T {
        let Some(text) = self.text(name) else { return default };
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == text) {
            return *choice;
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.wrong(name, "is not one of the allowed values", words.join(", "));
        default
    }

    /// A whole number from 1 to `max`, in plain decimal digits.
    fn whole_number(&mut self, name: &'static str, max: u32, default: u32) -> u32 {
        let Some(text) = self.text(name) else { return default };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits && (1..=max).contains(&number) => number,
            _ => {
                self.wrong(name, "is not a whole number in its range", format!("1 to {max}"));
                default
            }
        }
    }

    fn environment(&mut self) -> Environment {
        let choices = [("production", Environment::Production), ("development", Environment::Development)];
        self.one_of("ENVIRONMENT", Environment::Production, &choices)
    }

    fn composition(&mut self) -> Composition {
        #[derive(Clone, Copy)]
        enum Choice {
            Auto,
            Memory,
            Kv,
        }
        let choices = [("auto", Choice::Auto), ("memory", Choice::Memory), ("kv", Choice::Kv)];
        let choice = self.one_of("TICKET_STORE", Choice::Auto, &choices);
        let best_effort = self.one_of("ALLOW_BEST_EFFORT", false, &[("false", false), ("true", true)]);
        let shards = self.whole_number("TICKET_SHARDS", SHARDS_MAX.into(), DEFAULT_SHARDS.into());
        let shards = u16::try_from(shards).ok().and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN);

        let kv_bound = self.settings.is_bound(KV_BINDING);
        match choice {
            Choice::Memory => return Composition::Memory,
            Choice::Auto if !kv_bound => return Composition::Memory,
            Choice::Kv if !kv_bound => {
                self.wrong(KV_BINDING, "is not bound, and TICKET_STORE is kv", "a Workers KV namespace");
            }
            Choice::Auto | Choice::Kv => {}
        }
        if self.settings.is_bound(SHARD_BINDING) {
            return Composition::KvWithLedger { shards };
        }
        if !best_effort {
            self.wrong(
                SHARD_BINDING,
                "is not bound, and Workers KV alone can admit several connections with one ticket",
                "the Durable Object class TicketShard, or ALLOW_BEST_EFFORT=true to live with it",
            );
        }
        Composition::Kv
    }

    fn identity(&mut self, environment: Environment) -> IdentityChoice {
        #[derive(Clone, Copy)]
        enum Choice {
            Jwt,
            Dev,
        }
        let choices = [("jwt", Choice::Jwt), ("dev", Choice::Dev)];
        match self.one_of("IDENTITY", Choice::Jwt, &choices) {
            Choice::Jwt => IdentityChoice::Jwt(self.jwt(environment)),
            Choice::Dev => {
                if environment != Environment::Development {
                    self.wrong(
                        "IDENTITY",
                        "is dev, which lets everybody be anybody",
                        "jwt, or ENVIRONMENT=development",
                    );
                }
                IdentityChoice::Dev
            }
        }
    }

    fn jwt(&mut self, environment: Environment) -> JwtSettings {
        let secret = self.text("JWT_SECRET");
        let expected = format!("a random secret of {JWT_SECRET_MIN} bytes or more");
        match secret.as_deref() {
            None => self.wrong("JWT_SECRET", "is not set, and IDENTITY is jwt", expected),
            Some(s) if s.len() < JWT_SECRET_MIN => self.wrong("JWT_SECRET", "is too short", expected),
            Some(PUBLIC_JWT_SECRET) if environment == Environment::Production => {
                self.wrong("JWT_SECRET", "is the public one of .dev.vars.example", expected);
            }
            Some(_) => {}
        }
        JwtSettings {
            secret: Secret(secret.unwrap_or_default()),
            issuer: self.text("JWT_ISSUER"),
            audience: self.text("JWT_AUDIENCE"),
        }
    }

    fn origins(&mut self) -> Vec<String> {
        let Some(text) = self.text("ALLOWED_ORIGINS") else { return Vec::new() };
        let origins: Vec<String> = text.split(',').map(|origin| origin.trim().to_owned()).collect();
        if !origins.iter().all(|origin| is_serialised_origin(origin)) {
            self.wrong(
                "ALLOWED_ORIGINS",
                "has an entry that is not an origin as browsers send it",
                "https://app.example.com, comma-separated: scheme and host in lowercase, a port only where it is not the \
                 scheme's own, no path, no slash at the end, no wildcard",
            );
        }
        origins
    }
}

/// Whether a browser would send exactly this text as `Origin` (RFC 6454 §6.2).
fn is_serialised_origin(text: &str) -> bool {
    !text.contains('*')
        && Url::parse(text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
