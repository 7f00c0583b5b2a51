//! Bytes that are written as text: base64 as it is found where people write keys down.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// With `=` at the end or without, and as most decoders take it: bits that are left over count for nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes of a text in either alphabet of base64 (RFC 4648 §4, §5).
pub fn base64(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.replace('+', "-").replace('/', "_")).ok()
}

/// The bytes of a text in hexadecimal, two digits each.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| if let [high, low] = pair { Some(digit(high)? << 4 | digit(low)?) } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_is_read_in_both_alphabets_padded_or_not() {
        for (text, bytes) in [
            ("", &[][..]),
            ("-_8", &[0xfb, 0xff]),
            ("+/8", &[0xfb, 0xff]),
            ("+/8=", &[0xfb, 0xff]),
            ("-_8=", &[0xfb, 0xff]),
            ("+_8=", &[0xfb, 0xff]),
            ("AQAB", &[1, 0, 1]),
            ("AQ==", &[1]),
            ("AQ=", &[1]),
            // The last digit of a text that somebody thought of may say more than there are bytes for.
            ("AR", &[1]),
        ] {
            assert_eq!(base64(text).as_deref(), Some(bytes), "{text}");
        }
        for bad in ["A", "AAAAA", "AQ===", "=", "A=QB", "AQAB=", "AQ AB", "AQAB\n", "AQ!B", "é"] {
            assert_eq!(base64(bad), None, "{bad}");
        }
    }

    #[test]
    fn hexadecimal_is_pairs_of_digits() {
        assert_eq!(hex("00fF7a"), Some(vec![0x00, 0xff, 0x7a]));
        for bad in ["0", "00f", "0g", "0x00", "00 ff", "+0", "é"] {
            assert_eq!(hex(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes: Vec<u8>) {
            use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
            for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                prop_assert_eq!(base64(&engine.encode(&bytes)), Some(bytes.clone()));
            }
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(hex(&digits), Some(bytes));
        }
    }
}
