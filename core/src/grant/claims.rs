//! What travels with a ticket of what the login says.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Bytes that all claims of a grant take at most, as JSON.
pub const CLAIMS_BYTES_MAX: usize = 2048;

/// How deep claims are nested at most. A record has to be read again, and the reader has a limit of its own.
const DEPTH_MAX: usize = 32;

/// The claims are more than [`CLAIMS_BYTES_MAX`] bytes, or nested deeper than anything that a record could be read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("claims must be at most {CLAIMS_BYTES_MAX} bytes of JSON, nested {DEPTH_MAX} deep")]
pub struct TooLarge;

/// What the login says of the caller and the session wants to know, by name: `TICKET_CLAIMS`. At most [`CLAIMS_BYTES_MAX`] bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Claims {
    members: Map<String, Value>,
    /// What they take as JSON.
    size: usize,
}

impl Claims {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Bytes of their JSON; 0 without any.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl TryFrom<Map<String, Value>> for Claims {
    type Error = TooLarge;

    fn try_from(members: Map<String, Value>) -> Result<Self, TooLarge> {
        if members.values().any(|value| !is_within(value, DEPTH_MAX)) {
            return Err(TooLarge);
        }
        let size = if members.is_empty() { 0 } else { serde_json::to_string(&members).map_err(|_| TooLarge)?.len() };
        if size <= CLAIMS_BYTES_MAX { Ok(Self { members, size }) } else { Err(TooLarge) }
    }
}

impl From<Claims> for Map<String, Value> {
    fn from(claims: Claims) -> Self {
        claims.members
    }
}

/// Whether no more than so many lists and objects are in one another.
fn is_within(value: &Value, depth: usize) -> bool {
    let deeper = |value: &Value| depth.checked_sub(1).is_some_and(|depth| is_within(value, depth));
    match value {
        Value::Array(items) => depth > 0 && items.iter().all(deeper),
        Value::Object(members) => depth > 0 && members.values().all(deeper),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_have_a_bound() {
        let claims = |len: usize| Claims::try_from(Map::from_iter([("a".to_owned(), json!("x".repeat(len)))]));
        assert_eq!(claims(CLAIMS_BYTES_MAX - 8).unwrap().size(), CLAIMS_BYTES_MAX);
        assert_eq!(claims(CLAIMS_BYTES_MAX - 7), Err(TooLarge));
        assert_eq!(Claims::default().size(), 0);
    }

    #[test]
    fn claims_are_nested_no_deeper_than_a_record_can_be_read() {
        let nested = |depth: usize, inside: &str, open: &str, close: &str| {
            let text = format!("{}{inside}{}", open.repeat(depth), close.repeat(depth));
            Claims::try_from(Map::from_iter([("a".to_owned(), serde_json::from_str(&text).unwrap())]))
        };
        for (inside, open, close) in [("1", "[", "]"), ("null", r#"{"b":"#, "}"), ("[]", "[1,", "]")] {
            let whole = DEPTH_MAX - usize::from(inside == "[]");
            assert!(nested(whole, inside, open, close).is_ok(), "{open}");
            assert_eq!(nested(whole + 1, inside, open, close), Err(TooLarge), "{open}");
        }
    }
}
