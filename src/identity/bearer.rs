//! The app's own login as a token in `Authorization: Bearer` (RFC 6750 §2.1).

use super::NotKnown;
use crate::config::Secret;
use crate::platform::wire::Header;

/// The header that it stands in.
pub const HEADER: Header = Header::Authorization;
/// What a request must bring, for people.
pub const EXPECTED: &str = "Expected the header Authorization: Bearer <token>.";

/// The token in the header.
pub fn token(authorization: &str) -> Result<&str, NotKnown> {
    of(authorization).ok_or(NotKnown::Refused("token_not_bearer"))
}

/// The token of `Bearer <token>`; the scheme's name in any case (RFC 9110 §11.1).
pub fn of(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_matches(' '))
}

/// Whether the header has one of the secrets. Each is compared with, in constant time.
pub fn brings_one_of(authorization: Option<&str>, secrets: &[Secret]) -> bool {
    let brought = authorization.and_then(of);
    brought.is_some_and(|brought| secrets.iter().filter(|secret| secret.is(brought)).count() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_header_is_read_strictly() {
        for good in ["Bearer a.b.c", "bEARER a.b.c", "Bearer   a.b.c "] {
            assert_eq!(token(good), Ok("a.b.c"), "{good:?}");
        }
        for bad in ["", "Bearer", "a.b.c", "Basic YTpi", "Bearer\ta.b.c", " Bearer a.b.c", "BearerX a.b.c"] {
            assert_eq!(token(bad), Err(NotKnown::Refused("token_not_bearer")), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_there(header: String, rest: String) {
            let _ = token(&header);
            let bearer = format!("Bearer {rest}");
            prop_assert_eq!(token(&bearer), Ok(rest.trim_matches(' ')));
        }
    }
}
