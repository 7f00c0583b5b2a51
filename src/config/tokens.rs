//! The settings about tokens: whose keys verify them, by which algorithms, and what they must say.

use jsonwebtoken::{Algorithm, AlgorithmFamily};

use super::parse::Reader;
use super::public_key::{self, KeyKind, PublicKey};
use super::{Environment, PUBLIC_JWT_SECRET, Secret, Settings};

/// Every algorithm that the gate knows, by the name that tokens have for it (RFC 7518 §3.1, RFC 8037 §3.1).
const ALGORITHMS: [(&str, Algorithm); 7] = [
    ("HS256", Algorithm::HS256),
    ("HS384", Algorithm::HS384),
    ("HS512", Algorithm::HS512),
    ("RS256", Algorithm::RS256),
    ("PS256", Algorithm::PS256),
    ("ES256", Algorithm::ES256),
    ("EdDSA", Algorithm::EdDSA),
];
/// What keys in PEM begin with (RFC 7468 §2).
const PEM: &str = "-----BEGIN ";
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
    /// The `iss` that it must have, if any.
    pub issuer: Option<String>,
    /// An `aud` that it must have, if any.
    pub audience: Option<String>,
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
    Secrets(Vec<Secret>),
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
enum Source {
    Secrets,
    PublicKeys(String),
    Set,
}

