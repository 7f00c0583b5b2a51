//! What Redis and Upstash say of ends, by the scripts of `redis/command.rs`.

use ws_ticket_core::grant::{Room, Subject};
use ws_ticket_core::store::{Consumed, Known, StoreError};
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
    let (before, record) = split(text, step)?;
    Ok(match Consumed::of_record(record, step)? {
        Consumed::Granted(grant) if grant.issued_at < before => Consumed::Ended(grant.ticket_id),
        consumed => consumed,
    })
}

/// What was known of the subject: a moment or nothing, a line break, and the rooms.
pub fn known(text: &str, subject: &Subject, step: &'static str) -> Result<Known, StoreError> {
    let (ended_before, json) = split(text, step)?;
    Ok(Known { rooms: rooms(json, subject, step)?, ended_before, ..Known::default() })
}

/// A moment or nothing, and what comes behind the line break.
fn split<'a>(text: &'a str, step: &'static str) -> Result<(Millis, &'a str), StoreError> {
    let (moment, rest) = text.split_once('\n').ok_or(StoreError::Corrupt { step })?;
    let moment = if moment.is_empty() { 0 } else { moment.parse().map_err(|_| StoreError::Corrupt { step })? };
    Ok((Millis(moment), rest))
}

/// The rooms: a JSON list of names, of which the empty one is the subject's own room; Lua writes an empty list as an object.
fn rooms(json: &str, subject: &Subject, step: &'static str) -> Result<Vec<Digest>, StoreError> {
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
