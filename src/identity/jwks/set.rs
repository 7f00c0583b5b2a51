//! A JWK Set (RFC 7517 §5): the keys in it that can verify tokens, and which of them is a token's.
//!
//! Sets are taken as issuers write them: a member that is `null` is absent, so is an empty list of operations; base64 may be
//! padded or of the other alphabet, and numbers may have lost or gained zeros in front (RFC 7518 §6.3.1.1 knows of those). What
//! goes on to the platform is written as the standard has it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::config::{Algorithm, KeyKind, base64, is_strong};

/// How many keys a set has at most, those of other kinds included.
const KEYS_MAX: usize = 64;

/// What a document is if it is no set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSet {
    /// Something else.
    Malformed,
    /// One of too many keys.
    TooLarge,
}

/// A key that can verify tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /// Its name.
    pub kid: Option<String>,
    kind: KeyKind,
    alg: Option<String>,
    /// As JSON, with its public members and nothing else.
    pub public: String,
}

impl Jwk {
    /// Whether it is for this algorithm, as far as it says.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        algorithm.kind() == Some(self.kind)
            && self.alg.as_deref().is_none_or(|alg| Algorithm::of(alg) == Some(algorithm))
    }
}

/// The keys of a set. One that can't be used does no harm to the others: sets have keys for other purposes and of kinds that
/// are yet to come (RFC 7517 §5).
pub fn read(body: &[u8]) -> Result<Vec<Jwk>, NoSet> {
    let document: Map<String, Value> = serde_json::from_slice(body).map_err(|_| NoSet::Malformed)?;
    let keys = document.get("keys").and_then(Value::as_array).ok_or(NoSet::Malformed)?;
    if keys.len() > KEYS_MAX {
        return Err(NoSet::TooLarge);
    }
    Ok(keys.iter().filter_map(key).collect())
}

fn key(value: &Value) -> Option<Jwk> {
    let jwk = value.as_object()?;
    let (kid, alg, purpose) = (text(jwk, "kid")?, text(jwk, "alg")?, text(jwk, "use")?);
    if purpose.is_some_and(|purpose| purpose != "sig") || !may_verify(member(jwk, "key_ops")) {
        return None;
    }
    let number = |name: &str| base64(text(jwk, name)??);
    let (kind, members) = match (text(jwk, "kty")??, text(jwk, "crv")?) {
        ("RSA", _) => {
            let (n, e) = (without_zeros(number("n")?), without_zeros(number("e")?));
            (is_strong(&n) && !e.is_empty()).then_some((KeyKind::Rsa, vec![("n", n), ("e", e)]))?
        }
        ("EC", Some(curve)) => {
            let kind = match curve {
                "P-256" => KeyKind::P256,
                "P-384" => KeyKind::P384,
                "P-521" => KeyKind::P521,
                _ => return None,
            };
            let coordinate = |name| padded(number(name)?, kind.coordinate()?);
            (kind, vec![("x", coordinate("x")?), ("y", coordinate("y")?)])
        }
        ("OKP", Some("Ed25519")) => (KeyKind::Ed25519, vec![("x", number("x").filter(|x| x.len() == 32)?)]),
        _ => return None,
    };
    let mut public = Map::new();
    for name in ["kty", "crv"] {
        if let Some(text) = text(jwk, name)? {
            public.insert(name.to_owned(), text.into());
        }
    }
    for (name, bytes) in members {
        public.insert(name.to_owned(), URL_SAFE_NO_PAD.encode(bytes).into());
    }
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Some(Jwk { kid: owned(kid), kind, alg: owned(alg), public: serde_json::to_string(&public).ok()? })
}

/// A member that is there; one that is `null` isn't.
fn member<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    jwk.get(name).filter(|value| !value.is_null())
}

/// A member that is absent or a text; `None` where it is something else.
fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<Option<&'a str>> {
    member(jwk, name).map(Value::as_str).map_or(Some(None), |text| text.map(Some))
}

/// Whether a key with these `key_ops` is for verifying. None at all say nothing, as .NET writes it.
fn may_verify(operations: Option<&Value>) -> bool {
    let verifies = |ops: &Vec<Value>| ops.is_empty() || ops.iter().any(|op| op == "verify");
    operations.is_none_or(|ops| ops.as_array().is_some_and(verifies))
}

/// A number, big-endian, as short as it can be.
fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A number in exactly so many bytes, if that isn't too few.
fn padded(number: Vec<u8>, size: usize) -> Option<Vec<u8>> {
    let number = without_zeros(number);
    let zeros = size.checked_sub(number.len())?;
    Some([vec![0; zeros], number].concat())
}

/// A key, ready for one algorithm.
pub struct Entry<K> {
    /// Its name in the set.
    pub kid: Option<String>,
    /// What it verifies by.
    pub algorithm: Algorithm,
    /// The key itself.
    pub key: K,
}

/// The keys that may be a token's. One that names no key means the only one that fits, or of several the only one without a
/// name. Of several that fit like one another it means none: an issuer with several must name them (OpenID Connect Core §10.1).
pub fn choose<'a, K>(entries: &'a [Entry<K>], algorithm: Algorithm, kid: Option<&str>) -> Vec<&'a Entry<K>> {
    let fitting = entries.iter().filter(|entry| entry.algorithm == algorithm);
    if kid.is_none() {
        let alone = |keys: &Vec<_>| keys.len() == 1;
        let nameless: Vec<_> = fitting.clone().filter(|entry| entry.kid.is_none()).collect();
        return Some(nameless).filter(alone).or_else(|| Some(fitting.collect()).filter(alone)).unwrap_or_default();
    }
    fitting.filter(|entry| entry.kid.as_deref() == kid).collect()
}

#[cfg(test)]
mod tests;
