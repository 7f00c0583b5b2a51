//! What settings are where nobody set them: all numbers and texts in one table. A choice among words has its strict word for a
//! default, beside the words.

/// `TICKET_TTL_SECONDS`.
pub const TTL_SECONDS: u32 = 300;
/// `SESSION_MAX_SECONDS`: half a day.
pub const SESSION_MAX_SECONDS: u32 = 43_200;
/// `TICKET_SHARDS`.
pub const SHARDS: u16 = 4;
/// `STORE_TIMEOUT_MS`.
pub const STORE_TIMEOUT_MS: u32 = 3_000;
/// `SLOW_WRITE_MS`.
pub const SLOW_WRITE_MS: u32 = 200;
/// `SLOW_READ_MS`.
pub const SLOW_READ_MS: u32 = 100;
/// `IDENTITY_TIMEOUT_MS`.
pub const IDENTITY_TIMEOUT_MS: u32 = 3_000;
/// `UPSTREAM_TIMEOUT_MS`.
pub const UPSTREAM_TIMEOUT_MS: u32 = 5_000;
/// `ROOM_MEMBERS_MAX`.
pub const ROOM_MEMBERS: u32 = 1_000;
/// `UPSTREAM_AUDIENCE` of a service binding.
pub const UPSTREAM_AUDIENCE: &str = "upstream";
/// `AUTH_HEADER_PREFIX`: what Authelia and Caddy's `forward_auth` name their headers with.
pub const AUTH_HEADER_PREFIX: &str = "Remote-";

#[cfg(test)]
mod tests {
    use super::*;

    /// wrangler.jsonc shows people the same numbers.
    #[test]
    fn what_is_deployed_says_the_same() {
        let deployed = include_str!("../../wrangler.jsonc");
        for (name, default) in [
            ("TICKET_TTL_SECONDS", TTL_SECONDS),
            ("SESSION_MAX_SECONDS", SESSION_MAX_SECONDS),
            ("TICKET_SHARDS", SHARDS.into()),
            ("STORE_TIMEOUT_MS", STORE_TIMEOUT_MS),
            ("SLOW_WRITE_MS", SLOW_WRITE_MS),
            ("SLOW_READ_MS", SLOW_READ_MS),
            ("IDENTITY_TIMEOUT_MS", IDENTITY_TIMEOUT_MS),
            ("UPSTREAM_TIMEOUT_MS", UPSTREAM_TIMEOUT_MS),
            ("ROOM_MEMBERS_MAX", ROOM_MEMBERS),
        ] {
            assert!(deployed.contains(&format!("\"{name}\": \"{default}\"")), "{name}");
        }
        assert!(deployed.contains(&format!("`{AUTH_HEADER_PREFIX}` when")));
    }
}
