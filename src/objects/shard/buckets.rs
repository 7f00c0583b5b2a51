//! Buckets: which tickets share a table, when a ticket and when a whole table may be forgotten, and the names of tables.

use ws_ticket_core::time::Millis;

/// Expiry times that share a table, in milliseconds. It is in the names of tables, so it stays.
const BUCKET: u64 = 300_000;
/// How much longer than its ticket a record is kept, in milliseconds: by how much the clock of a gate may lag behind that of
/// the object. Whoever comes later is refused, so a claim that was forgotten can't be made again.
const MARGIN: u64 = 10_000;

/// From when on a ticket that expires then may be forgotten, and is refused.
pub fn forgotten_at(expires_at: Millis) -> u64 {
    expires_at.0.saturating_add(MARGIN)
}

/// From when on the table for tickets that expire then is of no use: when each of them may be forgotten.
pub fn table_ends_at(expires_at: Millis) -> u64 {
    end_of(bucket_of(expires_at))
}

/// In which table tickets are that expire then.
pub fn bucket_of(expires_at: Millis) -> u64 {
    expires_at.0.checked_div(BUCKET).unwrap_or_default()
}

/// From when on the bucket's table is of no use.
pub fn end_of(bucket: u64) -> u64 {
    bucket.saturating_add(1).saturating_mul(BUCKET).saturating_add(MARGIN)
}

/// A table's name taken apart; `None` for one that isn't of any version's kind.
pub fn kind_and_bucket(name: &str) -> Option<(&str, u64)> {
    let (kind, bucket) = name.rsplit_once('_')?;
    let digits = !bucket.is_empty() && bucket.bytes().all(|byte| byte.is_ascii_digit());
    Some((kind, bucket.parse().ok().filter(|_| digits)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_outlives_each_of_its_tickets_by_the_margin() {
        for expires_at in [0, 1, BUCKET - 1, BUCKET, 1_795_000_000_123, 1_795_199_999_999, 1_795_200_000_000, u64::MAX]
        {
            let expires_at = Millis(expires_at);
            assert!(table_ends_at(expires_at) >= forgotten_at(expires_at), "{expires_at:?}");
            assert!(table_ends_at(expires_at) - forgotten_at(expires_at) <= BUCKET, "{expires_at:?}");
        }
        assert_eq!(table_ends_at(Millis(2 * BUCKET - 1)), 2 * BUCKET + MARGIN);
        assert_eq!(table_ends_at(Millis(2 * BUCKET)), 3 * BUCKET + MARGIN);
    }

    #[test]
    fn tables_are_told_apart_by_their_names() {
        assert_eq!(kind_and_bucket("tickets_5983333"), Some(("tickets", 5_983_333)));
        assert_eq!(kind_and_bucket("tickets2_5983333"), Some(("tickets2", 5_983_333)));
        assert_eq!(kind_and_bucket("tickets_ended_5983333"), Some(("tickets_ended", 5_983_333)));
        for other in ["tickets", "tickets_", "tickets_x", "tickets_+5", "tickets_99999999999999999999999"] {
            assert_eq!(kind_and_bucket(other), None, "{other}");
        }
    }
}
