//! Which texts are public keys. The keys are OpenSSL's, and their private halves are nowhere.

use super::*;
use crate::config::algorithm::Algorithm;
use proptest::prelude::*;

const RSA: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtyCbJbv6Y2QNHVx93vN2
/xTvt7bAiDxNOR3NtprvA39aoqqKhFCaRWUYNlEImJOVCuPo1YsIS8d3UYxGMv9L
MB6VhwHLSc5/Q2f+JzyMGQPv+4svpXP+h5+kXu0fjJNPQEeIydP3/Q9NW+J7g7i5
qltLm6SEu9bhvAHVCTPT6cgwC2kfppH4Glz1YeNzdh4zRE/rnqJMc1+a4a1b65Og
XAFJD5u7/utJA08qBq9R5Iz7QyQkt0MEg9/L3pPusc6oF86dDV6aKjHxljqfuDWi
ZkIsijA2yfZ1kKHtr6nNIs+PogE9O84FcEecOc+qpD4Ede8kB0NyHU1Yig7xe6TZ
RQIDAQAB
-----END PUBLIC KEY-----";
const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHiNqJs2thfwlbs6dJYIz7kVPRV5J
eZMO6ZHQ8tiNT6Jpsgs4XOef7tAdqpklcWliTWXB5Jmc0Wnp7lqQ2t1RgA==
-----END PUBLIC KEY-----";
const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAo78KGN8f64RpqXkMvB1/jYc035qMcDCFK52o3dAA6y0=
-----END PUBLIC KEY-----";

const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE9tpFv/hVU0kFfN/fl/PjqIDx3tZIj0n6
3sY9QOB1cDnyh8HVrfBkVqM9i5hBu41bWlSpt1flkANORwd72RwH9KwRaFfW+Z/l
y8LQ6AYdr7clNcMI6XXoIwwpeyldsOp8
-----END PUBLIC KEY-----";
const P521: &str = "-----BEGIN PUBLIC KEY-----
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQB/xHPIT7xZ6AIcF6KqOisfXjPypwl
RI1qopUmJQvX2CppBczIbdJ1HDBSaKuuDtLa+SdLYQMXDDTncxoQSLC6G1kAzl9r
x9rX3lHl7GGtTHdUK5I3xmFiPPjFhyTGhB46rKhyOW9tW96SwWxYj63igtDyinSn
aFHr8blj6Ix1E9Ta42Q=
-----END PUBLIC KEY-----";

/// In the form of a key, and yet none that is taken: RSA of 1024 and of 2047 bits, a compressed point, secp256k1, X25519.
const OTHERS: [&str; 5] = [
    "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDZRVtmp5T5swJ9xFTwiprBRHv8
GVnUq18oqURv+xk38CbWrNIa4tRzoVbIEUYs963Czh/7GYvha+V+tfvo4vbT/SvO
U6LjHObWbOfe/XcbtZ3fJCyxdoT5SMgteOUdIDhRdiJxobP9ALZQnLNMJ60stnNY
QKFv/mpwGpvrfui5lwIDAQAB
-----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----
MIIBITANBgkqhkiG9w0BAQEFAAOCAQ4AMIIBCQKCAQBghLs5eivB7ORkt18zEc5I
qKb1ecjTud46EZ5TP3Y6sXlE09PMK0cBlFlAscWtx/iF4s9n651Yj2ZiVIxSI5r3
E4VeFaglcAWbEZTtLhX0B/1d9KXWkFFyip0fg0DTZtJWQFQFzs20WHdRW28NoL92
7DC/BHr0xXUORZHj7ttE0+GKj7D98FkH0Su7TcaERyaSJZ0SRII3V5WKvCEOtQe4
jBtsppWKGLyXEv8/V6ri8c0OwyQ3V02mWWalK+8C8HdO+PWf+moO6sc/bJpfzvda
jVTw/L1gE/KGrwvt7cQHe+5BmgyUaGexKjGIci+ynpJIVQP3fkdEijzaCy+WtaYP
AgMBAAE=
-----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACv/PbEEbe06Mt3qYLkQEVR7YPdgq2
18iif6KGen7Fqio=
-----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEGeueQTEGDrBxzi9viwOb3Gv2JXxvBSCM
wWrrJOsn3L5wKr8G41uCHGRpoci1Hh0hUnjNvqcUbvk+jLyJitXkeg==
-----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEAIV+u7UwDE5I+BLIq+JqZRH6NMErDbYJp+lZpeMLFYVs=
-----END PUBLIC KEY-----",
];

fn kinds(text: &str) -> Option<Vec<KeyKind>> {
    read(text).map(|keys| keys.iter().map(|key| key.kind).collect())
}

