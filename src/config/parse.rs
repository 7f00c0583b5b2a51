//! From texts to a [`Config`], collecting all that is wrong on the way. What concerns origins, stores, tickets and identity
//! is in files of its own.

use std::ops::RangeInclusive;

use worker::Url;

use super::{
    ASSETS_BINDING, BadSetting, Config, Environment, IdentityChoice, SESSION_MAX, SessionChoice, Settings, defaults,
};
use ws_ticket_core::region::SHARDS_MAX;
use ws_ticket_core::store::TTL_MAX;

pub(super) fn read(settings: &impl Settings) -> Result<Config, Vec<BadSetting>> {
    let mut reader = Reader { settings, problems: Vec::new() };
    let environment = reader.environment();
    let mut stores = reader.stores(environment);
    let identity = reader.identity(environment);
    let ticket_check = reader.ticket_check(environment, &identity);
    if !ticket_check.keys.is_empty() && !ticket_check.optional {
        // A ticket that gets as far as its shard was issued, and nobody is woken in vain.
        stores.shards_asked = SHARDS_MAX;
    }
    let redeem_secrets = reader.redeem_secrets(environment);
    let admin_tokens = reader.admin_tokens(environment);
    let session = reader.session(environment);
    let session_max_seconds = reader.whole_number("SESSION_MAX_SECONDS", SESSION_MAX, defaults::SESSION_MAX_SECONDS);
    let logouts = matches!(&identity, IdentityChoice::Jwt(tokens) if !tokens.logout_audiences.is_empty());
    stores.ends = reader.ends(&admin_tokens, logouts, &stores);
    stores.rooms = matches!(session, SessionChoice::Hub { .. });
    stores.session_max_seconds = session_max_seconds;
    let closes_reused = reader.closes_reused(&stores);
    let config = Config {
        environment,
        place: reader.place(environment),
        stores,
        session_max_seconds,
        ttl_seconds: reader.whole_number("TICKET_TTL_SECONDS", TTL_MAX, defaults::TTL_SECONDS),
        carriage: reader.carriage(),
        bind: reader.bind(),
        closes_reused,
        refuses_by_close: reader.one_of("REFUSE_WITH", false, &[("http", false), ("close", true)]),
        ticket_check,
        redeem_secrets,
        admin_tokens,
        session,
        limits: reader.limits(),
        identity,
        page: reader.page(environment),
        origins: reader.origins(environment),
    };
    if reader.problems.is_empty() { Ok(config) } else { Err(reader.problems) }
}

/// Each method answers with something even where a setting is wrong, so that reading goes on to the next; the collected
/// problems then refuse the whole.
pub(super) struct Reader<'a, S> {
    pub(super) settings: &'a S,
    problems: Vec<BadSetting>,
}

impl<S: Settings> Reader<'_, S> {
    pub(super) fn wrong(&mut self, name: &'static str, problem: &'static str, expected: impl Into<String>) {
        self.problems.push(BadSetting::new(name, problem, expected));
    }

    /// The setting's text; `None` when absent, empty, or wrong in itself.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.settings.text(name) {
            Ok(text) => text.filter(|text| !text.is_empty()),
            Err(problem) => {
                // A setting may be looked at several times.
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                None
            }
        }
    }

    /// One of a few words; the first is the default.
    pub(super) fn one_of<T: Copy>(&mut self, name: &'static str, default: T, choices: &[(&str, T)]) -> T {
        let Some(text) = self.text(name) else { return default };
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == text) {
            return *choice;
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.wrong(name, "is not one of the allowed values", words.join(", "));
        default
    }

    /// A whole number from 1 to `max`, in plain decimal digits.
    pub(super) fn whole_number(&mut self, name: &'static str, max: u32, default: u32) -> u32 {
        self.number_in(name, 1..=max, default)
    }

    /// A whole number in a range, in plain decimal digits.
    pub(super) fn number_in(&mut self, name: &'static str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let Some(text) = self.text(name) else { return default };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits && range.contains(&number) => number,
            _ => {
                let expected = format!("{} to {}", range.start(), range.end());
                self.wrong(name, "is not a whole number in its range", expected);
                default
            }
        }
    }

    /// Different words, comma-separated, each one that `read` knows; `None` when absent, or wrong and said so.
    pub(super) fn list<T: PartialEq>(
        &mut self,
        name: &'static str,
        expected: impl Into<String>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let text = self.text(name)?;
        let mut entries = Vec::new();
        for part in text.split(',').map(str::trim) {
            match read(part) {
                Some(entry) if !entries.contains(&entry) => entries.push(entry),
                _ => {
                    self.wrong(name, "has an unknown or a repeated entry", expected);
                    return None;
                }
            }
        }
        Some(entries)
    }

    /// Where another server is asked.
    pub(super) fn url(&mut self, name: &'static str, environment: Environment) -> Option<String> {
        let text = self.text(name)?;
        if is_written_as_url(&text) && Url::parse(&text).is_ok_and(|url| can_be_asked(&url, environment)) {
            return Some(text);
        }
        let expected = "one https://…, with no login, no fragment, no spaces, and nothing in brackets to be filled in";
        self.wrong(name, "is not a URL that can be asked", expected);
        None
    }

    fn environment(&mut self) -> Environment {
        let choices = [("production", Environment::Production), ("development", Environment::Development)];
        self.one_of("ENVIRONMENT", Environment::Production, &choices)
    }

    fn page(&mut self, environment: Environment) -> bool {
        let bound = self.settings.is_bound(ASSETS_BINDING);
        let default = bound && environment == Environment::Development;
        let page = self.one_of("PAGE", default, &[("on", true), ("off", false)]);
        if page && !bound {
            self.wrong(
                ASSETS_BINDING,
                "is not bound, and PAGE is on",
                "the static assets (`assets` in wrangler.jsonc)",
            );
        }
        page
    }
}

/// Whether a request can be made to the URL: a login in it is refused by the platform, and secrets go over TLS, but on a
/// developer's machine.
pub(super) fn can_be_asked(url: &Url, environment: Environment) -> bool {
    let secure = match url.scheme() {
        "https" => true,
        "http" => environment == Environment::Development,
        _ => false,
    };
    secure && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

/// Whether nobody sees the character, where it came along with what was copied: white space, control characters, and those
/// of no width, a byte order mark among them.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Marks that stand around a text, or for one that was to be filled in, or between two, and in no address and no name: quotes of
/// every kind, brackets, a wildcard, and the commas and semicolons of Chinese and Japanese.
const MARKS: &str = "\"`“”„‘’‚«»「」『』<>{}*，；、";

/// Whether the text can be one entry of a list, and not several with another mark than a comma between them. A semicolon can be
/// in the path of a URL.
pub(super) fn can_be_listed(text: &str) -> bool {
    let several = text.split_once(';').is_some_and(|(first, rest)| !first.contains("://") || rest.contains("://"));
    !text.is_empty() && !several && !text.contains(|c| is_blank(c) || MARKS.contains(c)) && !text.starts_with('\'')
}

/// Whether the text is one address and nothing else: parsing takes out line breaks, and takes the rest of a list, quotes, or a
/// part that was to be filled in, for a path.
pub(super) fn is_written_as_url(text: &str) -> bool {
    let is_strange = |c: char| is_blank(c) || "\"<>{}".contains(c);
    let (address, _) = text.split_once(['?', '#']).unwrap_or((text, ""));
    !text.contains(is_strange) && address.matches("://").count() == 1
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
