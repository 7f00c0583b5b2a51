//! What the gate asserts of a connection that it hands on: a JWT (RFC 7519) that whoever stands behind it can verify, and nobody on
//! the way can make. It lives for a minute, for the time of one handshake.

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use worker::js_sys::{Promise, Uint8Array};
use worker::wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen};

use crate::config::{Algorithm, PrivateKey, Signer};
use crate::platform::race::settled;
use ws_ticket_core::grant::{Claims, Grant, Room, Subject};
use ws_ticket_core::ticket::TicketId;
use ws_ticket_core::time::Millis;

#[wasm_bindgen(module = "/src/sessions/assertion.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = open)]
    fn open_key(pkcs8: &Uint8Array, algorithm: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn sign(key: &JsValue, algorithm: &str, message: &Uint8Array) -> Result<Promise, JsValue>;
    /// What `open` comes to.
    type Opened;
    #[wasm_bindgen(method, getter)]
    fn key(this: &Opened) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn x(this: &Opened) -> String;
    #[wasm_bindgen(method, getter)]
    fn y(this: &Opened) -> Option<String>;
}

/// The header's `typ` (RFC 8725 §3.11): it is no login, and no login is one of these.
const TYP: &str = "ws-ticket+jwt";
/// Seconds that it is good for.
const LIFE: u64 = 60;

/// Signs assertions.
#[derive(Debug)]
pub struct Asserter {
    signer: Signer,
    audience: String,
    /// The private key in the platform's hands: it outlives the request that brought it there.
    opened: RefCell<Option<Opening>>,
}

#[derive(Clone, Debug)]
struct Opening {
    key: JsValue,
    jwk: Jwk,
}

/// The public half of a key (RFC 7517 §4, RFC 7518 §6.2, RFC 8037 §2).
#[derive(Clone, Debug, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    kid: String,
    alg: &'static str,
    r#use: &'static str,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Body<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a Subject,
    jti: TicketId,
    sid: Uuid,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a Room>,
    #[serde(skip_serializing_if = "Claims::is_empty")]
    claims: &'a Claims,
    /// When the session must end, RFC 3339 to the millisecond: `exp` is the assertion's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_expires_at: Option<String>,
}

/// The platform's, or the key's.
#[derive(Debug)]
pub struct NotSigned;

impl From<JsValue> for NotSigned {
    /// The error stays here: it may quote the key.
    fn from(_: JsValue) -> Self {
        Self
    }
}

impl From<serde_json::Error> for NotSigned {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

impl Asserter {
    /// For one audience.
    pub fn new(signer: Signer, audience: String) -> Self {
        Self { signer, audience, opened: RefCell::default() }
    }

    /// Makes sure that it can sign, before anything is burnt for it.
    pub async fn ready(&self) -> Result<(), NotSigned> {
        match &self.signer {
            Signer::Secret(_) => Ok(()),
            Signer::PrivateKey(key) => self.open(key).await.map(drop),
        }
    }

    /// Whether there is a public key to verify by.
    pub fn is_public(&self) -> bool {
        matches!(self.signer, Signer::PrivateKey(_))
    }

    /// That key.
    pub async fn public_key(&self) -> Result<Option<Jwk>, NotSigned> {
        match &self.signer {
            Signer::Secret(_) => Ok(None),
            Signer::PrivateKey(key) => self.open(key).await.map(|opening| Some(opening.jwk)),
        }
    }

    /// The assertion that this session begins with this grant, by the gate whose origin is `issuer`.
    pub async fn assert(&self, issuer: &str, grant: &Grant, session: Uuid, now: Millis) -> Result<String, NotSigned> {
        let iat = now.0.div_euclid(1000);
        let body = Body {
            iss: issuer,
            aud: &self.audience,
            sub: &grant.subject,
            jti: grant.ticket_id,
            sid: session,
            iat,
            exp: iat.saturating_add(LIFE),
            room: grant.room.as_ref(),
            claims: &grant.claims,
            session_expires_at: grant.session_ends_at.map(Millis::rfc3339),
        };
        match &self.signer {
            Signer::Secret(secret) => {
                let message = message(&Header { alg: "HS256", typ: TYP, kid: None }, &body)?;
                let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).map_err(|_| NotSigned)?;
                mac.update(message.as_bytes());
                Ok(with_signature(message, &mac.finalize().into_bytes()))
            }
            Signer::PrivateKey(key) => {
                let opening = self.open(key).await?;
                let message = message(&Header { alg: opening.jwk.alg, typ: TYP, kid: Some(&opening.jwk.kid) }, &body)?;
                // A copy: the platform must not look into the wasm's memory while it works.
                let bytes = Uint8Array::from(message.as_bytes());
                let signature = settled(sign(&opening.key, opening.jwk.alg, &bytes)?).await?;
                let signature: Uint8Array = signature.dyn_into()?;
                Ok(with_signature(message, &signature.to_vec()))
            }
        }
    }

    async fn open(&self, key: &PrivateKey) -> Result<Opening, NotSigned> {
        if let Some(opening) = self.opened.borrow().as_ref() {
            return Ok(opening.clone());
        }
        let (kty, crv, alg) = match key.algorithm() {
            Algorithm::Es256 => ("EC", "P-256", "ES256"),
            Algorithm::Ed25519 => ("OKP", "Ed25519", "EdDSA"),
            _ => return Err(NotSigned),
        };
        let opened = settled(open_key(&Uint8Array::from(key.reveal()), alg)?).await?;
        let opened: Opened = opened.unchecked_into();
        let (x, y) = (opened.x(), opened.y());
        let kid = thumbprint(kty, crv, &x, y.as_deref());
        let opening = Opening { key: opened.key(), jwk: Jwk { kty, crv, x, y, kid, alg, r#use: "sig" } };
        *self.opened.borrow_mut() = Some(opening.clone());
        Ok(opening)
    }
}

/// The name of a public key (RFC 7638 §3): members in their order, nothing between them.
fn thumbprint(kty: &str, crv: &str, x: &str, y: Option<&str>) -> String {
    let y = y.map(|y| format!(r#","y":"{y}""#)).unwrap_or_default();
    let json = format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}"{y}}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(json))
}

fn message(header: &Header<'_>, body: &Body<'_>) -> Result<String, NotSigned> {
    let mut text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(header)?);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(body)?, &mut text);
    Ok(text)
}

fn with_signature(mut message: String, signature: &[u8]) -> String {
    message.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut message);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_that_of_the_rfcs() {
        // RFC 8037 §A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert_eq!(thumbprint("OKP", "Ed25519", x, None), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
