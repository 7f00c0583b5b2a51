//! A JWK Set (RFC 7517 §5): the keys in it that can verify tokens, and which of them is a token's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::config::{KeyKind, algorithm_name, is_strong};

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
        self.kind.verifies(algorithm) && self.alg.as_deref().is_none_or(|alg| alg == algorithm_name(algorithm))
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
    let (kid, alg) = (text_if_any(jwk, "kid")?, text_if_any(jwk, "alg")?);
    let verifies = |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify"));
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") || jwk.get("key_ops").is_some_and(|ops| !verifies(ops)) {
        return None;
    }
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let (kind, members): (_, &[&str]) = match (text("kty")?, text("crv")) {
        ("RSA", _) if is_strong(&URL_SAFE_NO_PAD.decode(text("n")?).ok()?) => (KeyKind::Rsa, &["kty", "n", "e"]),
        ("EC", Some("P-256")) => (KeyKind::P256, &["kty", "crv", "x", "y"]),
        ("OKP", Some("Ed25519")) => (KeyKind::Ed25519, &["kty", "crv", "x"]),
        _ => return None,
    };
    let mut public = Map::new();
    for name in members {
        public.insert((*name).to_owned(), text(name)?.into());
    }
    Some(Jwk { kid, kind, alg, public: serde_json::to_string(&public).ok()? })
}

/// A member that is absent or a text; `None` where it is something else.
fn text_if_any(jwk: &Map<String, Value>, name: &str) -> Option<Option<String>> {
    jwk.get(name).map(|value| value.as_str().map(str::to_owned)).map_or(Some(None), |text| text.map(Some))
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

/// The keys that may be a token's. One that names no key means the only one without a name, if there is just one.
pub fn choose<'a, K>(entries: &'a [Entry<K>], algorithm: Algorithm, kid: Option<&str>) -> Vec<&'a Entry<K>> {
    let fits = |entry: &&Entry<K>| entry.algorithm == algorithm && entry.kid.as_deref() == kid;
    let chosen: Vec<_> = entries.iter().filter(fits).collect();
    if kid.is_none() && chosen.len() > 1 { Vec::new() } else { chosen }
}

#[cfg(test)]
mod tests;
