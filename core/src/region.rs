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
    /// Of it the north-east.
    ApacNe,
    /// Of it the south-east.
    ApacSe,
    /// Oceania.
    Oc,
    /// Africa.
    Afr,
    /// The Middle East.
    Me,
}

impl Region {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Wnam,
        Self::Enam,
        Self::Sam,
        Self::Weur,
        Self::Eeur,
        Self::Apac,
        Self::ApacNe,
        Self::ApacSe,
        Self::Oc,
        Self::Afr,
        Self::Me,
    ];

    /// The location hint.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Wnam => "wnam",
            Self::Enam => "enam",
            Self::Sam => "sam",
            Self::Weur => "weur",
            Self::Eeur => "eeur",
            Self::Apac => "apac",
            Self::ApacNe => "apac-ne",
            Self::ApacSe => "apac-se",
            Self::Oc => "oc",
            Self::Afr => "afr",
            Self::Me => "me",
        }
    }

    /// Its name where a ticket or a shard is named after it: the hint, without what a ticket's home can't have.
    fn name(self) -> &'static str {
        match self {
            Self::ApacNe => "apacne",
            Self::ApacSe => "apacse",
            region => region.hint(),
        }
    }

    /// The region of a place. The lines through continents only decide which of two near shards is the nearer.
    pub fn of(place: &Place<'_>) -> Option<Self> {
        let is_below = |degrees: Option<f64>, line: f64| degrees.is_some_and(|degrees| degrees < line);
        let west_of = |line| is_below(place.longitude, line);
        let south_of = |line| is_below(place.latitude, line);
        // Half of a place is none.
        let is_known = place.latitude.is_some() && place.longitude.is_some();
        Some(match place.continent {
            "NA" if west_of(-100.0) => Self::Wnam,
            "NA" => Self::Enam,
            "SA" => Self::Sam,
            "EU" if place.longitude.is_none() || west_of(16.0) => Self::Weur,
            "EU" => Self::Eeur,
            "AS" if west_of(60.0) => Self::Me,
            // What is west of Burma has Bombay nearer than either.
            "AS" if !is_known || west_of(92.0) => Self::Apac,
            "AS" if south_of(21.0) => Self::ApacSe,
            "AS" => Self::ApacNe,
            "OC" => Self::Oc,
            "AF" => Self::Afr,
            _ => return None,
        })
    }
}

/// Where somebody is, as far as that is known.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Two letters, as `request.cf.continent` has them.
    pub continent: &'a str,
    /// Degrees, to the north.
    pub latitude: Option<f64>,
    /// Degrees, to the east.
    pub longitude: Option<f64>,
}

/// How many shards a region can have at most. Each does a few hundred tickets a second. The bound also keeps made-up tickets
/// from waking more objects than there can be.
pub const SHARDS_MAX: u16 = 256;

/// A shard: one of some in a region, or of those that are in none. As text a number and the region: `3weur`, `3apacne`, `0`.
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
        write!(f, "{}{}", self.number, self.region.map_or("", Region::name))
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let name = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = text.strip_suffix(name).and_then(|digits| digits.parse().ok()).ok_or(NoShard)?;
        let region = match name {
            "" => None,
            name => Some(Region::ALL.into_iter().find(|region| region.name() == name).ok_or(NoShard)?),
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
    use crate::ticket::Home;

    #[test]
    fn a_shard_reads_back_as_it_was_written() {
        for region in Region::ALL.map(Some).into_iter().chain([None]) {
            for number in [0, 7, SHARDS_MAX - 1] {
                let shard = Shard { number, region };
                assert_eq!(shard.to_string().parse(), Ok(shard));
                // A ticket's home can name it.
                assert!(Home::parse(&format!("d{shard}")).is_ok(), "{shard}");
            }
        }
    }

    #[test]
    fn what_names_no_shard_is_refused() {
        for text in
            ["", "weur", "03weur", "+3weur", "3WEUR", "3xyz", "3weur4", "256", "65536", "3 weur", "3apac-ne", "-1"]
        {
            assert_eq!(text.parse::<Shard>(), Err(NoShard), "{text:?}");
        }
    }

    #[test]
    fn places_are_in_their_region() {
        for (continent, latitude, longitude, region) in [
            ("NA", 37.8, -122.4, Some(Region::Wnam)),
            ("NA", 40.7, -74.0, Some(Region::Enam)),
            ("SA", -23.5, -46.6, Some(Region::Sam)),
            ("EU", 48.9, 2.3, Some(Region::Weur)),
            ("EU", 52.2, 21.0, Some(Region::Eeur)),
            ("AS", 24.7, 46.7, Some(Region::Me)),
            ("AS", 19.1, 72.9, Some(Region::Apac)),
            ("AS", 43.2, 76.9, Some(Region::Apac)),
            ("AS", 35.7, 139.7, Some(Region::ApacNe)),
            ("AS", 37.6, 127.0, Some(Region::ApacNe)),
            ("AS", 22.3, 114.2, Some(Region::ApacNe)),
            ("AS", 1.4, 103.8, Some(Region::ApacSe)),
            ("AS", 13.8, 100.5, Some(Region::ApacSe)),
            ("AS", -6.2, 106.8, Some(Region::ApacSe)),
            ("OC", -33.9, 151.2, Some(Region::Oc)),
            ("AF", -26.2, 28.0, Some(Region::Afr)),
            ("AN", -77.8, 166.7, None),
            ("", 0.0, 0.0, None),
        ] {
            let place = Place { continent, latitude: Some(latitude), longitude: Some(longitude) };
            assert_eq!(Region::of(&place), region, "{place:?}");
        }
    }

    #[test]
    fn of_a_place_that_is_half_known_the_continent_counts() {
        for (continent, region) in
            [("NA", Region::Enam), ("EU", Region::Weur), ("AS", Region::Apac), ("OC", Region::Oc)]
        {
            assert_eq!(Region::of(&Place { continent, latitude: None, longitude: None }), Some(region), "{continent}");
        }
        let place = Place { continent: "AS", latitude: None, longitude: Some(139.7) };
        assert_eq!(Region::of(&place), Some(Region::Apac));
    }
}
