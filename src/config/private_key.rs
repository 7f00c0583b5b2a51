//! A private key in PEM, as `openssl genpkey` writes it (PKCS #8, RFC 5958; RFC 7468 §10): for signing with ES256 or EdDSA.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::algorithm::{Algorithm, KeyKind};
use super::public_key::{INTEGER, KINDS, SEQUENCE, element};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
const OCTET_STRING: u8 = 0x04;
/// Bytes of a scalar of P-256, and of an Ed25519 key.
const KEY_BYTES: usize = 32;

/// A private key. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    algorithm: Algorithm,
    pkcs8: Vec<u8>,
}

impl PrivateKey {
    /// What it signs by.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key in DER, for the one who computes with it.
    pub fn reveal(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?}, …)", self.algorithm)
    }
}

/// The key of one PEM block. Its line breaks may be written `\n`: a secret is often one line.
pub(super) fn read(text: &str) -> Option<PrivateKey> {
    let text = text.replace("\\r", "\r").replace("\\n", "\n");
    let body: String = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?.split_ascii_whitespace().collect();
    let pkcs8 = STANDARD.decode(body).ok()?;
    let algorithm = algorithm_of(&pkcs8)?;
    Some(PrivateKey { algorithm, pkcs8 })
}

fn algorithm_of(pkcs8: &[u8]) -> Option<Algorithm> {
    let (content, nothing) = element(SEQUENCE, pkcs8)?;
    let (version, rest) = element(INTEGER, content)?;
    let (identifier, rest) = element(SEQUENCE, rest)?;
    let (key, after) = element(OCTET_STRING, rest)?;
    let (_, kind) = *KINDS.iter().find(|(known, _)| *known == identifier)?;
    let is_right = match kind {
        // ECPrivateKey (RFC 5915 §3), mostly with the public key behind it.
        KeyKind::P256 => {
            let (content, more) = element(SEQUENCE, key)?;
            let (version, rest) = element(INTEGER, content)?;
            let (scalar, _) = element(OCTET_STRING, rest)?;
            version == [1] && scalar.len() == KEY_BYTES && more.is_empty()
        }
        // RFC 8410 §7.
        KeyKind::Ed25519 => {
            element(OCTET_STRING, key).is_some_and(|(key, more)| key.len() == KEY_BYTES && more.is_empty())
        }
        KeyKind::Rsa | KeyKind::P384 | KeyKind::P521 => false,
    };
    let algorithm = if kind == KeyKind::P256 { Algorithm::Es256 } else { Algorithm::Ed25519 };
    // Attributes, and since version 2 the public key, may follow.
    let follows = matches!(after.first(), None | Some(0xa0 | 0x81 | 0xa1));
    (is_right && nothing.is_empty() && matches!(version, [0 | 1]) && follows).then_some(algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both made by `openssl genpkey`.
    const P256: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgI8hry6Mo0RcBmcpYq/m/6U+t/oBpEUwSaa4KRL1k/mWhRANCAAS/mVC3f9r6KFSQHx7svVwLNRIbxb+Oq7M/3CqXtNumfF3Jf++bTG+/fdmoV7XCqpVUvM7UH3P9SWHM9jsnh48C";
    const ED25519: &str = "MC4CAQAwBQYDK2VwBCIEINfqMMT6C/58qs5CHpRAGkPOhdMGiqiXp61ZMOB6ZxGP";
    const P384: &str = "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDOpO+UUiw+TX0xkG9POVZuYnkdSnDx6TRe3T2KPtX97AUVRa167Rdpjlu79S62GzOhZANiAAQ6GYCbGKxW2Pb9t1c6bFGgqGVnjpuHxnDMYfgX41rbchdYzZaorFwegz29IDxDNr32zIPJse+3MlZBURwh2ldHVfc9ZgcvZIDRPfPVI6R+8VHwtHagr7ShtktDeJZbl6E=";

    fn pem(body: &str) -> String {
        format!("{BEGIN}\n{body}\n{END}\n")
    }

    #[test]
    fn a_key_is_read_and_says_what_it_signs_by() {
        assert_eq!(read(&pem(P256)).unwrap().algorithm(), Algorithm::Es256);
        assert_eq!(read(&pem(ED25519)).unwrap().algorithm(), Algorithm::Ed25519);
        assert_eq!(read(&pem(ED25519).replace('\n', "\\n")), read(&pem(ED25519)));
    }

    #[test]
    fn anything_else_is_none() {
        let cut = |text: &str| pem(text.get(..text.len() - 4).unwrap());
        for bad in [
            String::new(),
            P256.to_owned(),
            pem(P384),
            pem(""),
            pem("AAAA"),
            cut(P256),
            cut(ED25519),
            pem(P256) + &pem(P256),
            pem(P256).replace("PRIVATE", "EC PRIVATE"),
            pem(P256).replace("PRIVATE", "PUBLIC"),
        ] {
            assert!(read(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", read(&pem(ED25519)).unwrap()), "PrivateKey(Ed25519, …)");
    }
}