#[test]
fn the_algorithm_of_a_key_says_its_kind() {
    assert_eq!(kinds(RSA), Some(vec![KeyKind::Rsa]));
    assert_eq!(kinds(P256), Some(vec![KeyKind::P256]));
    assert_eq!(kinds(P384), Some(vec![KeyKind::P384]));
    assert_eq!(kinds(P521), Some(vec![KeyKind::P521]));
    assert_eq!(kinds(ED25519), Some(vec![KeyKind::Ed25519]));
    for other in OTHERS {
        assert_eq!(kinds(other), None, "{other}");
    }
}

#[test]
fn line_breaks_are_what_they_may_be() {
    for text in [
        RSA.replace('\n', "\\n"),
        RSA.replace('\n', "\r\n"),
        RSA.replace('\n', "\\r\\n"),
        RSA.replace('\n', ""),
        format!("\n  {RSA}\n\n"),
    ] {
        assert_eq!(kinds(&text), Some(vec![KeyKind::Rsa]), "{text}");
    }
}

#[test]
fn there_are_one_to_four_and_nothing_else() {
    assert_eq!(kinds(&format!("{P256}\n{RSA}{ED25519}")), Some(vec![KeyKind::P256, KeyKind::Rsa, KeyKind::Ed25519]));
    assert_eq!(kinds(&P256.repeat(4)).map(|keys| keys.len()), Some(4));
    for bad in [
        String::new(),
        P256.repeat(5),
        format!("{P256} and more"),
        format!("a key: {P256}"),
        P256.replace("PUBLIC", "PRIVATE"),
        P256.replace("-----END", "----END"),
        P256.replace("MFkw", "MFlw"),
        P256.replace("gA==", "gA="),
        P256.replace("gA==", "gAAA"),
    ] {
        assert_eq!(kinds(&bad), None, "{bad}");
    }
}

#[test]
fn a_key_is_for_its_own_algorithms() {
    for (kind, names) in [
        (Some(KeyKind::Rsa), "RS256 RS384 RS512 PS256 PS384 PS512"),
        (Some(KeyKind::P256), "ES256"),
        (Some(KeyKind::P384), "ES384"),
        (Some(KeyKind::P521), "ES512"),
        (Some(KeyKind::Ed25519), "EdDSA Ed25519"),
        (None, "HS256 HS384 HS512"),
    ] {
        let own = Algorithm::names(kind.is_none()).filter(|name| Algorithm::of(name).unwrap().kind() == kind);
        assert_eq!(own.collect::<Vec<_>>().join(" "), names);
        assert!(kind.is_none_or(|kind| kind.usual().kind() == Some(kind)));
    }
    for none in ["none", "", "rs256", "ES256K", "Ed448", "ESP256", "RS1"] {
        assert_eq!(Algorithm::of(none), None, "{none}");
    }
}

#[test]
fn what_is_a_key_is_told_from_a_secret() {
    for pem in [RSA, P256, P384, P521, ED25519].into_iter().chain(OTHERS) {
        let body = pem.replace(BEGIN, "").replace(END, "");
        assert!(is_key(pem.as_bytes()) && is_key(body.as_bytes()), "{pem}");
        assert!(is_key(&base64(&body.split_ascii_whitespace().collect::<String>()).unwrap()), "{pem}");
    }
    // One whose bytes happen to be a text.
    assert!(is_key(&[&der(ED25519)[..12], &[1; 32]].concat()));
    let cut = der(ED25519);
    for secret in [&b""[..], b"{\"key\": 1}", b"kty", &[0x30; 44], &[0x30, 42, 0x30, 5, 0x06], &cut[1..], &cut[..43]] {
        assert!(!is_key(secret), "{secret:?}");
    }
}

fn der(pem: &str) -> Vec<u8> {
    read(pem).unwrap().remove(0).spki
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text: String) {
        let _ = read(&text);
        let _ = read(&format!("{BEGIN}{text}{END}"));
    }

    #[test]
    fn any_bytes_are_a_key_or_none(bytes: Vec<u8>) {
        prop_assert_eq!(key(bytes), None);
    }

    /// A byte that is changed makes another key or none; it is never read beyond its end.
    #[test]
    fn a_changed_key(which in 0..5_usize, at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut der = der([RSA, P256, P384, P521, ED25519][which]);
        let at = at.index(der.len());
        der[at] = byte;
        let _ = key(der.clone());
        der.truncate(cut.index(der.len()));
        prop_assert_eq!(key(der), None);
    }

    #[test]
    fn zeros_in_front_make_no_modulus_longer(zeros in 0..3_usize, first in 1..=255_u8, rest in 250..260_usize) {
        let modulus = [vec![0; zeros], vec![first], vec![0xff; rest]].concat();
        // 256 bytes, of which the first has its highest bit.
        prop_assert_eq!(is_strong(&modulus), rest > 255 || (rest == 255 && first >= 0x80));
    }
}
