//! A JWK Set (RFC 7517 §5): the keys in it that can verify tokens, and which of them is a token's.
//!
//! Sets are taken as issuers write them: a member that is `null` is absent, so is an empty list of operations, and an empty `use`
//! or `alg`; base64 may be padded or of the other alphabet, and numbers may have lost or gained zeros in front (RFC 7518
//! §6.3.1.1 knows of those). What goes on to the platform is written as the standard has it.
//!
//! A member is only looked at where it counts. One that can't be read (`1e400`, half of a surrogate pair, bytes that aren't
//! UTF-8) costs at most the key that it belongs to.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::config::{Algorithm, KeyKind, base64, is_strong};
use crate::identity::without_mark;

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
    let text = String::from_utf8_lossy(without_mark(body));
    // Always of bytes: reading texts, too, would have the whole reader twice in the wasm.
    let document: Members<'_> = serde_json::from_slice(text.as_bytes()).map_err(|_| NoSet::Malformed)?;
    let keys = document.raw("keys").ok_or(NoSet::Malformed)?;
    let keys: Vec<&RawValue> = serde_json::from_slice(keys.as_bytes()).map_err(|_| NoSet::Malformed)?;
    if keys.len() > KEYS_MAX {
        return Err(NoSet::TooLarge);
    }
    Ok(keys.iter().filter_map(|text| key(&serde_json::from_slice(text.get().as_bytes()).ok()?)).collect())
}

fn key(jwk: &Members<'_>) -> Option<Jwk> {
    let said = |name| jwk.text(name).map(|text| text.filter(|text| !text.is_empty()));
    let (kid, alg, purpose) = (jwk.text("kid")?, said("alg")?, said("use")?);
    if purpose.is_some_and(|purpose| purpose != "sig") || !may_verify(&jwk.member("key_ops")?) {
        return None;
    }
    let number = |name: &str| base64(&jwk.text(name)??);
    let (kty, curve) = (jwk.text("kty")??, jwk.text("crv")?);
    let (kind, members) = match (kty.as_str(), curve.as_deref()) {
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
    if let Some(curve) = curve.filter(|_| kind != KeyKind::Rsa) {
        public.insert("crv".to_owned(), curve.into());
    }
    public.insert("kty".to_owned(), kty.into());
    for (name, bytes) in members {
        public.insert(name.to_owned(), URL_SAFE_NO_PAD.encode(bytes).into());
    }
    Some(Jwk { kid, kind, alg, public: serde_json::to_string(&public).ok()? })
}

/// An object, each of its members as it is written.
struct Members<'a>(Vec<(Vec<u8>, &'a RawValue)>);

impl Members<'_> {
    /// What is written there; of two with one name the last counts.
    fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(other, _)| other == name.as_bytes()).map(|(_, value)| value.get())
    }

    /// A member; `null` where it is absent, and `None` where it can't be read.
    fn member(&self, name: &str) -> Option<Value> {
        self.raw(name).map_or(Some(Value::Null), |text| serde_json::from_slice(text.as_bytes()).ok())
    }

    /// A member that is absent or a text; `None` where it is something else.
    fn text(&self, name: &str) -> Option<Option<String>> {
        match self.member(name)? {
            Value::Null => Some(None),
            Value::String(text) => Some(Some(text)),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some((Name(name), value)) = members.next_entry()? {
                    all.push((name, value));
                }
                Ok(Members(all))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

/// The name of a member, which needn't be a text: half of a surrogate pair is none.
struct Name(Vec<u8>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name, E> {
                Ok(Name(bytes.to_vec()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

/// Whether a key with these `key_ops` is for verifying. None at all say nothing, as .NET writes it.
fn may_verify(operations: &Value) -> bool {
    let verifies = |ops: &Vec<Value>| ops.is_empty() || ops.iter().any(|op| op == "verify");
    operations.is_null() || operations.as_array().is_some_and(verifies)
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

#[cfg(test)]
mod tests;
