//! A signed token's three parts (RFC 7515 §7.1): what its header says, and what it says once its signature is verified. There
//! is no way to the payload but by [`Unverified::by_secret`] and [`Unverified::by_key`].
//!
//! Which algorithm and which key is the caller's to say. The header's `alg` is a text here, and what a token brings along or
//! points at to be verified with (`jwk`, `jku`, `x5c`, `x5u`) is not looked at.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use sha2::{Sha256, Sha384, Sha512};

use super::login::Said;
use super::webcrypto::{self, CryptoKey};
use crate::config::{Algorithm, SecretKey};

/// What is read of a token's header before its signature is verified.
#[derive(Deserialize)]
pub struct Header {
    /// The name of an algorithm.
    pub alg: String,
    /// The name of a key.
    pub kid: Option<String>,
    /// The type of the token.
    pub typ: Option<String>,
    /// Whether there are extensions that must be understood (RFC 7515 §4.1.11).
    #[serde(default, deserialize_with = "is_there")]
    pub crit: bool,
}

/// Whether a member is there, whatever it is: `null`, too.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A token whose signature nobody has looked at.
pub struct Unverified<'a> {
    /// Its header.
    pub header: Header,
    /// What is signed: header and payload as they came.
    message: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

/// What a token says whose signature is good.
pub struct Verified<'a>(&'a str);

impl<'a> Unverified<'a> {
    /// The three parts of a text, if it has them; the payload is anything.
    pub fn read(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.rsplit_once('.')?;
        let header = URL_SAFE_NO_PAD.decode(header).ok()?;
        // serde would take a list for the members in their order.
        let object = Some(&header).filter(|header| header.trim_ascii_start().starts_with(b"{"))?;
        let header = serde_json::from_slice(object).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        (!payload.is_empty()).then_some(Self { header, message, payload, signature })
    }

    /// What it says, if the signature is the secret's by this algorithm.
    pub fn by_secret(&self, secret: &SecretKey, algorithm: Algorithm) -> Option<Verified<'a>> {
        let good = match algorithm {
            Algorithm::Hs256 => self.is_by::<Hmac<Sha256>>(secret),
            Algorithm::Hs384 => self.is_by::<Hmac<Sha384>>(secret),
            Algorithm::Hs512 => self.is_by::<Hmac<Sha512>>(secret),
            _ => false,
        };
        good.then_some(Verified(self.payload))
    }

    fn is_by<M: Mac + KeyInit>(&self, secret: &SecretKey) -> bool {
        // It compares in constant time, and the whole of it: a signature that is cut short is none.
        <M as Mac>::new_from_slice(secret.reveal())
            .is_ok_and(|mac| mac.chain_update(self.message).verify_slice(&self.signature).is_ok())
    }

    /// What it says, if the signature is the key's, by the algorithm that the key is bound to.
    pub async fn by_key(&self, key: &CryptoKey) -> Option<Verified<'a>> {
        webcrypto::verify(key, self.message, &self.signature).await.then_some(Verified(self.payload))
    }
}

impl Verified<'_> {
    /// The claims, if the payload is an object whose names are all different.
    pub fn said(&self) -> Option<Said> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(self.0).ok()?).ok()
    }
}
