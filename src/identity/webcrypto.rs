//! Public keys and signatures by the platform's WebCrypto (<https://developers.cloudflare.com/workers/runtime-apis/web-crypto/>).

use worker::js_sys::{JSON, Promise, Uint8Array};
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use crate::config::Algorithm;
use crate::platform::race::settled;

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
    parameters: JsValue,
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
    let (parameters, usages) = (parameters(algorithm)?, JSON::parse(r#"["verify"]"#).ok()?);
    let imported = import_key(format, &key, &parameters, false, &usages).ok()?;
    let key = settled(imported).await.ok()?;
    Some(CryptoKey { algorithm, parameters, key })
}

/// Whether the signature is the key's over this message. Whatever the platform doesn't say yes to is not.
pub async fn verify(key: &CryptoKey, message: &str, signature: &[u8]) -> bool {
    // Copies: the platform must not look into the wasm's memory while it works.
    let (signature, bytes) = (Uint8Array::from(signature), Uint8Array::from(message.as_bytes()));
    match verify_signature(&key.parameters, &key.key, &signature, &bytes) {
        Ok(verifying) => settled(verifying).await.is_ok_and(|verified| verified.as_bool() == Some(true)),
        Err(_) => false,
    }
}

/// What WebCrypto calls the algorithm, with all that it wants to know of it (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1).
fn parameters(algorithm: Algorithm) -> Option<JsValue> {
    let text = match algorithm {
        Algorithm::Rs256 => r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#,
        Algorithm::Rs384 => r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-384"}"#,
        Algorithm::Rs512 => r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-512"}"#,
        Algorithm::Ps256 => r#"{"name":"RSA-PSS","hash":"SHA-256","saltLength":32}"#,
        Algorithm::Ps384 => r#"{"name":"RSA-PSS","hash":"SHA-384","saltLength":48}"#,
        Algorithm::Ps512 => r#"{"name":"RSA-PSS","hash":"SHA-512","saltLength":64}"#,
        Algorithm::Es256 => r#"{"name":"ECDSA","namedCurve":"P-256","hash":"SHA-256"}"#,
        Algorithm::Es384 => r#"{"name":"ECDSA","namedCurve":"P-384","hash":"SHA-384"}"#,
        Algorithm::Es512 => r#"{"name":"ECDSA","namedCurve":"P-521","hash":"SHA-512"}"#,
        Algorithm::Ed25519 => r#"{"name":"Ed25519"}"#,
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
    };
    JSON::parse(text).ok()
}
