//! A JSON Web Token (RFC 7519) that is signed (RFC 7515): from its text to the caller.
//!
//! The `jsonwebtoken` crate takes it apart, verifies it and compares `iss` and `aud`. Which algorithms there are is ours to
//! say, and a key is for those of its own kind alone, so that nothing in a token chooses how it is verified (RFC 8725 §3.1).
//! What a token brings along or points at to be verified with (`jwk`, `jku`, `x5c`, `x5u`) is not looked at. Times are
//! compared here, since the clock is the gate's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::jwks::Jwks;
use super::login::{self, Flaw, Said};
use super::public::PublicKeys;
use super::{NotKnown, is_ticket, provider, webcrypto};
use crate::config::{Keys, SubjectRule, TokenSettings, algorithm_name, media_type};
use crate::gate::Caller;
use crate::grant::{Millis, Subject};

/// Bytes of a token at most. Headers of requests have their own limit, and every byte is hashed.
const MAX: usize = 16 * 1024;

/// Verifies tokens.
pub struct Tokens {
    source: Source,
    rules: Vec<Rule>,
    typ: Option<String>,
    leeway_seconds: u32,
    subject: SubjectRule,
    claims: Vec<String>,
}

enum Source {
    Secrets(Vec<DecodingKey>),
    Public(PublicKeys),
    Set(Jwks),
}

/// What a token of one algorithm must be like. The crate wants all algorithms of one `Validation` to be of one family.
struct Rule {
    name: &'static str,
    algorithm: Algorithm,
    validation: Validation,
}

/// What is read of a token's header before its signature is verified.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

/// Whether a member is there, whatever it is: `null`, too.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// What a token says, with every member that is of use here of the type that it should be.
#[derive(Deserialize)]
#[serde(try_from = "Said")]
struct Signed(Said);

impl TryFrom<Said> for Signed {
    type Error = &'static str;

    fn try_from(said: Said) -> Result<Self, &'static str> {
        let typed = || {
            for name in ["sub", "iss"] {
                login::text(&said, name)?;
            }
            for name in ["exp", "nbf"] {
                login::number(&said, name)?;
            }
            let audience = |aud: &serde_json::Value| aud.is_string() || login::texts(aud).is_some();
            if said.0.get("aud").is_none_or(audience) { Ok(()) } else { Err(Flaw::Type) }
        };
        match typed() {
            Ok(()) => Ok(Self(said)),
            Err(_) => Err("a claim of another type"),
        }
    }
}

impl Tokens {
    /// With the keys and the expectations of the configuration.
    pub fn new(settings: &TokenSettings) -> Self {
        provider::install();
        let algorithms = &settings.algorithms;
        let rule = |algorithm: &Algorithm| Rule {
            name: algorithm_name(*algorithm),
            algorithm: *algorithm,
            validation: validation(settings, *algorithm),
        };
        Self {
            source: match &settings.keys {
                Keys::Secrets(secrets) => {
                    Source::Secrets(secrets.iter().map(|s| DecodingKey::from_secret(s.reveal().as_bytes())).collect())
                }
                Keys::Public(keys) => Source::Public(PublicKeys::new(keys, algorithms)),
                Keys::Set { url, timeout_ms } => Source::Set(Jwks::new(url, *timeout_ms, algorithms)),
            },
            rules: algorithms.iter().map(rule).collect(),
            typ: settings.typ.clone(),
            leeway_seconds: settings.leeway_seconds,
            subject: settings.subject,
            claims: settings.claims.clone(),
        }
    }

    /// The token's subject, whose login ends when the token does.
    pub async fn caller(&self, token: &str, clock: impl Fn() -> Millis + Clone + 'static) -> Result<Caller, NotKnown> {
        let said = self.verified(token, &clock).await?;
        self.read(&said, clock())
    }

