//! The cookie of `BIND=cookie`: set with a ticket, brought with the upgrade.
//!
//! Its prefix `__Host-` has browsers take it only from this very host, over TLS, for all paths; `HttpOnly` keeps it from
//! scripts, `SameSite=Strict` from other sites' requests
//! (<https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis>, §4.1.3.2 and §4.1.2.7).

use ws_ticket_core::gate::Cookie;
use ws_ticket_core::ticket::Bond;

const NAME: &str = Bond::COOKIE;

/// What a request brings, read from its `Cookie`.
pub enum Brought {
    /// No such cookie.
    Nothing,
    /// Several, or one in no form of ours.
    Unusable,
    /// This one.
    Bond(Bond),
}

/// Reads the header (RFC 6265 §4.2.1).
pub fn read(header: Option<&str>) -> Brought {
    let pairs = header.unwrap_or_default().split(';').map(|pair| pair.trim_matches([' ', '\t']));
    let mut values = pairs.filter_map(|pair| pair.split_once('=')).filter(|(name, _)| *name == NAME);
    match (values.next(), values.next()) {
        (None, _) => Brought::Nothing,
        (Some((_, value)), None) => Bond::parse(value).map_or(Brought::Unusable, Brought::Bond),
        _ => Brought::Unusable,
    }
}

/// `Set-Cookie` for it; it lives as long as the longest ticket.
pub fn set(bond: &Bond, max_age_seconds: u32) -> String {
    let secret = bond.reveal();
    format!("{NAME}={secret}; Path=/; Max-Age={max_age_seconds}; Secure; HttpOnly; SameSite=Strict")
}

impl From<&Brought> for Cookie {
    fn from(brought: &Brought) -> Self {
        match brought {
            Brought::Nothing => Self::Missing,
            Brought::Unusable => Self::Unusable,
            Brought::Bond(bond) => Self::Bond(*bond.digest()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_must_be_exactly_one() {
        let bond = Bond::mint().unwrap();
        let own = format!("{NAME}={}", bond.reveal());
        for (header, expected) in [
            (own.clone(), Cookie::Bond(*bond.digest())),
            (format!("a=b; {own}; c"), Cookie::Bond(*bond.digest())),
            (format!("a=b;{own}"), Cookie::Bond(*bond.digest())),
            (format!("{own}; {own}"), Cookie::Unusable),
            (format!("{own}; {NAME}=x"), Cookie::Unusable),
            (format!("{NAME}=\"{}\"", bond.reveal()), Cookie::Unusable),
            (format!("{NAME}="), Cookie::Unusable),
            (format!("x{own}"), Cookie::Missing),
            (own.to_uppercase(), Cookie::Missing),
            (String::new(), Cookie::Missing),
            (NAME.to_owned(), Cookie::Missing),
        ] {
            assert_eq!(Cookie::from(&read(Some(&header))), expected, "{header}");
        }
        assert_eq!(Cookie::from(&read(None)), Cookie::Missing);
    }

    #[test]
    fn what_is_set_can_be_brought() {
        let bond = Bond::mint().unwrap();
        let set = set(&bond, 300);
        assert_eq!(set, format!("{NAME}={}; Path=/; Max-Age=300; Secure; HttpOnly; SameSite=Strict", bond.reveal()));
        assert!(matches!(read(set.split(';').next()), Brought::Bond(read) if read.digest() == bond.digest()));
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_it_panic(header in "(__Host-ws-ticket|[ -~é]{0,5}|[=;, ])*") {
            let _ = read(Some(&header));
        }
    }
}
