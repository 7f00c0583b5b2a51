//! Whom a request is counted for when all that is known is where it comes from.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the /64 network of an IPv6 address: one customer commonly has a whole /64
/// (RFC 6177 §2), so its addresses are as good as one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// Reads `CF-Connecting-IP` (<https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip>).
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(match text.parse::<IpAddr>().ok()?.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_by_whom_they_belong_to() {
        for (text, expected) in [
            ("192.0.2.7", Some("192.0.2.7")),
            ("::ffff:192.0.2.7", Some("192.0.2.7")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::/64")),
            ("2001:DB8:1:2::", Some("2001:db8:1:2::/64")),
            ("", None),
            ("192.0.2.7, 192.0.2.8", None),
            ("localhost", None),
        ] {
            assert_eq!(Address::parse(text).as_ref().map(Address::as_str), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_ipv6_address_of_a_network_is_as_good_as_another(network: u64, host: u64, other: u64) {
            let address = |low: u64| Address::parse(&Ipv6Addr::from(u128::from(network) << 64 | u128::from(low)).to_string());
            // ::ffff:0:0/96 are IPv4 addresses in disguise.
            proptest::prop_assume!(network != 0);
            proptest::prop_assert_eq!(address(host), address(other));
            proptest::prop_assert_ne!(address(host), Address::parse(&Ipv6Addr::from(u128::from(network ^ 1) << 64).to_string()));
        }

        #[test]
        fn no_header_makes_it_panic(text in ".*") {
            let _ = Address::parse(&text);
        }
    }
}
