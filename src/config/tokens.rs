//! The settings about tokens: whose keys verify them, by which algorithms, and what they must say.

use super::algorithm::{Algorithm, KeyKind};
use super::parse::{Reader, can_be_listed};
use super::public_key::{self, PublicKey};
use super::published;
use super::secret_key::{self, SecretKey};
use super::{Environment, PUBLIC_JWT_SECRET, Settings};

/// Seconds that clocks may be apart at most.
const LEEWAY_MAX: u32 = 60;
/// What says "any, also none" where an audience must be configured.
const ANY_AUDIENCE: &str = "*";

/// What a token must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// What verifies it.
    pub keys: Keys,
    /// The only algorithms that it may be signed with. Never empty, and each fits the keys.
    pub algorithms: Vec<Algorithm>,
    /// The `iss` that it may have; with none named, any or none.
    pub issuers: Vec<String>,
    /// The `aud` of which it must have one; with none named, any or none.
    pub audiences: Vec<String>,
    /// `LOGOUT_AUDIENCE`: the `aud` of which a logout token must have one; with none named there are no such tokens.
    pub logout_audiences: Vec<String>,
    /// The `typ` that its header must have, if any: in lower case, without `application/`.
    pub typ: Option<String>,
    /// By how many seconds the issuer's clock may be behind or ahead.
    pub leeway_seconds: u32,
    /// Which claim names the subject.
    pub subject: SubjectRule,
    /// `TICKET_CLAIMS`.
    pub claims: Vec<String>,
}

/// What verifies tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Secrets shared with the issuer: any of them.
    Secrets(Vec<SecretKey>),
    /// The issuer's public keys: any of them.
    Public(Vec<PublicKey>),
    /// Public keys that the issuer publishes as a JWK Set (RFC 7517 §5).
    Set {
        /// Where.
        url: String,
        /// `IDENTITY_TIMEOUT_MS`.
        timeout_ms: u32,
    },
}

/// Which claim names the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectRule {
    /// `sub`.
    Sub,
    /// `sub`, or where that is empty `common_name`: Cloudflare Access says so of its service tokens.
    OrCommonName,
}

/// Where keys come from.
enum KeySource {
    Secrets,
    PublicKeys(String),
    Set,
}

