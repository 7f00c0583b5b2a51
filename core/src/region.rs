//! Parts of the world, and the shards in them.
//!
//! A Durable Object lives near the place it was first asked for, and never moves. So whoever issues a ticket picks a shard
//! near the user and writes its name down, and everybody later asks that one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a Durable Object can be placed, by Cloudflare's location hints
/// (<https://developers.cloudflare.com/durable-objects/reference/data-location/#provide-a-location-hint>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// Western North America.
    Wnam,
    /// Eastern North America.
    Enam,
    /// South America.
    Sam,
    /// Western Europe.
    Weur,
    /// Eastern Europe.
    Eeur,
    /// Asia and the Pacific.
    Apac,
    /// Oceania.
    Oc,
    /// Africa.
    Afr,
    /// The Middle East.
    Me,
}

impl Region {
    const ALL: [Self; 9] =
        [Self::Wnam, Self::Enam, Self::Sam, Self::Weur, Self::Eeur, Self::Apac, Self::Oc, Self::Afr, Self::Me];

    /// The location hint.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Wnam => "wnam",
            Self::Enam => "enam",
            Self::Sam => "sam",
            Self::Weur => "weur",
            Self::Eeur => "eeur",
            Self::Apac => "apac",
            Self::Oc => "oc",
            Self::Afr => "afr",
            Self::Me => "me",
        }
    }

    /// The region of a place, by its continent (as `request.cf.continent` names it) and its longitude in degrees. The
    /// lines through North America and Europe only decide which of two near shards is the nearer.
    pub fn of(continent: &str, longitude: Option<f64>) -> Option<Self> {
        let west_of = |line: f64| longitude.is_some_and(|degrees| degrees < line);
        Some(match continent {
            "NA" if west_of(-100.0) => Self::Wnam,
            "NA" => Self::Enam,
            "SA" => Self::Sam,
            "EU" if longitude.is_none() || west_of(16.0) => Self::Weur,
            "EU" => Self::Eeur,
            "AS" if west_of(60.0) => Self::Me,
            "AS" => Self::Apac,
            "OC" => Self::Oc,
            "AF" => Self::Afr,
            _ => return None,
        })
    }
}

/// How many shards a region can have at most. Each does a few hundred tickets a second. The bound also keeps made-up tickets
/// from waking more objects than there can be.
pub const SHARDS_MAX: u16 = 256;

/// A shard: one of some in a region, or of those that are in none. As text a number and the hint: `3weur`, `0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    /// Which of them, from 0 to below [`SHARDS_MAX`].
    pub number: u16,
    /// Where it is.
    pub region: Option<Region>,
}

/// The text names no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("names no shard")]
pub struct NoShard;

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, self.region.map_or("", Region::hint))
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let hint = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = text.strip_suffix(hint).and_then(|digits| digits.parse().ok()).ok_or(NoShard)?;
        let region = match hint {
            "" => None,
            hint => Some(Region::ALL.into_iter().find(|region| region.hint() == hint).ok_or(NoShard)?),
        };
        let shard = Self { number, region };
        // One spelling for each: 03weur is none.
        if shard.to_string() == text && number < SHARDS_MAX { Ok(shard) } else { Err(NoShard) }
    }
}

impl TryFrom<String> for Shard {
    type Error = NoShard;

    fn try_from(text: String) -> Result<Self, NoShard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_reads_back_as_it_was_written() {
        for region in Region::ALL.map(Some).into_iter().chain([None]) {
            for number in [0, 7, SHARDS_MAX - 1] {
                let shard = Shard { number, region };
                assert_eq!(shard.to_string().parse(), Ok(shard));
            }
        }
    }

    #[test]
    fn what_names_no_shard_is_refused() {
        for text in ["", "weur", "03weur", "+3weur", "3WEUR", "3xyz", "3weur4", "256", "65536", "3 weur", "-1"] {
            assert_eq!(text.parse::<Shard>(), Err(NoShard), "{text:?}");
        }
    }

    #[test]
    fn places_are_in_their_region() {
        for (continent, longitude, region) in [
            ("NA", Some(-122.4), Some(Region::Wnam)),
            ("NA", Some(-74.0), Some(Region::Enam)),
            ("NA", None, Some(Region::Enam)),
            ("EU", Some(2.3), Some(Region::Weur)),
            ("EU", Some(21.0), Some(Region::Eeur)),
            ("EU", None, Some(Region::Weur)),
            ("AS", Some(46.7), Some(Region::Me)),
            ("AS", Some(139.7), Some(Region::Apac)),
            ("AS", None, Some(Region::Apac)),
            ("AN", None, None),
            ("", None, None),
        ] {
            assert_eq!(Region::of(continent, longitude), region, "{continent} {longitude:?}");
        }
    }
}
