//! A JSON Web Token (RFC 7519) that is signed (RFC 7515): from its text to the caller.
//!
//! Which algorithms there are is ours to say, and a key is for those of its own kind alone, so that nothing in a token chooses
//! how it is verified (RFC 8725 §3.1). What it says is read once its signature is good, and not before.

use super::jwks::Jwks;
use super::jws::{Unverified, Verified};
use super::login::{self, Flaw, Said};
use super::logout::{self, Logout};
use super::public::PublicKeys;
use super::webcrypto::CryptoKey;
use super::{NotKnown, is_ticket};
use crate::config::{Algorithm, Keys, SecretKey, SubjectRule, TokenSettings, media_type};
use ws_ticket_core::gate::Caller;
use ws_ticket_core::grant::Subject;
use ws_ticket_core::telemetry::Sink;
use ws_ticket_core::time::Millis;

/// Bytes of a token at most. Headers of requests have their own limit, and every byte is hashed.
const MAX: usize = 16 * 1024;

/// Verifies tokens.
pub struct Tokens {
    verifier: Verifier,
    algorithms: Vec<Algorithm>,
    issuers: Vec<String>,
    audiences: Vec<String>,
    logout_audiences: Vec<String>,
    typ: Option<String>,
    leeway_seconds: u32,
    subject: SubjectRule,
    claims: Vec<String>,
}

enum Verifier {
    Secrets(Vec<SecretKey>),
    Public(PublicKeys),
    Set(Jwks),
}

impl Tokens {
    /// With the keys and the expectations of the configuration.
    pub fn new(settings: &TokenSettings, sink: Sink) -> Self {
        let algorithms = &settings.algorithms;
        Self {
            verifier: match &settings.keys {
                Keys::Secrets(secrets) => Verifier::Secrets(secrets.clone()),
                Keys::Public(keys) => Verifier::Public(PublicKeys::new(keys, algorithms, sink)),
                Keys::Set { url, timeout_ms } => Verifier::Set(Jwks::new(url, *timeout_ms, algorithms, sink)),
            },
            algorithms: algorithms.clone(),
            issuers: settings.issuers.clone(),
            audiences: settings.audiences.clone(),
            logout_audiences: settings.logout_audiences.clone(),
            typ: settings.typ.clone(),
            leeway_seconds: settings.leeway_seconds,
            subject: settings.subject,
            claims: settings.claims.clone(),
        }
    }

    /// The token's subject, whose login ends when the token does.
    pub async fn caller(&self, token: &str, clock: impl Fn() -> Millis + Clone + 'static) -> Result<Caller, NotKnown> {
        let is_right = |typ: Option<&str>| self.typ.is_none() || self.typ.as_deref() == typ;
        let said = self.meant_for(&self.audiences, &self.signed(token, is_right, &clock).await?)?;
        // By the same keys, for the same audience, and no login.
        if logout::is_one(&said) {
            return Err(NotKnown::Refused("token_is_logout"));
        }
        self.read(&said, clock())
    }

    /// Whether there is an audience of logout tokens.
    pub fn takes_logouts(&self) -> bool {
        !self.logout_audiences.is_empty()
    }

    /// Who has logged out, by a logout token.
    pub async fn logout(&self, token: &str, clock: impl Fn() -> Millis + Clone + 'static) -> Result<Logout, NotKnown> {
        let is_right = |typ: Option<&str>| typ.is_none_or(|typ| logout::TYPES.contains(&typ));
        let said = self.meant_for(&self.logout_audiences, &self.signed(token, is_right, &clock).await?)?;
        logout::read(&said, self.leeway_seconds, clock())
    }

    /// The token, if its signature is good and its header's type is right.
    async fn signed<'a>(
        &self,
        token: &'a str,
        is_right: impl Fn(Option<&str>) -> bool,
        clock: &(impl Fn() -> Millis + Clone + 'static),
    ) -> Result<Verified<'a>, NotKnown> {
        if token.len() > MAX {
            return Err(NotKnown::Refused("token_too_long"));
        }
        if is_ticket(token) {
            return Err(NotKnown::Refused("token_is_ticket"));
        }
        let token = Unverified::read(token).ok_or(NotKnown::Refused("token_malformed"))?;
        let header = &token.header;
        // Extensions that the issuer calls critical must be understood or the token refused (RFC 7515 §4.1.11), and we
        // understand none.
        if header.crit {
            return Err(NotKnown::Refused("token_critical_extension"));
        }
        let algorithm = Algorithm::of(&header.alg).filter(|algorithm| self.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(NotKnown::Refused("token_algorithm"))?;
        if !is_right(header.typ.as_deref().map(media_type).as_deref()) {
            return Err(NotKnown::Refused("token_type"));
        }
        let verified = match &self.verifier {
            Verifier::Secrets(secrets) => secrets.iter().find_map(|secret| token.by_secret(secret, algorithm)),
            Verifier::Public(keys) => by_any(&token, &keys.of(algorithm).await?).await,
            Verifier::Set(keys) => by_any(&token, &keys.of(algorithm, header.kid.as_deref(), clock).await?).await,
        };
        verified.ok_or(NotKnown::Refused("token_signature"))
    }

    /// What the token says, if every claim that is of use here is of the type that it should be, the issuer is ours, and one of the audiences.
    fn meant_for(&self, ours: &[String], token: &Verified<'_>) -> Result<Said, NotKnown> {
        let malformed = NotKnown::Refused("token_malformed");
        let said = token.said().ok_or(malformed)?;
        let text = |name| login::text(&said, name).map_err(|_| malformed);
        let (subject, issuer) = (text("sub")?, text("iss")?);
        for name in ["exp", "nbf"] {
            login::number(&said, name).map_err(|_| malformed)?;
        }
        let audiences = match said.0.get("aud") {
            None => None,
            Some(aud) => Some(login::text_or_texts(aud).ok_or(malformed)?),
        };
        let missing = NotKnown::Refused("token_claim_missing");
        subject.ok_or(missing)?;
        let is_one_of = |known: &[String], claimed: &str| known.iter().any(|known| known == claimed);
        if !self.issuers.is_empty() && !is_one_of(&self.issuers, issuer.ok_or(missing)?) {
            return Err(NotKnown::Refused("token_issuer"));
        }
        if !ours.is_empty() && !audiences.ok_or(missing)?.iter().any(|aud| is_one_of(ours, aud)) {
            return Err(NotKnown::Refused("token_audience"));
        }
        Ok(said)
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

/// What the token says, if one of the keys verifies it.
async fn by_any<'a>(token: &Unverified<'a>, keys: &[CryptoKey]) -> Option<Verified<'a>> {
    for key in keys {
        if let Some(verified) = token.by_key(key).await {
            return Some(verified);
        }
    }
    None
}

#[cfg(test)]
mod tests;