impl<S: Settings> Reader<'_, S> {
    /// The tokens of the app's own login.
    pub(super) fn tokens(&mut self, environment: Environment, timeout_ms: u32, claims: Vec<String>) -> TokenSettings {
        let source = self.source();
        let named = self.algorithms(matches!(source, KeySource::Secrets));
        let is_set = matches!(source, KeySource::Set);
        let (keys, usual) = match source {
            KeySource::Secrets => (Keys::Secrets(self.secrets(environment, named.as_deref())), vec![Algorithm::Hs256]),
            KeySource::PublicKeys(text) => {
                let keys = self.public_keys(&text, named.as_deref());
                let mut usual = Vec::new();
                for algorithm in keys.iter().map(|key| key.kind.usual()) {
                    if !usual.contains(&algorithm) {
                        usual.push(algorithm);
                    }
                }
                (Keys::Public(keys), usual)
            }
            KeySource::Set => {
                let url = self.jwks_url(environment).unwrap_or_default();
                (Keys::Set { url, timeout_ms }, vec![Algorithm::Rs256])
            }
        };
        let (issuers, audiences) = self.issuers_and_audiences(is_set);
        let logout_audiences = self.logout_audiences(&issuers);
        TokenSettings {
            keys,
            algorithms: named.unwrap_or(usual),
            issuers,
            audiences,
            logout_audiences,
            typ: self.typ(),
            leeway_seconds: self.number_in("JWT_LEEWAY_SECONDS", 0..=LEEWAY_MAX, 0),
            subject: SubjectRule::Sub,
            claims,
        }
    }

    /// Keys come from one place: with two, the weaker one would decide.
    fn source(&mut self) -> KeySource {
        let sources = ["JWT_SECRET", "JWT_PUBLIC_KEY", "JWT_JWKS_URL"];
        let mut set = Vec::new();
        for name in sources {
            set.extend(self.text(name).map(|text| (name, text)));
        }
        for (name, _) in set.iter().skip(1) {
            self.wrong(name, "is set, and so is another source of keys", format!("one of {}", sources.join(", ")));
        }
        let first = set.into_iter().next();
        if first.as_ref().is_none_or(|(name, _)| *name != "JWT_SECRET") && self.text("JWT_SECRET_PREVIOUS").is_some() {
            let expected = "set only together with JWT_SECRET";
            self.wrong("JWT_SECRET_PREVIOUS", "is set, and JWT_SECRET is not", expected);
        }
        match first {
            Some(("JWT_PUBLIC_KEY", text)) => KeySource::PublicKeys(text),
            Some(("JWT_JWKS_URL", _)) => KeySource::Set,
            _ => KeySource::Secrets,
        }
    }

    /// `JWT_ALGORITHMS`; `None` when absent, or wrong and said so.
    fn algorithms(&mut self, hmac: bool) -> Option<Vec<Algorithm>> {
        let known: Vec<_> = Algorithm::names(hmac).collect();
        let expected = format!("one or several different ones of {}, which the keys are for", known.join(", "));
        let names = self.list("JWT_ALGORITHMS", expected, |text| known.iter().find(|name| **name == text).copied())?;
        let mut algorithms = Vec::new();
        for algorithm in names.into_iter().filter_map(Algorithm::of) {
            // Two names may mean one.
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        Some(algorithms)
    }

    /// `JWT_SECRET` and `JWT_SECRET_PREVIOUS`.
    fn secrets(&mut self, environment: Environment, named: Option<&[Algorithm]>) -> Vec<SecretKey> {
        let named = named.unwrap_or(&[Algorithm::Hs256]);
        let min = named.iter().map(|algorithm| algorithm.secret_min()).max().unwrap_or_default();
        let expected = format!("a random secret of {min} bytes or more");
        if self.text("JWT_SECRET").is_none() {
            self.wrong("JWT_SECRET", "is not set, and IDENTITY is jwt", expected.as_str());
        }
        let mut secrets = Vec::new();
        for name in ["JWT_SECRET", "JWT_SECRET_PREVIOUS"] {
            let Some(text) = self.text(name) else { continue };
            match secret_key::read(&text) {
                Ok(secret) => {
                    let bytes = secret.reveal();
                    if bytes.len() < min {
                        self.wrong(name, "is too short", expected.as_str());
                    }
                    if bytes == PUBLIC_JWT_SECRET.as_bytes() && environment == Environment::Production {
                        self.wrong(name, "is the public one of .dev.vars.example", expected.as_str());
                    }
                    secrets.push(secret);
                }
                Err((problem, expected)) => self.wrong(name, problem, expected),
            }
        }
        secrets
    }

    fn public_keys(&mut self, text: &str, named: Option<&[Algorithm]>) -> Vec<PublicKey> {
        let Some(keys) = public_key::read(text) else {
            self.wrong(
                "JWT_PUBLIC_KEY",
                "is not public keys in PEM that can be used",
                "1 to 4 blocks of -----BEGIN PUBLIC KEY-----: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519",
            );
            return Vec::new();
        };
        let Some(named) = named else { return keys };
        let expected = "RSA for RS256, RS384, RS512, PS256, PS384 and PS512, P-256 for ES256, P-384 for ES384, P-521 for ES512, \
                        Ed25519 for EdDSA, which is Ed25519, too";
        let is_used = |kind: KeyKind| named.iter().any(|algorithm| algorithm.kind() == Some(kind));
        let has_key = |algorithm: &Algorithm| keys.iter().any(|key| algorithm.kind() == Some(key.kind));
        if !keys.iter().all(|key| is_used(key.kind)) {
            self.wrong("JWT_PUBLIC_KEY", "has a key that none of JWT_ALGORITHMS is for", expected);
        } else if !named.iter().all(has_key) {
            self.wrong("JWT_ALGORITHMS", "has one that no key of JWT_PUBLIC_KEY is for", expected);
        }
        keys
    }

    /// `JWT_JWKS_URL`. What an issuer publishes beside its set is often taken for it.
    fn jwks_url(&mut self, environment: Environment) -> Option<String> {
        let url = self.url("JWT_JWKS_URL", environment)?;
        if let Some((problem, expected)) = published::is_no_key_set(&url) {
            self.wrong("JWT_JWKS_URL", problem, expected);
        }
        Some(url)
    }

    /// `JWT_ISSUER` and `JWT_AUDIENCE`. Whoever publishes keys signs for many with them.
    fn issuers_and_audiences(&mut self, required: bool) -> (Vec<String>, Vec<String>) {
        for (name, expected) in [
            ("JWT_ISSUER", "the iss of your issuer's tokens"),
            ("JWT_AUDIENCE", "the aud of tokens that are meant for this gate; * for any, also none"),
        ] {
            if required && self.text(name).is_none() {
                self.wrong(name, "is not set, and JWT_JWKS_URL is", expected);
            }
        }
        let issuers = self.values_of_claims("JWT_ISSUER");
        if let Some((problem, expected)) = issuers.iter().find_map(|issuer| published::is_no_issuer(issuer)) {
            self.wrong("JWT_ISSUER", problem, expected);
        }
        let any = self.text("JWT_AUDIENCE").is_some_and(|text| text.trim() == ANY_AUDIENCE);
        (issuers, if any { Vec::new() } else { self.values_of_claims("JWT_AUDIENCE") })
    }

    /// `LOGOUT_AUDIENCE`. A logout token always says who sent it.
    fn logout_audiences(&mut self, issuers: &[String]) -> Vec<String> {
        let audiences = self.values_of_claims("LOGOUT_AUDIENCE");
        if !audiences.is_empty() && issuers.is_empty() {
            self.wrong("JWT_ISSUER", "is not set, and LOGOUT_AUDIENCE is", "the iss of your issuer's tokens");
        }
        audiences
    }

    /// What a claim may be: one or several different texts, comma-separated, byte for byte as tokens have them.
    pub(super) fn values_of_claims(&mut self, name: &'static str) -> Vec<String> {
        let expected = "one or several different values with plain commas (,) between them, byte for byte as tokens have them: no \
                        wildcard, no quotes, no spaces, nothing in brackets to be filled in";
        self.list(name, expected, |text| can_be_claimed(text).then(|| text.to_owned())).unwrap_or_default()
    }

    fn typ(&mut self) -> Option<String> {
        let typ = media_type(&self.text("JWT_TYP")?);
        if !is_type(&typ) {
            self.wrong("JWT_TYP", "is not a type of token", "such as at+jwt");
        }
        Some(typ)
    }
}

/// Whether the text can be an `iss` or an `aud`: a URI, or another text that is none (RFC 7519 §2). What no URI can have
/// (RFC 3986 §2) is refused in both.
fn can_be_claimed(text: &str) -> bool {
    can_be_listed(text) && !text.contains(['|', '\\', '^']) && !text.starts_with('[')
}

/// Whether the text can be the name of a media type (RFC 6838 §4.2), so that a token can have it: `*` can't.
fn is_type(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
}

/// A media type as tokens name theirs: `application/` may be left out, and the case doesn't matter (RFC 7515 §4.1.9).
pub fn media_type(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    text.strip_prefix("application/").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests;
