//! What the `jsonwebtoken` crate computes with, in the place of its own `rust_crypto`.
//!
//! Secrets: HMAC, by the `hmac` crate. Public keys: the platform's WebCrypto, which is native, constant in time and costs no
//! wasm, but asynchronous, and the crate is not. So WebCrypto verifies first, and what the crate is handed as a key is the
//! receipt of that: the very bytes that were verified (`webcrypto::Verified`). Its verifier accepts these bytes and no
//! others. That is sound because
//!
//! - a receipt comes to be in one place only, after WebCrypto said yes to a signature over exactly these bytes;
//! - the bytes are the token's header and payload, all that the crate reads, so it can't read anything else than what was
//!   signed, the algorithm's name included;
//! - a key is of a family, and an algorithm of another family is refused here: a receipt never meets HMAC, nor does a secret
//!   ever verify what is for public keys.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey};
use sha2::{Sha256, Sha384, Sha512};

static PROVIDER: CryptoProvider = CryptoProvider {
    // The gate makes no tokens.
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes it the crate's own, once; a second time changes nothing.
pub fn install() {
    let _ = PROVIDER.install_default();
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let algorithm = *algorithm;
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let bytes = key.try_get_as_bytes()?;
    match algorithm {
        Algorithm::HS256 => keyed::<Hmac<Sha256>>(algorithm, bytes),
        Algorithm::HS384 => keyed::<Hmac<Sha384>>(algorithm, bytes),
        Algorithm::HS512 => keyed::<Hmac<Sha512>>(algorithm, bytes),
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 | Algorithm::EdDSA => {
            Ok(Box::new(Receipt { algorithm, verified: bytes.to_vec() }))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

struct Keyed<M> {
    algorithm: Algorithm,
    mac: M,
}

fn keyed<M: Mac + KeyInit + Clone + 'static>(algorithm: Algorithm, secret: &[u8]) -> Result<Box<dyn JwtVerifier>> {
    let mac = <M as Mac>::new_from_slice(secret).map_err(|_| ErrorKind::InvalidKeyFormat)?;
    Ok(Box::new(Keyed { algorithm, mac }))
}

impl<M: Mac + Clone> Verifier<Vec<u8>> for Keyed<M> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        // Compares in constant time, and the whole of it: a signature that is cut short is none.
        self.mac.clone().chain_update(message).verify_slice(signature).map_err(|_| Error::new())
    }
}

impl<M: Mac + Clone> JwtVerifier for Keyed<M> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct Receipt {
    algorithm: Algorithm,
    verified: Vec<u8>,
}

impl Verifier<Vec<u8>> for Receipt {
    fn verify(&self, message: &[u8], _: &Vec<u8>) -> std::result::Result<(), Error> {
        if message == self.verified { Ok(()) } else { Err(Error::new()) }
    }
}

impl JwtVerifier for Receipt {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