impl<S: Settings> Reader<'_, S> {
    /// The tokens of the app's own login.
    pub(super) fn tokens(&mut self, environment: Environment, timeout_ms: u32, claims: Vec<String>) -> TokenSettings {
        let source = self.source();
        let named = self.algorithms(matches!(source, Source::Secrets));
        let is_set = matches!(source, Source::Set);
        let (keys, usual) = match source {
            Source::Secrets => (Keys::Secrets(self.secrets(environment, named.as_deref())), vec![Algorithm::HS256]),
            Source::PublicKeys(text) => {
                let keys = self.public_keys(&text, named.as_deref());
                let is_usual = |algorithm: &Algorithm| keys.iter().any(|key| key.kind.usual() == *algorithm);
                let usual = ALGORITHMS.iter().map(|(_, algorithm)| *algorithm).filter(is_usual).collect();
                (Keys::Public(keys), usual)
            }
            Source::Set => {
                let url = self.url("JWT_JWKS_URL", environment).unwrap_or_default();
                (Keys::Set { url, timeout_ms }, vec![Algorithm::RS256])
            }
        };
        let (issuer, audience) = self.issuer_and_audience(is_set);
        TokenSettings {
            keys,
            algorithms: named.unwrap_or(usual),
            issuer,
            audience,
            typ: self.typ(),
            leeway_seconds: self.number_in("JWT_LEEWAY_SECONDS", 0..=LEEWAY_MAX, 0),
            subject: SubjectRule::Sub,
            claims,
        }
    }

    /// Keys come from one place: with two, the weaker one would decide.
    fn source(&mut self) -> Source {
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
            Some(("JWT_PUBLIC_KEY", text)) => Source::PublicKeys(text),
            Some(("JWT_JWKS_URL", _)) => Source::Set,
            _ => Source::Secrets,
        }
    }

    /// `JWT_ALGORITHMS`; `None` when absent, or wrong and said so.
    fn algorithms(&mut self, hmac: bool) -> Option<Vec<Algorithm>> {
        let fits = |algorithm: Algorithm| (algorithm.family() == AlgorithmFamily::Hmac) == hmac;
        let fitting = ALGORITHMS.iter().filter(|(_, algorithm)| fits(*algorithm));
        let names: Vec<_> = fitting.clone().map(|(name, _)| *name).collect();
        let expected = format!("one or several different ones of {}, which the keys are for", names.join(", "));
        self.list("JWT_ALGORITHMS", expected, |text| {
            fitting.clone().find(|(name, _)| *name == text).map(|(_, algorithm)| *algorithm)
        })
    }

    /// `JWT_SECRET` and `JWT_SECRET_PREVIOUS`.
    fn secrets(&mut self, environment: Environment, named: Option<&[Algorithm]>) -> Vec<Secret> {
        // A key has at least as many bytes as the hash's output (RFC 7518 §3.2).
        let bytes = |algorithm: &Algorithm| match algorithm {
            Algorithm::HS512 => 64,
            Algorithm::HS384 => 48,
            _ => 32,
        };
        let min = named.unwrap_or_default().iter().map(bytes).max().unwrap_or(32);
        let expected = format!("a random secret of {min} bytes or more");
        if self.text("JWT_SECRET").is_none() {
            self.wrong("JWT_SECRET", "is not set, and IDENTITY is jwt", expected.as_str());
        }
        let mut secrets = Vec::new();
        for name in ["JWT_SECRET", "JWT_SECRET_PREVIOUS"] {
            let Some(secret) = self.text(name) else { continue };
            if secret.len() < min {
                self.wrong(name, "is too short", expected.as_str());
            }
            if secret == PUBLIC_JWT_SECRET && environment == Environment::Production {
                self.wrong(name, "is the public one of .dev.vars.example", expected.as_str());
            }
            // Whoever has a public key could sign with it, as if it were the secret (RFC 8725 §2.1).
            if secret.contains(PEM) {
                self.wrong(name, "is a key in PEM, and not a shared secret", expected.as_str());
            }
            secrets.push(Secret(secret));
        }
        secrets
    }

    fn public_keys(&mut self, text: &str, named: Option<&[Algorithm]>) -> Vec<PublicKey> {
        let Some(keys) = public_key::read(text) else {
            self.wrong(
                "JWT_PUBLIC_KEY",
                "is not public keys in PEM that can be used",
                "1 to 4 blocks of -----BEGIN PUBLIC KEY-----: RSA of 2048 bits or more, P-256 or Ed25519",
            );
            return Vec::new();
        };
        let is_used = |kind: KeyKind| named.is_none_or(|named| named.iter().any(|algorithm| kind.verifies(*algorithm)));
        if !keys.iter().all(|key| is_used(key.kind)) {
            self.wrong(
                "JWT_PUBLIC_KEY",
                "has a key that none of JWT_ALGORITHMS is for",
                "RSA for RS256 and PS256, P-256 for ES256, Ed25519 for EdDSA",
            );
        }
        keys
    }

    /// `JWT_ISSUER` and `JWT_AUDIENCE`. Whoever publishes keys signs for many with them.
    fn issuer_and_audience(&mut self, required: bool) -> (Option<String>, Option<String>) {
        let (issuer, audience) = (self.text("JWT_ISSUER"), self.text("JWT_AUDIENCE"));
        for (name, text, expected) in [
            ("JWT_ISSUER", &issuer, "the iss of your issuer's tokens"),
            ("JWT_AUDIENCE", &audience, "the aud of tokens that are meant for this gate; * for any, also none"),
        ] {
            if required && text.is_none() {
                self.wrong(name, "is not set, and JWT_JWKS_URL is", expected);
            }
        }
        (issuer, audience.filter(|audience| audience != ANY_AUDIENCE))
    }

    fn typ(&mut self) -> Option<String> {
        let typ = media_type(&self.text("JWT_TYP")?);
        if !super::identity::is_token(&typ) {
            self.wrong("JWT_TYP", "is not a type of token", "such as at+jwt");
        }
        Some(typ)
    }
}

/// The name that tokens have for the algorithm; nothing for one that the gate doesn't know.
pub fn algorithm_name(algorithm: Algorithm) -> &'static str {
    ALGORITHMS.iter().find(|(_, known)| *known == algorithm).map_or("", |(name, _)| name)
}

/// A media type as tokens name theirs: `application/` may be left out, and the case doesn't matter (RFC 7515 §4.1.9).
pub fn media_type(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    text.strip_prefix("application/").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests;
