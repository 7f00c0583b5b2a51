//! What Redis and Upstash say of ends, by the scripts of `redis/command.rs`.

use ws_ticket_core::grant::{Room, Subject};
use ws_ticket_core::store::{Consumed, StoreError};
use ws_ticket_core::ticket::Digest;
use ws_ticket_core::time::Millis;

/// Whether sessions can be ended from outside, which then has to be looked at when a ticket is consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// How long a session lasts at most, by which it is remembered where it is; `None` where there are no rooms.
    pub session_max_seconds: Option<u32>,
}

/// What a taken record comes to: a moment or nothing, a line break, and the record.
pub fn taken(text: &str, step: &'static str) -> Result<Consumed, StoreError> {
    const fn corrupt(step: &'static str) -> StoreError {
        StoreError::Corrupt { step }
    }
    let (before, record) = text.split_once('\n').ok_or(corrupt(step))?;
    let before = if before.is_empty() { 0 } else { before.parse().map_err(|_| corrupt(step))? };
    Ok(match Consumed::of_record(record, step)? {
        Consumed::Granted(grant) if grant.issued_at < Millis(before) => Consumed::Ended(grant.ticket_id),
        consumed => consumed,
    })
}

/// The rooms: a JSON list of names, of which the empty one is the subject's own room; Lua writes an empty list as an object.
pub fn rooms(json: &str, subject: &Subject, step: &'static str) -> Result<Vec<Digest>, StoreError> {
    if json == "{}" {
        return Ok(Vec::new());
    }
    let names: Vec<String> = serde_json::from_str(json).map_err(|_| StoreError::Corrupt { step })?;
    let room = |name: String| match name.as_str() {
        "" => Ok(subject.own_room()),
        _ => Room::try_from(name).map(|room| room.digest()).map_err(|_| StoreError::Corrupt { step }),
    };
    names.into_iter().map(room).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_read_as_lua_writes_them() {
        let alice = Subject::try_from("alice".to_owned()).unwrap();
        assert_eq!(rooms("{}", &alice, "x"), Ok(vec![]));
        let red = Room::try_from("red".to_owned()).unwrap().digest();
        assert_eq!(rooms(r#"["","red"]"#, &alice, "x"), Ok(vec![alice.own_room(), red]));
        for bad in ["", "[1]", "null", r#"{"1":"red"}"#, "[\"\\u0000\"]"] {
            assert_eq!(rooms(bad, &alice, "x"), Err(StoreError::Corrupt { step: "x" }), "{bad}");
        }
    }

    #[test]
    fn what_is_taken_is_read_strictly() {
        for bad in ["", "{}", "x\n{}", "-1\n{}", "\n{}"] {
            assert_eq!(taken(bad, "x"), Err(StoreError::Corrupt { step: "x" }), "{bad}");
        }
    }
}
