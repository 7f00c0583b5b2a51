//! A secret that is shared with whoever signs tokens: from the setting's text to the bytes that are the key.
//!
//! The key is the text's own bytes in UTF-8, or what `base64:` or `hex:` in front of it stand for, for signers that decode
//! their secret before they use it. `text:` in front of a secret that begins with one of these words by itself takes it as it is.

use std::fmt;

use super::encoded::{base64, hex};
use super::parse::is_blank;
use super::public_key;

/// The bytes of a key. `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Vec<u8>);

impl SecretKey {
    /// The bytes, for the one who computes with them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// What is wrong with a text, and what would be right.
pub(super) type Wrong = (&'static str, &'static str);

type Decode = fn(&str) -> Option<Vec<u8>>;

/// The words that say how the rest is written, and what is wrong if it isn't.
const FORMS: [(&str, Decode, Wrong); 4] = [
    ("base64", base64, NOT_BASE64),
    ("base64url", base64, NOT_BASE64),
    (
        "hex",
        hex,
        ("is not hexadecimal after its hex:", "two digits for each byte; or text: and the secret, if it is no code"),
    ),
    ("text", |text| Some(text.as_bytes().to_vec()), ("", "")),
];
const NOT_BASE64: Wrong =
    ("is not base64 after its base64:", "base64 or base64url; or text: and the secret, if it begins so and is no code");

/// What stands around a text where it was copied from, or where it was to be filled in.
const AROUND: [(&str, &str); 11] = [
    ("\"", "\""),
    ("'", "'"),
    ("`", "`"),
    ("“", "”"),
    ("„", "“"),
    ("‘", "’"),
    ("«", "»"),
    ("「", "」"),
    ("<", ">"),
    ("${", "}"),
    ("{{", "}}"),
];
/// The settings that are secrets, as they stand in a file in front of their texts.
const NAMES: [&str; 13] = [
    "JWT_SECRET_PREVIOUS",
    "JWT_SECRET",
    "TICKET_KEY_PREVIOUS",
    "TICKET_KEY",
    "SEAL_KEY_PREVIOUS",
    "SEAL_KEY",
    "REDEEM_SECRET_PREVIOUS",
    "REDEEM_SECRET",
    "ADMIN_TOKEN_PREVIOUS",
    "ADMIN_TOKEN",
    "UPSTREAM_SECRET",
    "UPSTREAM_PRIVATE_KEY",
    "UPSTREAM_AUTHORIZATION",
];

/// What came along with a secret when it was copied. Whoever else has it hasn't that, and would have another key.
pub(super) fn copied_along(text: &str) -> Option<Wrong> {
    if text.starts_with(is_blank) || text.ends_with(is_blank) {
        return Some(("begins or ends with white space", ALONE));
    }
    let is_between = |(open, close): &(&str, &str)| {
        text.strip_prefix(open).is_some_and(|rest| !rest.is_empty() && rest.ends_with(close))
    };
    if AROUND.iter().any(is_between) {
        return Some(("is in quotes or brackets", ALONE));
    }
    let line = text.strip_prefix("export ").unwrap_or(text);
    let rest = NAMES.iter().find_map(|name| line.trim_start_matches(['"', '\'']).strip_prefix(name));
    let is_assigned = |rest: &str| rest.trim_start_matches(['"', '\'', ' ', '\t']).starts_with(['=', ':']);
    rest.is_some_and(is_assigned).then_some(("begins with the name of a setting", ALONE))
}

const ALONE: &str = "the secret alone";

/// The key that the text stands for. What came of copying is refused; `base64:` can say it where it is meant.
pub(super) fn read(text: &str) -> Result<SecretKey, Wrong> {
    if let Some((problem, _)) = copied_along(text) {
        return Err((problem, "the secret alone; base64: and its bytes, if that belongs to it"));
    }
    let (form, rest) = text.split_once(':').unwrap_or_default();
    let known = FORMS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(form));
    let bytes = match known {
        Some((_, decode, wrong)) => decode(rest).ok_or(*wrong)?,
        None => text.as_bytes().to_vec(),
    };
    // Whoever has a public key could sign with it, as if it were the secret (RFC 8725 §2.1).
    if public_key::is_key(&bytes) {
        return Err((
            "is a key in PEM, DER or JSON, and not a shared secret",
            "JWT_PUBLIC_KEY for a public key in PEM",
        ));
    }
    Ok(SecretKey(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: &str = "0123456789abcdef0123456789abcdef";
    /// An Ed25519 key as OpenSSL writes it, without its two lines of dashes.
    const SPKI: &str = "MCowBQYDK2VwAyEAo78KGN8f64RpqXkMvB1/jYc035qMcDCFK52o3dAA6y0=";

    fn bytes(text: &str) -> Option<Vec<u8>> {
        read(text).ok().map(|key| key.reveal().to_vec())
    }

    #[test]
    fn the_word_in_front_says_how_it_is_written() {
        for (text, expected) in [
            (PLAIN, PLAIN.as_bytes()),
            ("base64:AQL+/w==", &[1, 2, 0xfe, 0xff]),
            ("base64:AQL-_w", &[1, 2, 0xfe, 0xff]),
            ("base64url:AQL-_w", &[1, 2, 0xfe, 0xff]),
            ("Base64:AQL+/w", &[1, 2, 0xfe, 0xff]),
            ("hex:0102FEff", &[1, 2, 0xfe, 0xff]),
            ("text:base64:AQL+/w==", b"base64:AQL+/w=="),
            ("text:text:x", b"text:x"),
            ("base64", b"base64"),
            ("base64 :AQ==", b"base64 :AQ=="),
            (":AQ==", b":AQ=="),
            ("a: secret with colons: and spaces", b"a: secret with colons: and spaces"),
            ("base64:", b""),
            ("一个秘密", "一个秘密".as_bytes()),
        ] {
            assert_eq!(bytes(text).as_deref(), Some(expected), "{text}");
        }
        for bad in ["base64:!", "base64:AQL+/", "base64: AQL+/w==", "base64url:a b", "hex:012", "hex:xx", "HEX:0x01"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_copying_leaves_around_it_is_refused() {
        for bad in [
            "{}\n",
            "{}\r\n",
            " {}",
            "{}\u{a0}",
            "\u{feff}{}",
            "{}\u{200b}",
            "{}\0",
            "\"{}\"",
            "'{}'",
            "base64:AQ==\n",
            "\"base64:AQ==\"",
            "`{}`",
            "“{}”",
            "„{}“",
            "‘{}’",
            "«{}»",
            "「{}」",
            "<{}>",
            "${{}}",
            "{{{}}}",
            "JWT_SECRET={}",
            "JWT_SECRET = {}",
            "JWT_SECRET=\"{}\"",
            "JWT_SECRET_PREVIOUS={}",
            "TICKET_KEY={}",
            "TICKET_KEY_PREVIOUS: {}",
            "export JWT_SECRET={}",
            "\"JWT_SECRET\": \"{}",
        ] {
            assert_eq!(bytes(&bad.replace("{}", PLAIN)), None, "{bad:?}");
        }
        for good in [
            "\"{}",
            "{}'",
            "'{}\"",
            "{} {}",
            "\"{}\" x",
            "“{}\"",
            "<{}",
            "{{}}",
            "$\u{7b}{}",
            "JWT_SECRET{}",
            "jwt_secret={}",
            "A_SECRET={}",
            "text:JWT_SECRET={}",
            "text:`{}`",
        ] {
            assert!(bytes(&good.replace("{}", PLAIN)).is_some(), "{good}");
        }
    }

    #[test]
    fn a_public_key_is_no_secret_however_it_is_written() {
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{SPKI}\n-----END PUBLIC KEY-----");
        let in_base64 = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        for bad in [
            format!("base64:{SPKI}"),
            SPKI.to_owned(),
            format!("text:{SPKI}"),
            pem.clone(),
            pem.replace('\n', "\\n"),
            format!("base64:{}", in_base64(&pem)),
            r#"{"kty":"OKP","crv":"Ed25519","x":"o78KGN8f64RpqXkMvB1_jYc035qMcDCFK52o3dAA6y0"}"#.to_owned(),
            r#"{"keys":[{"kty":"RSA","n":"AQAB"}]}"#.to_owned(),
        ] {
            assert_eq!(bytes(&bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_hides_it() {
        let shown = format!("{:?}", read(PLAIN));
        assert!(!shown.contains("0123") && !shown.contains("48, 49"), "{shown}");
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_given(bytes in prop::collection::vec(any::<u8>(), 32..80)) {
            prop_assume!(!public_key::is_key(&bytes));
            let text = format!("base64:{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes));
            let key = read(&text).unwrap();
            prop_assert_eq!(key.reveal(), bytes.as_slice());
        }

        #[test]
        fn any_text_is_a_key_or_none(text: String) {
            let _ = read(&text);
        }
    }
}
