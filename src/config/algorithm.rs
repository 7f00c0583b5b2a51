//! The algorithms that tokens are signed by, and which keys are for which (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).

/// An algorithm. `Algorithm::of` knows its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// EdDSA on edwards25519.
    Ed25519,
}

/// The names that tokens, keys and settings have for them. The last two mean one algorithm: `EdDSA` leaves the curve to the
/// key, and no other curve is taken here.
const NAMES: [(&str, Algorithm); 14] = [
    ("HS256", Algorithm::Hs256),
    ("HS384", Algorithm::Hs384),
    ("HS512", Algorithm::Hs512),
    ("RS256", Algorithm::Rs256),
    ("RS384", Algorithm::Rs384),
    ("RS512", Algorithm::Rs512),
    ("PS256", Algorithm::Ps256),
    ("PS384", Algorithm::Ps384),
    ("PS512", Algorithm::Ps512),
    ("ES256", Algorithm::Es256),
    ("ES384", Algorithm::Es384),
    ("ES512", Algorithm::Es512),
    ("EdDSA", Algorithm::Ed25519),
    ("Ed25519", Algorithm::Ed25519),
];

/// A kind of public key. Each algorithm belongs to one at most, so that no key is ever used by an algorithm that isn't its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA.
    Rsa,
    /// A point of the curve P-256.
    P256,
    /// A point of the curve P-384.
    P384,
    /// A point of the curve P-521.
    P521,
    /// A point of edwards25519.
    Ed25519,
}

impl Algorithm {
    /// The algorithm of that name. `none` is the name of no algorithm.
    pub fn of(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// Every name, of those for shared secrets or of those for public keys.
    pub(super) fn names(for_secrets: bool) -> impl Iterator<Item = &'static str> {
        let fits = move |(_, algorithm): &&(_, Self)| algorithm.kind().is_none() == for_secrets;
        NAMES.iter().filter(fits).map(|(name, _)| *name)
    }

    /// The kind of public key that it verifies with; `None` where it is a shared secret.
    pub fn kind(self) -> Option<KeyKind> {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => None,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Some(KeyKind::Rsa),
            Self::Es256 => Some(KeyKind::P256),
            Self::Es384 => Some(KeyKind::P384),
            Self::Es512 => Some(KeyKind::P521),
            Self::Ed25519 => Some(KeyKind::Ed25519),
        }
    }

    /// Bytes that a shared secret has at least: as many as the hash's output (RFC 7518 §3.2).
    pub(super) fn secret_min(self) -> usize {
        match self {
            Self::Hs512 => 64,
            Self::Hs384 => 48,
            _ => 32,
        }
    }
}

impl KeyKind {
    /// What such keys are used with unless something else is said.
    pub(super) fn usual(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::Rs256,
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
            Self::Ed25519 => Algorithm::Ed25519,
        }
    }

    /// Bytes of a number that says where on its curve a key is; `None` where keys aren't pairs of such numbers.
    pub fn coordinate(self) -> Option<usize> {
        match self {
            Self::P256 => Some(32),
            Self::P384 => Some(48),
            Self::P521 => Some(66),
            Self::Rsa | Self::Ed25519 => None,
        }
    }
}