    /// What the token says, if its signature is good and it is meant for us.
    async fn verified(&self, token: &str, clock: &(impl Fn() -> Millis + Clone + 'static)) -> Result<Said, NotKnown> {
        if token.len() > MAX {
            return Err(NotKnown::Refused("token_too_long"));
        }
        if is_ticket(token) {
            return Err(NotKnown::Refused("token_is_ticket"));
        }
        let Parts { message, header, signature } = parts(token).ok_or(NotKnown::Refused("token_malformed"))?;
        // Extensions that the issuer calls critical must be understood or the token refused (RFC 7515 §4.1.11), and we
        // understand none.
        if header.crit {
            return Err(NotKnown::Refused("token_critical_extension"));
        }
        let rule = self.rules.iter().find(|rule| rule.name == header.alg);
        let rule = rule.ok_or(NotKnown::Refused("token_algorithm"))?;
        if self.typ.is_some() && self.typ != header.typ.as_deref().map(media_type) {
            return Err(NotKnown::Refused("token_type"));
        }
        let keys = match &self.source {
            Source::Secrets(secrets) => return rule.decode_by_any(token, secrets),
            Source::Public(keys) => keys.of(rule.algorithm).await?,
            Source::Set(keys) => keys.of(rule.algorithm, header.kid.as_deref(), clock).await?,
        };
        for key in keys {
            if let Some(verified) = webcrypto::verify(&key, message, &signature).await {
                return rule.decode(token, verified.key());
            }
        }
        Err(NotKnown::Refused("token_signature"))
    }

    /// The caller, of what a token says.
    fn read(&self, said: &Said, now: Millis) -> Result<Caller, NotKnown> {
        let malformed = |_| NotKnown::Refused("token_malformed");
        let exp = login::number(said, "exp").map_err(malformed)?.ok_or(NotKnown::Refused("token_claim_missing"))?;
        let nbf = login::number(said, "nbf").map_err(malformed)?;
        let ends = login::until(exp).plus_seconds(self.leeway_seconds);
        if nbf.is_some_and(|nbf| login::from(nbf) > now.plus_seconds(self.leeway_seconds)) {
            return Err(NotKnown::Refused("token_not_yet_valid"));
        }
        let text = |name| login::text(said, name).map_err(malformed);
        let subject = match (text("sub")?.unwrap_or_default(), self.subject) {
            ("", SubjectRule::OrCommonName) => text("common_name")?.unwrap_or_default(),
            (sub, _) => sub,
        };
        let subject = Subject::try_from(subject.to_owned()).map_err(|_| NotKnown::Refused("token_subject"))?;
        login::caller(said, subject, Some(ends), &self.claims, now).map_err(|flaw| {
            NotKnown::Refused(match flaw {
                Flaw::Type => "token_malformed",
                Flaw::Expired => "token_expired",
                Flaw::Rooms => "token_rooms",
                Flaw::ClaimsTooLarge => "claims_too_large",
            })
        })
    }
}

impl Rule {
    fn decode(&self, token: &str, key: &DecodingKey) -> Result<Said, NotKnown> {
        decode::<Signed>(token, key, &self.validation).map(|data| data.claims.0).map_err(|error| reason(error.kind()))
    }

    fn decode_by_any(&self, token: &str, secrets: &[DecodingKey]) -> Result<Said, NotKnown> {
        let mut answer = Err(NotKnown::Refused("token_signature"));
        for secret in secrets {
            answer = self.decode(token, secret);
            if answer != Err(NotKnown::Refused("token_signature")) {
                break;
            }
        }
        answer
    }
}

/// What the crate compares. The required claims are those that it knows how to require; `exp` is looked for in `read`, for
/// the crate takes one before 1970 for none.
fn validation(settings: &TokenSettings, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    let mut required = vec!["sub"];
    validation.validate_exp = false;
    if let Some(issuer) = &settings.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    match &settings.audience {
        Some(audience) => {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        None => validation.validate_aud = false,
    }
    validation.set_required_spec_claims(&required);
    validation
}

struct Parts<'a> {
    /// What is signed: header and payload as they came.
    message: &'a str,
    header: Header,
    signature: Vec<u8>,
}

/// Three parts, of which the first is a header and the last a signature; what the second says is nobody's business before
/// that is verified.
fn parts(token: &str) -> Option<Parts<'_>> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, payload) = message.rsplit_once('.')?;
    let header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    (!payload.is_empty()).then_some(Parts { message, header, signature })
}

fn reason(kind: &ErrorKind) -> NotKnown {
    NotKnown::Refused(match kind {
        ErrorKind::InvalidSignature => "token_signature",
        ErrorKind::InvalidAlgorithm => "token_algorithm",
        ErrorKind::InvalidIssuer => "token_issuer",
        ErrorKind::InvalidAudience => "token_audience",
        ErrorKind::MissingRequiredClaim(_) => "token_claim_missing",
        _ => "token_malformed",
    })
}

#[cfg(test)]
mod tests;
