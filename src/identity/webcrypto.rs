//! Public keys and signatures by the platform's WebCrypto (<https://developers.cloudflare.com/workers/runtime-apis/web-crypto/>).

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use worker::js_sys::{JSON, Promise, Uint8Array};
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use crate::outside::race::settled;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &JsValue,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = verify, catch)]
    fn verify_signature(
        algorithm: &JsValue,
        key: &JsValue,
        signature: &Uint8Array,
        message: &Uint8Array,
    ) -> Result<Promise, JsValue>;
}

/// A public key in the platform's hands: a plain object that outlives the request that imported it. It is bound to one
/// algorithm, and the platform refuses to use it with another.
#[derive(Clone)]
pub struct CryptoKey {
    algorithm: Algorithm,
    key: JsValue,
}

impl CryptoKey {
    /// The algorithm that it verifies by.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// A public key in the form in which it was given.
pub enum Given<'a> {
    /// A JWK as JSON text.
    Jwk(&'a str),
    /// A SubjectPublicKeyInfo in DER.
    Spki(&'a [u8]),
}

/// Brings a key into the platform's hands, for one algorithm; `None` if it is none, or none for that.
pub async fn import(given: Given<'_>, algorithm: Algorithm) -> Option<CryptoKey> {
    let (format, key) = match given {
        Given::Jwk(text) => ("jwk", JSON::parse(text).ok()?),
        Given::Spki(der) => ("spki", Uint8Array::from(der).into()),
    };
    let usages = JSON::parse(r#"["verify"]"#).ok()?;
    let imported = import_key(format, &key, &parameters(algorithm)?, false, &usages).ok()?;
    let key = settled(imported).await.ok()?;
    Some(CryptoKey { algorithm, key })
}

/// The receipt of a signature that was verified, as a key of the `jsonwebtoken` crate's: `provider.rs` says what for. Nothing
/// but [`verify`] makes one.
pub struct Verified(DecodingKey);

impl Verified {
    fn new(algorithm: Algorithm, message: &str) -> Option<Self> {
        let message = message.as_bytes();
        match algorithm.family() {
            AlgorithmFamily::Hmac => None,
            AlgorithmFamily::Rsa => Some(Self(DecodingKey::from_rsa_der(message))),
            AlgorithmFamily::Ec => Some(Self(DecodingKey::from_ec_der(message))),
            AlgorithmFamily::Ed => Some(Self(DecodingKey::from_ed_der(message))),
        }
    }

    /// What accepts the message that was verified, and no other.
    pub fn key(&self) -> &DecodingKey {
        &self.0
    }
}

/// Whether the signature is the key's over this message. Whatever the platform doesn't say yes to is not.
pub async fn verify(key: &CryptoKey, message: &str, signature: &[u8]) -> Option<Verified> {
    // Copies: the platform must not look into the wasm's memory while it works.
    let (signature, bytes) = (Uint8Array::from(signature), Uint8Array::from(message.as_bytes()));
    let verifying = verify_signature(&parameters(key.algorithm)?, &key.key, &signature, &bytes).ok()?;
    let verified = settled(verifying).await.ok()?;
    if verified.as_bool() == Some(true) { Verified::new(key.algorithm, message) } else { None }
}

/// What WebCrypto calls the algorithm, with all that it wants to know of it (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1).
fn parameters(algorithm: Algorithm) -> Option<JsValue> {
    let text = match algorithm {
        Algorithm::RS256 => r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#,
        Algorithm::PS256 => r#"{"name":"RSA-PSS","hash":"SHA-256","saltLength":32}"#,
        Algorithm::ES256 => r#"{"name":"ECDSA","namedCurve":"P-256","hash":"SHA-256"}"#,
        Algorithm::EdDSA => r#"{"name":"Ed25519"}"#,
        _ => return None,
    };
    JSON::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Validation, decode};
    use serde_json::{Map, Value};

    const HEADER: &str = "eyJhbGciOiJSUzI1NiJ9"; // {"alg":"RS256"}
    const ALICE: &str = "eyJzdWIiOiJhbGljZSJ9"; // {"sub":"alice"}
    const BOB: &str = "eyJzdWIiOiJib2IifQ"; // {"sub":"bob"}

    fn reads(receipt: &Verified, token: &str, algorithms: Vec<Algorithm>) -> bool {
        super::super::provider::install();
        let mut validation = Validation { algorithms, validate_exp: false, ..Validation::default() };
        validation.required_spec_claims.clear();
        decode::<Map<String, Value>>(token, receipt.key(), &validation).is_ok()
    }

    #[test]
    fn a_receipt_is_for_its_message_alone() {
        let receipt = Verified::new(Algorithm::RS256, &format!("{HEADER}.{ALICE}")).unwrap();
        assert!(reads(&receipt, &format!("{HEADER}.{ALICE}.AAAA"), vec![Algorithm::RS256]));
        for other in [format!("{HEADER}.{BOB}.AAAA"), format!("{HEADER}.{ALICE}A.AAAA"), format!("{HEADER}..AAAA")] {
            assert!(!reads(&receipt, &other, vec![Algorithm::RS256]), "{other}");
        }
    }

    #[test]
    fn a_receipt_is_for_its_family_alone() {
        assert!(Verified::new(Algorithm::HS256, "x").is_none());
        let message = format!("{HEADER}.{ALICE}");
        let token = format!("{message}.AAAA");
        for other in [Algorithm::ES256, Algorithm::EdDSA] {
            let receipt = Verified::new(other, &message).unwrap();
            assert!(!reads(&receipt, &token, vec![Algorithm::RS256]), "{other:?}");
        }
        // And an HMAC whose secret would be the receipt of its own message is none: the header says HS256.
        let message = format!("eyJhbGciOiJIUzI1NiJ9.{ALICE}");
        let receipt = Verified::new(Algorithm::RS256, &message).unwrap();
        assert!(!reads(&receipt, &format!("{message}.AAAA"), vec![Algorithm::HS256]));
    }
}
