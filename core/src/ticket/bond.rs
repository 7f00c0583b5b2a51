//! The bond: a secret that stays in the browser's cookies and ties a ticket to that browser, so that a ticket which got
//! into a log opens nothing by itself.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Digest, Malformed, NoRandomness, SECRET_LEN, random};

/// 256 random bits in unpadded base64url, 43 characters. Like a [`super::Ticket`] it has no `Display`, no `Serialize` and a
/// hiding `Debug`; a grant holds its digest.
pub struct Bond {
    text: String,
    digest: Digest,
}

impl Bond {
    /// The name of its cookie.
    pub const COOKIE: &str = "__Host-ws-ticket";

    /// A fresh one.
    pub fn mint() -> Result<Self, NoRandomness> {
        Ok(Self::of(URL_SAFE_NO_PAD.encode(random::<32>()?)))
    }

    /// Reads what a browser brought.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() != SECRET_LEN || URL_SAFE_NO_PAD.decode(text).is_err() {
            return Err(Malformed);
        }
        Ok(Self::of(text.to_owned()))
    }

    fn of(text: String) -> Self {
        let digest = Digest::of(&text);
        Self { text, digest }
    }

    /// What a grant knows it by.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The secret text, for the cookie alone.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Bond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bond(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bond_is_read_back_as_itself_and_hides() {
        let bond = Bond::mint().unwrap();
        assert_eq!(Bond::parse(bond.reveal()).unwrap().digest(), bond.digest());
        assert!(!format!("{bond:?}").contains(bond.reveal()));
        let long = "A".repeat(44);
        for bad in ["", "A", &long, &"é".repeat(21), &format!("{}+", "A".repeat(42)), &format!("{}B", "A".repeat(42))]
        {
            assert_eq!(Bond::parse(bad).err(), Some(Malformed), "{bad}");
        }
    }
}
