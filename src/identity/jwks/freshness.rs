//! For how long an issuer's keys are fresh, as its answer says (RFC 9111), within bounds of our own.

/// Seconds for which keys are fresh at least and at most, and when the answer doesn't say.
const MIN: u32 = 60;
const MAX: u32 = 24 * 60 * 60;
const UNSAID: u32 = 600;

/// Seconds, from when the keys were asked for.
pub fn seconds(cache_control: Option<&str>, age: Option<&str>) -> u32 {
    let mut max_age: Option<u32> = None;
    for directive in cache_control.unwrap_or_default().split(',') {
        let (name, value) = directive.split_once('=').map_or((directive, None), |(name, value)| (name, Some(value)));
        let is = |other| name.trim().eq_ignore_ascii_case(other);
        if is("no-store") || is("no-cache") {
            return MIN;
        }
        // Of several the least. One that can't be read says nothing.
        if is("max-age") {
            let seconds = value.and_then(|value| number(value.trim().trim_matches('"')));
            max_age = seconds.map(|seconds| max_age.map_or(seconds, |least| least.min(seconds))).or(max_age);
        }
    }
    let age = age.and_then(|age| number(age.trim())).unwrap_or(0);
    max_age.map_or(UNSAID, |seconds| seconds.saturating_sub(age)).clamp(MIN, MAX)
}

/// Whole seconds; too many for a number are very many (RFC 9111 §1.2.2).
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_it_says_within_bounds() {
        for (cache_control, age, expected) in [
            (None, None, UNSAID),
            (Some("max-age=300"), None, 300),
            (Some("public, Max-Age=300, must-revalidate"), Some("100"), 200),
            (Some("max-age=\"300\""), None, 300),
            (Some("max-age=59"), None, MIN),
            (Some("max-age=300"), Some("300"), MIN),
            (Some("max-age=300"), Some("9999999999999"), MIN),
            (Some("max-age=300"), Some("-1"), 300),
            (Some("max-age=86401"), None, MAX),
            (Some("max-age=99999999999999999999"), None, MAX),
            (Some("max-age=900, max-age=300"), None, 300),
            (Some("max-age=300, max-age=x"), None, 300),
            (Some("max-age=300, no-cache"), None, MIN),
            (Some("no-store"), None, MIN),
            (Some("No-Cache=\"set-cookie\""), None, MIN),
            (Some("s-maxage=300"), None, UNSAID),
            (Some("max-age"), None, UNSAID),
            (Some("max-age=-1"), None, UNSAID),
            (Some("max-age=1.5"), None, UNSAID),
            (Some(""), None, UNSAID),
            (None, Some("100"), UNSAID),
        ] {
            assert_eq!(seconds(cache_control, age), expected, "{cache_control:?} {age:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_says_the_bounds_hold(cache_control: Option<String>, age: Option<String>) {
            prop_assert!((MIN..=MAX).contains(&seconds(cache_control.as_deref(), age.as_deref())));
        }

        #[test]
        fn and_of_what_looks_like_it(directives in "([a-z-]{0,4}(max-age|no-store)=?\"?[0-9]{0,12}\"?[, ]{0,2}){0,6}") {
            prop_assert!((MIN..=MAX).contains(&seconds(Some(&directives), Some(&directives))));
        }
    }
}
