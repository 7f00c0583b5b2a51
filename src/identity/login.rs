//! What a login says of its caller, be it a token or the answer of the app's own login: the same names, read the same way.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use ws_ticket_core::gate::Caller;
use ws_ticket_core::grant::{Claims, Subject};
use ws_ticket_core::time::Millis;

/// What a login says, by name.
#[derive(Debug, PartialEq)]
pub struct Said(pub Map<String, Value>);

/// An object whose names are all different: of two with one name it would depend on the reader which counts (RFC 7519 §4).
impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Said;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Said, A::Error> {
                let mut said = Map::new();
                while let Some((name, value)) = members.next_entry()? {
                    if said.insert(name, value).is_some() {
                        return Err(de::Error::custom("a name twice"));
                    }
                }
                Ok(Said(said))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

impl Said {
    /// Without the members that are `null`, which are how many a site writes what it hasn't got. `rooms` stays: without it all
    /// rooms are allowed, and a list that got lost must not open them.
    pub fn without_nulls(self) -> Self {
        let mut said = Map::new();
        for (name, value) in self.0 {
            if !value.is_null() || name == "rooms" {
                said.insert(name, value);
            }
        }
        Self(said)
    }

    /// `sub` as a text, also where it is a whole number, as databases name their users. Another number isn't exact: two users
    /// could become one.
    pub fn with_text_for_subject(mut self) -> Self {
        if let Some(sub) = self.0.get_mut("sub")
            && (sub.is_u64() || sub.is_i64())
        {
            *sub = sub.to_string().into();
        }
        self
    }
}

/// Why what a login says can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A member is of another type than it should be.
    Type,
    /// `rooms` is something else than a list of texts.
    Rooms,
    /// The claims that are to travel take too much.
    ClaimsTooLarge,
    /// The login has ended.
    Expired,
}

/// A member that is absent or a text.
pub fn text<'a>(said: &'a Said, name: &str) -> Result<Option<&'a str>, Flaw> {
    said.0.get(name).map(|value| value.as_str().ok_or(Flaw::Type)).transpose()
}

/// A member that is absent or a number.
pub fn number(said: &Said, name: &str) -> Result<Option<f64>, Flaw> {
    said.0.get(name).map(|value| value.as_f64().ok_or(Flaw::Type)).transpose()
}

/// What a fraction of a second may be off by, in milliseconds: a number of JSON is a binary fraction, and one that is meant to
/// be 0.251 may be a little less.
const ROUNDING: f64 = 0.001;

/// The last millisecond that isn't after this NumericDate (seconds since 1970, RFC 7519 §2).
pub fn until(seconds: f64) -> Millis {
    whole((seconds * 1000.0 + ROUNDING).floor())
}

/// The first millisecond that isn't before it.
pub fn from(seconds: f64) -> Millis {
    whole((seconds * 1000.0 - ROUNDING).ceil())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float to integer saturates")]
fn whole(millis: f64) -> Millis {
    Millis(millis as u64)
}

/// The caller, whose login ends at a moment, if it says so; with the claims that are `wanted` of what is said.
pub fn caller(
    said: &Said,
    subject: Subject,
    login_expires_at: Option<Millis>,
    wanted: &[String],
    now: Millis,
) -> Result<Caller, Flaw> {
    if login_expires_at.is_some_and(|end| end <= now) {
        return Err(Flaw::Expired);
    }
    let rooms = said.0.get("rooms").map(|rooms| texts(rooms).ok_or(Flaw::Rooms)).transpose()?;
    // One by one, here and elsewhere: collecting into a map brings a sort, and taking out of it a balance, 4 KB (gzipped).
    let mut picked = Map::new();
    for name in wanted {
        if let Some(value) = said.0.get(name) {
            picked.insert(name.clone(), value.clone());
        }
    }
    let claims = Claims::try_from(picked).map_err(|_| Flaw::ClaimsTooLarge)?;
    Ok(Caller { subject, login_expires_at, rooms, claims })
}

/// A list of texts.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

/// One text, or a list of texts.
pub fn text_or_texts(value: &Value) -> Option<Vec<String>> {
    value.as_str().map_or_else(|| texts(value), |text| Some(vec![text.to_owned()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(said: Value, wanted: &[&str]) -> Result<Caller, Flaw> {
        let said = serde_json::from_value(said).unwrap();
        let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
        caller(&said, Subject::try_from("alice".to_owned()).unwrap(), None, &wanted, Millis(0))
    }

    #[test]
    fn names_are_different() {
        for (text, good) in [
            ("{}", true),
            (r#"{"sub":"a","exp":1}"#, true),
            (r#"{"sub":"a","sub":"a"}"#, false),
            (r#"{"sub":"a","s\u0075b":"b"}"#, false),
            (r#"{"a":{"b":1,"b":2}}"#, true),
            ("[]", false),
            ("null", false),
            (r#"["sub"]"#, false),
        ] {
            assert_eq!(serde_json::from_str::<Said>(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn rooms_are_a_list_of_texts_or_not_there() {
        assert_eq!(read(json!({}), &[]).unwrap().rooms, None);
        assert_eq!(read(json!({"rooms": []}), &[]).unwrap().rooms, Some(vec![]));
        assert_eq!(read(json!({"rooms": ["a", ""]}), &[]).unwrap().rooms, Some(vec!["a".to_owned(), String::new()]));
        for rooms in [json!(null), json!("a"), json!(["a", 7]), json!({"a": true}), json!([["a"]])] {
            assert_eq!(read(json!({"rooms": rooms}), &[]), Err(Flaw::Rooms), "{rooms}");
        }
    }

    #[test]
    fn what_is_null_is_absent_but_rooms() {
        let said: Said =
            serde_json::from_value(json!({"sub": null, "exp": null, "rooms": null, "a": null, "b": 0})).unwrap();
        assert_eq!(
            said.without_nulls(),
            Said(Map::from_iter([("b".to_owned(), json!(0)), ("rooms".to_owned(), json!(null))]))
        );
    }

    #[test]
    fn wanted_claims_travel_as_they_are() {
        let said = json!({"sub": "alice", "role": ["admin"], "level": 9_007_199_254_740_993_u64, "no": null, "x": 1});
        let claims: Map<_, _> = read(said, &["role", "level", "no", "sub", "absent"]).unwrap().claims.into();
        let expected = json!({"sub": "alice", "role": ["admin"], "level": 9_007_199_254_740_993_u64, "no": null});
        assert_eq!(Value::from(claims), expected);
        assert!(read(json!({"role": 1}), &[]).unwrap().claims.is_empty());
        assert_eq!(read(json!({"a": "x".repeat(2041)}), &["a"]), Err(Flaw::ClaimsTooLarge));
    }

    #[test]
    fn times_are_exact_to_the_millisecond() {
        for (seconds, last, first) in [
            (1000.0, 1_000_000, 1_000_000),
            (1000.0004, 1_000_000, 1_000_001),
            (1000.0009, 1_000_000, 1_000_001),
            (0.0, 0, 0),
            (-1.0, 0, 0),
            (1e300, u64::MAX, u64::MAX),
            (1e-300, 0, 0),
        ] {
            assert_eq!((until(seconds), from(seconds)), (Millis(last), Millis(first)), "{seconds}");
        }
    }

    proptest! {
        #[test]
        fn a_millisecond_that_is_written_is_meant(millis in 0_u64..8_640_000_000_000) {
            let text = format!("{}.{:03}", millis / 1000, millis % 1000);
            let seconds: f64 = text.parse().unwrap();
            prop_assert_eq!((until(seconds), from(seconds)), (Millis(millis), Millis(millis)));
        }
    }
}
