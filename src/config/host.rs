//! Hosts that are a developer's own: the machine itself, and addresses that aren't on the internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The host of a URL's host and port, without a dot at its end. IPv6 keeps its brackets.
pub fn host_of(authority: &str) -> &str {
    let port = authority.rfind(':').filter(|colon| authority.get(*colon..).is_some_and(|rest| !rest.contains(']')));
    let host = port.and_then(|colon| authority.get(..colon)).unwrap_or(authority);
    host.strip_suffix('.').unwrap_or(host)
}

/// Whether the host, as a URL writes it, is the machine itself (RFC 6761 §6.3; 127.0.0.0/8, `[::1]`), or an address of a private
/// network or of the link (RFC 1918, RFC 3927, RFC 4193, RFC 4291 §2.5.6).
pub fn is_private(host: &str) -> bool {
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse() {
        Ok(IpAddr::V4(address)) => is_private_v4(address),
        Ok(IpAddr::V6(address)) => is_private_v6(address),
        Err(_) => false,
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_private() || address.is_link_local() || address.is_unspecified()
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let Some(address) = address.to_ipv4_mapped() {
        return is_private_v4(address);
    }
    address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_developers_own_hosts() {
        for host in [
            "localhost",
            "app.localhost",
            "127.0.0.1",
            "127.255.0.3",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.20",
            "169.254.1.1",
            "0.0.0.0",
            "[::1]",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:a00:1]",
            "[::]",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in [
            "example.com",
            "localhost.example.com",
            "notlocalhost",
            "gate",
            "8.8.8.8",
            "172.32.0.1",
            "172.15.0.1",
            "192.169.0.1",
            "100.64.0.1",
            "126.0.0.1",
            "[2001:db8::1]",
            "[::ffff:8.8.8.8]",
            "[fec0::1]",
            "",
            "127.0.0.1.nip.io",
            "10.example.com",
        ] {
            assert!(!is_private(host), "{host}");
        }
    }

    #[test]
    fn the_port_and_the_last_dot_belong_to_no_host() {
        for (authority, host) in [
            ("localhost:8787", "localhost"),
            ("localhost.", "localhost"),
            ("localhost.:80", "localhost"),
            ("[::1]:8787", "[::1]"),
            ("[::1]", "[::1]"),
            ("gate.example", "gate.example"),
            ("", ""),
        ] {
            assert_eq!(host_of(authority), host, "{authority}");
        }
    }
}
