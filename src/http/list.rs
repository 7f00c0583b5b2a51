//! Headers that are lists (RFC 9110 §5.6.1): elements between commas, with spaces and tabs around them. A recipient must
//! take empty elements for nothing, so `chat,` is a list of one.

/// The elements that are there. Several lines of one header arrive joined by commas, as one list.
pub fn elements(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(|element| element.trim_matches([' ', '\t'])).filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_elements_count_for_nothing() {
        for (header, expected) in [
            ("a", vec!["a"]),
            ("a,b", vec!["a", "b"]),
            (" a \t,\tb ", vec!["a", "b"]),
            ("a,", vec!["a"]),
            (",a", vec!["a"]),
            (", ,a,,\t, b ,", vec!["a", "b"]),
            ("a b", vec!["a b"]),
            ("\u{a0}a", vec!["\u{a0}a"]),
            (",", vec![]),
            (" , ", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(elements(header).collect::<Vec<_>>(), expected, "{header:?}");
        }
    }
}
