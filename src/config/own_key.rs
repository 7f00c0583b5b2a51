//! Secrets that are the gate's own, and nobody else's: `TICKET_KEY`, `SEAL_KEY`, `REDEEM_SECRET`, `ADMIN_TOKEN`, those before them, and `UPSTREAM_SECRET`.

use super::parse::Reader;
use super::secret_key;
use super::{Environment, OWN_KEY_MIN, PUBLIC_JWT_SECRET, Secret, Settings};

/// What is wrong with a key that is another setting's secret too, by the name of that: who has the one would have the other. A key may be
/// the one before it: secrets are set one after the other, and in between it is in both places.
const ALSO: [(&str, &str); 14] = [
    ("JWT_SECRET", "is the same as JWT_SECRET"),
    ("JWT_SECRET_PREVIOUS", "is the same as JWT_SECRET_PREVIOUS"),
    ("UPSTASH_REDIS_REST_TOKEN", "is the same as UPSTASH_REDIS_REST_TOKEN"),
    ("REDIS_URL", "is the same as REDIS_URL"),
    ("TICKET_KEY", "is the same as TICKET_KEY"),
    ("TICKET_KEY_PREVIOUS", "is the same as TICKET_KEY_PREVIOUS"),
    ("SEAL_KEY", "is the same as SEAL_KEY"),
    ("SEAL_KEY_PREVIOUS", "is the same as SEAL_KEY_PREVIOUS"),
    ("REDEEM_SECRET", "is the same as REDEEM_SECRET"),
    ("REDEEM_SECRET_PREVIOUS", "is the same as REDEEM_SECRET_PREVIOUS"),
    ("ADMIN_TOKEN", "is the same as ADMIN_TOKEN"),
    ("ADMIN_TOKEN_PREVIOUS", "is the same as ADMIN_TOKEN_PREVIOUS"),
    ("UPSTREAM_SECRET", "is the same as UPSTREAM_SECRET"),
    ("UPSTREAM_AUTHORIZATION", "is the same as UPSTREAM_AUTHORIZATION"),
];

/// What a key and the one before it begin with.
fn family(name: &str) -> &str {
    name.strip_suffix("_PREVIOUS").unwrap_or(name)
}

impl<S: Settings> Reader<'_, S> {
    /// The key, if it is set. It answers with one that is wrong, too, and says so.
    pub(super) fn own_key(&mut self, name: &'static str, environment: Environment) -> Option<Secret> {
        let text = self.text(name)?;
        let expected = format!("a random secret of {OWN_KEY_MIN} bytes or more, of its own");
        if text.len() < OWN_KEY_MIN {
            self.wrong(name, "is too short", expected.as_str());
        }
        if let Some((problem, _)) = secret_key::copied_along(&text) {
            self.wrong(name, problem, expected.as_str());
        }
        if text == PUBLIC_JWT_SECRET && environment == Environment::Production {
            self.wrong(name, "is the public one of .dev.vars.example", expected.as_str());
        }
        for (other, problem) in ALSO.into_iter().filter(|(other, _)| family(other) != family(name)) {
            // Also where the other's text is another way to write the same bytes.
            let is_same = |other: &String| {
                *other == text || secret_key::read(other).is_ok_and(|key| key.reveal() == text.as_bytes())
            };
            if self.text(other).as_ref().is_some_and(is_same) {
                self.wrong(name, problem, expected.as_str());
            }
        }
        if self.redis_password().is_some_and(|password| password.reveal() == text) {
            self.wrong(name, "is the same as the password in REDIS_URL", expected);
        }
        Some(Secret(text))
    }
}
