//! Moments.

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01T00:00:00Z, as `Date.now()` gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Millis(pub u64);

/// The last moment that a JavaScript `Date` can be
/// (<https://tc39.es/ecma262/#sec-time-values-and-time-range>), in the year 275760.
pub(crate) const LAST_DATE: u64 = 8_640_000_000_000_000;

/// No date in JavaScript: a record that has one can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("later than any date")]
pub struct NoDate;

impl TryFrom<u64> for Millis {
    type Error = NoDate;

    fn try_from(millis: u64) -> Result<Self, NoDate> {
        if millis <= LAST_DATE { Ok(Self(millis)) } else { Err(NoDate) }
    }
}

impl From<Millis> for u64 {
    fn from(moment: Millis) -> Self {
        moment.0
    }
}

impl Millis {
    /// This many seconds later.
    pub fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(u64::from(seconds).saturating_mul(1000)))
    }

    /// Milliseconds from `earlier` to here; 0 when `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
