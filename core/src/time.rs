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

    /// As a number of JavaScript's, which holds each that there can be.
    #[expect(clippy::cast_precision_loss, reason = "moments are whole numbers below 2^53")]
    pub fn js(self) -> f64 {
        self.0 as f64
    }

    /// Reads a moment of RFC 3339 as it is written here: in UTC, with `Z`, and with milliseconds or none.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let (time, ms) = time.split_once('.').unwrap_or((time, "000"));
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        let [ms] = numbers(ms, '.', [3])?;
        let days = days_of(year, month, day)?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds =
            [hour, minute, second].into_iter().fold(0_u64, |sum, part| sum.saturating_mul(60).saturating_add(part));
        Some(Self(days.saturating_mul(DAY).saturating_add(seconds.saturating_mul(1000)).saturating_add(ms)))
    }

    /// As text: RFC 3339, in UTC, with milliseconds. A year after 9999 has six digits and a sign, as JavaScript writes it
    /// (<https://tc39.es/ecma262/#sec-date-time-string-format>).
    pub fn rfc3339(self) -> String {
        let (days, ms) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let part = |size: u64, count: u64| ms.div_euclid(size).rem_euclid(count);
        let (hour, minute, second, ms) = (part(3_600_000, 24), part(60_000, 60), part(1000, 60), part(1, 1000));
        let mut text = String::with_capacity(32);
        if year > 9999 {
            text.push('+');
        }
        // Without `format!`, whose machinery costs more than the digits.
        for (number, digits, then) in [
            (year, if year > 9999 { 6 } else { 4 }, '-'),
            (month, 2, '-'),
            (day, 2, 'T'),
            (hour, 2, ':'),
            (minute, 2, ':'),
            (second, 2, '.'),
            (ms, 3, 'Z'),
        ] {
            push_digits(&mut text, number, digits);
            text.push(then);
        }
        text
    }
}

/// The last so many digits of the number.
fn push_digits(text: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number.checked_div(10_u64.saturating_pow(place)).unwrap_or_default().rem_euclid(10);
        text.extend(u32::try_from(digit).ok().and_then(|digit| char::from_digit(digit, 10)));
    }
}

/// Numbers of so many digits each, with the separator between them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut found = [0; N];
    let mut parts = text.split(separator);
    for (number, digits) in found.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// How many days after 1970-01-01 it is, where there is such a day.
fn days_of(year: u64, month: u64, day: u64) -> Option<u64> {
    // The day is found by what `civil` says of it: a year has 365.2425 days, so it lies within a few of this one.
    let years = year.checked_sub(1970)?;
    let about = years.saturating_mul(146_097).div_euclid(400).saturating_add(month.saturating_mul(30));
    (about.saturating_sub(40)..about.saturating_add(40)).find(|days| civil(*days) == (year, month, day))
}

/// Milliseconds of a day.
const DAY: u64 = 86_400_000;

/// Year, month and day of so many days after 1970-01-01, in the Gregorian calendar. Counted in years that begin in March, so
/// that the leap day is their last (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
#[expect(
    clippy::arithmetic_side_effects,
    reason = "divisors are constants, and a moment has 64 bits: no term outgrows them"
)]
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_from_march + 2) / 5 + 1;
    let month = if months_from_march < 10 { months_from_march + 3 } else { months_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_javascript_writes_it() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_795_000_000_123, "2026-11-18T11:06:40.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (LAST_DATE, "+275760-09-13T00:00:00.000Z"),
        ] {
            assert_eq!(Millis(millis).rfc3339(), expected);
        }
        // No date at all, and no panic.
        let _ = Millis(u64::MAX).rfc3339();
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for day in 0..20_000 {
            let moment = Millis(day * DAY * 7 / 4 + day * 1_234_567 % DAY);
            assert_eq!(Millis::from_rfc3339(&moment.rfc3339()), Some(moment), "{}", moment.rfc3339());
        }
        assert_eq!(Millis::from_rfc3339("1970-01-01T00:00:01Z"), Some(Millis(1000)));
        assert_eq!(Millis::from_rfc3339("9999-12-31T23:59:59.999Z"), Some(Millis(253_402_300_799_999)));
        for bad in [
            "",
            "1970-01-01",
            "1969-12-31T00:00:00Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00+00:00",
            "1970-01-01 00:00:00Z",
            "1970-01-01t00:00:00z",
            "1970-02-29T00:00:00Z",
            "1970-13-01T00:00:00Z",
            "1970-01-00T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:60:00Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:00.1Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00Z",
            "+70-01-01T00:00:00Z",
            "1970-01-01-01T00:00:00Z",
            "197é-01-01T00:00:00Z",
        ] {
            assert_eq!(Millis::from_rfc3339(bad), None, "{bad}");
        }
    }

    /// Each day has the one after it, for a whole cycle of the calendar.
    #[test]
    fn days_follow_each_other() {
        let mut before = civil(0);
        for day in 1..146_097 {
            let (year, month, date) = civil(day);
            let next = match before {
                (y, m, d) if (month, year) == (m, y) => (y, m, d + 1),
                (y, 12, 31) => (y + 1, 1, 1),
                (y, m, d) => {
                    let leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
                    let last = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
                    assert_eq!(last[usize::try_from(m - 1).unwrap()], d);
                    (y, m + 1, 1)
                }
            };
            assert_eq!((year, month, date), next);
            before = (year, month, date);
        }
    }
}
