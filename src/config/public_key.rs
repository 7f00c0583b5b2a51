//! Public keys in PEM, as `openssl pkey -pubout` writes them (RFC 7468 §13): which kind of key each is, told by the bytes of
//! its algorithm's identifier, and whether it has the form that its kind must have.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::algorithm::KeyKind;
use super::encoded::base64;

/// How many bits an RSA modulus has at least (RFC 7518 §3.3).
const RSA_BITS_MIN: usize = 2048;
/// How many keys are taken at most.
const KEYS_MAX: usize = 4;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its kind.
    pub kind: KeyKind,
    /// Its SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in DER.
    pub spki: Vec<u8>,
}

/// The keys of one or several PEM blocks, with nothing between them. Their line breaks may be written `\n`: a variable is
/// often one line.
pub(super) fn read(text: &str) -> Option<Vec<PublicKey>> {
    let text = text.replace("\\r", "\r").replace("\\n", "\n");
    let mut keys = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (body, after) = rest.strip_prefix(BEGIN)?.split_once(END)?;
        let body: String = body.split_ascii_whitespace().collect();
        keys.push(key(STANDARD.decode(body).ok()?)?);
        rest = after.trim_start();
    }
    (1..=KEYS_MAX).contains(&keys.len()).then_some(keys)
}

pub(super) const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
pub(super) const INTEGER: u8 = 0x02;

/// Contents of AlgorithmIdentifiers: rsaEncryption with NULL (RFC 3279 §2.3.1), id-ecPublicKey with prime256v1, secp384r1 or
/// secp521r1 (RFC 5480 §2.1.1), id-Ed25519 without parameters (RFC 8410 §3).
pub(super) const KINDS: [(&[u8], KeyKind); 5] = [
    (&[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0], KeyKind::Rsa),
    (&[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], KeyKind::P256),
    (&[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 5, 0x2b, 0x81, 4, 0, 34], KeyKind::P384),
    (&[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 5, 0x2b, 0x81, 4, 0, 35], KeyKind::P521),
    (&[0x06, 3, 0x2b, 0x65, 0x70], KeyKind::Ed25519),
];

fn key(spki: Vec<u8>) -> Option<PublicKey> {
    let (content, nothing) = element(SEQUENCE, &spki)?;
    let (identifier, rest) = element(SEQUENCE, content)?;
    let (bits, more) = element(BIT_STRING, rest)?;
    let (_, kind) = *KINDS.iter().find(|(known, _)| *known == identifier)?;
    // The first byte says how many bits of the last one don't count.
    let bits = bits.strip_prefix(&[0])?;
    let well_formed = match (kind, kind.coordinate()) {
        (KeyKind::Rsa, _) => is_rsa(bits)?,
        // A point that isn't compressed: 4, x, y (RFC 5480 §2.2).
        (_, Some(size)) => bits.strip_prefix(&[4])?.len() == size.saturating_mul(2),
        (_, None) => bits.len() == 32,
    };
    (well_formed && nothing.is_empty() && more.is_empty()).then_some(PublicKey { kind, spki })
}

/// Modulus and exponent (RFC 8017 §A.1.1).
fn is_rsa(key: &[u8]) -> Option<bool> {
    let (numbers, nothing) = element(SEQUENCE, key)?;
    let (modulus, rest) = element(INTEGER, numbers)?;
    let (exponent, more) = element(INTEGER, rest)?;
    let positive = |number: &[u8]| number.first().is_some_and(|byte| *byte < 0x80);
    let alone = nothing.is_empty() && more.is_empty();
    Some(alone && positive(modulus) && positive(exponent) && is_strong(modulus))
}

/// Whether a number, big-endian, is long enough to be the modulus of an RSA key.
pub fn is_strong(modulus: &[u8]) -> bool {
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros).map_or(0, |byte| byte.leading_zeros());
    modulus.len().saturating_sub(zeros).saturating_mul(8).saturating_sub(first as usize) >= RSA_BITS_MIN
}

/// Bytes of a key in DER at least: those of an Ed25519 key, the shortest.
const DER_MIN: usize = 44;

/// Whether this is a public key, or a private one, as people write keys down: PEM, JSON, or DER, also in base64. It needn't be one
/// that is taken here.
pub(super) fn is_key(bytes: &[u8]) -> bool {
    let begins_der = |content: &[u8]| matches!(content.first(), Some(&SEQUENCE | &INTEGER));
    let is_der = |bytes: &[u8]| {
        let whole = element(SEQUENCE, bytes).filter(|(_, after)| after.is_empty());
        bytes.len() >= DER_MIN && whole.is_some_and(|(content, _)| begins_der(content))
    };
    let Ok(text) = std::str::from_utf8(bytes) else { return is_der(bytes) };
    let in_json = || text.trim_start().starts_with('{') && text.contains("\"kty\"");
    let in_base64 = || base64(&text.split_ascii_whitespace().collect::<String>()).is_some_and(|bytes| is_der(&bytes));
    text.contains("-----BEGIN ") || is_der(bytes) || in_json() || in_base64()
}

/// The content of the element at the beginning, if it has this tag, and what comes after it (X.690 §8.1, with §10.1: a length
/// is written as short as it can be).
pub(super) fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match (first, rest) {
        (0..=0x7f, rest) => (usize::from(*first), rest),
        (0x81, [length @ 0x80..=0xff, rest @ ..]) => (usize::from(*length), rest),
        (0x82, [high @ 1..=0xff, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests;
