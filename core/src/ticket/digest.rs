//! What is kept of a secret where the secret itself must not be.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// SHA-256. Of 256 random bits in their text form it is what stores see and write down: no secret, since it can't be guessed back. Of a
/// subject or a room it is a name of fixed length and plain characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Lowercase hexadecimal, 64 characters.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex(&text).map(Self).ok_or_else(|| D::Error::custom("expected 64 hexadecimal digits"))
    }
}

/// The bytes of 64 lowercase hexadecimal digits.
pub fn hex(text: &str) -> Option<[u8; 32]> {
    // `from_str_radix` would take a sign.
    if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_back_as_it_was_written() {
        let digest = Digest::of("a");
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, "\"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\"");
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        for bad in [json.replace("ca", "CA"), json.replace("ca", "+a"), json.replace("ca", ""), json.replace("bb", "é")]
        {
            assert!(serde_json::from_str::<Digest>(&bad).is_err(), "{bad}");
        }
    }
}
