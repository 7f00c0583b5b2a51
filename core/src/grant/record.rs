//! What a record says to readers of other versions.

use serde::Deserialize;

use crate::ticket::TicketId;

/// What a record may demand of its reader, by `must`, that this version does: all of its own members. Version 0.1 knows no `must` and
/// calls every record with a strange member corrupt, so nothing is written there, nor anywhere else, without a need.
///
/// `session_ends_at` is not in a `must`: a version that doesn't know it ends no session at all.
const UNDERSTOOD: [&str; 10] =
    ["ticket_id", "subject", "room", "claims", "origin", "bond", "issued_at", "expires_at", "shard", "session_ends_at"];

/// The part of a record that every version can read.
#[derive(Deserialize)]
struct Demands {
    #[serde(default)]
    must: Vec<String>,
    #[serde(default)]
    ticket_id: Option<serde_json::Value>,
}

/// Why a record is no grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is none that any version wrote.
    #[error("can't be read")]
    Corrupt,
    /// It demands something that this version doesn't know. The ticket's public name, where it has one that can be read.
    #[error("of a newer version")]
    Newer(Option<TicketId>),
}

/// Whether the record may be something else than a plain one of this version, and has to be looked at before it is read. A member's
/// name is written as it is, or with an escape; no other escape than `\\u` makes letters.
pub fn may_demand(text: &str) -> bool {
    !text.starts_with('{') || text.contains("\"must\"") || text.contains("\\u")
}

/// Whether this version may go on and read the record.
pub fn meets_demands(text: &str) -> Result<(), Unreadable> {
    // serde would take a list for the members in their order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Unreadable::Corrupt);
    }
    let Demands { must, ticket_id } = serde_json::from_str(text).map_err(|_| Unreadable::Corrupt)?;
    // Nothing else is looked at before: the rest of such a record may be anything.
    if must.iter().all(|name| UNDERSTOOD.contains(&name.as_str())) {
        Ok(())
    } else {
        Err(Unreadable::Newer(ticket_id.and_then(|id| TicketId::deserialize(id).ok())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Grant, tests::grant};
    use super::*;
    use serde_json::Value;

    /// The record, with these members in front.
    fn with(members: &str) -> String {
        grant().to_json().unwrap().replacen('{', &format!("{{{members},"), 1)
    }

    #[test]
    fn of_a_later_version_what_is_optional_is_ignored_and_what_is_not_is_told() {
        for members in [r#""mood":{"a":[1,null]}"#, r#""must":[]"#, r#""must":["bond","origin"],"mood":"x""#] {
            let record = with(members);
            let whole = serde_json::from_str::<Value>(&record).unwrap();
            let read = Grant::from_json(&record).unwrap();
            let again: Value = serde_json::from_str(&read.to_json().unwrap()).unwrap();
            assert!(again.as_object().unwrap().iter().all(|(name, value)| whole[name] == *value), "{record}");
            assert_eq!(again.as_object().unwrap().len(), UNDERSTOOD.len() - 1);
        }
        let own = r#""ticket_id":"00000000-0000-4000-8000-000000000001""#;
        for (record, known) in [
            (with(r#""must":["days"],"days":"mondays""#), true),
            (with(r#""must":["origin","days"]"#), true),
            (format!(r#"{{"must":["all else"],{own}}}"#), true),
            // Whatever else is in it: also what this version would call corrupt.
            (format!(r#"{{"must":["subjects"],{own},"subject":["a","b"],"claims":7}}"#), true),
            (r#"{"must":["ids"],"ticket_id":{"v":2}}"#.to_owned(), false),
            (r#"{"must":["ids"]}"#.to_owned(), false),
        ] {
            match Grant::from_json(&record) {
                Err(Unreadable::Newer(ticket_id)) => assert_eq!(ticket_id.is_some(), known, "{record}"),
                other => panic!("{record}: {other:?}"),
            }
        }
        for must in [r#""days""#, "{}", "null", "true", "[1]", "[null]", r#"[["days"]]"#, r#"["#] {
            assert_eq!(Grant::from_json(&with(&format!(r#""must":{must}"#))), Err(Unreadable::Corrupt), "{must}");
        }
        // Spelled otherwise, as JSON may be.
        for spelled in [r#""m\u0075st":["days"]"#, r#""\u006dust":["days"]"#, r#"  "must"  : ["days"]"#] {
            assert!(matches!(Grant::from_json(&with(spelled)), Err(Unreadable::Newer(_))), "{spelled}");
        }
        // Twice, for readers who take the first and those who take the last.
        assert_eq!(Grant::from_json(&with(r#""must":[],"must":["days"]"#)), Err(Unreadable::Corrupt));
        for list in [r#"[["days"]]"#, r#" [["days"],null]"#, r#"[[],"x"]"#] {
            assert_eq!(Grant::from_json(list), Err(Unreadable::Corrupt), "{list}");
        }
    }

    /// Version 0.1 refuses strange members, so this is all that may be written beside the session's end.
    #[test]
    fn version_0_1_reads_what_is_written_and_its_records_are_read() {
        let json = r#"{"ticket_id":"00000000-0000-4000-8000-000000000001","subject":"alice","room":"lobby","claims":{"role":["admin"]},"origin":"https://app.example.com","bond":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","issued_at":1000,"expires_at":301001,"shard":"3weur"}"#;
        assert_eq!(Grant::from_json(json).unwrap().to_json().unwrap(), json);
        let Value::Object(members) = serde_json::from_str(json).unwrap() else { panic!() };
        let names: std::collections::BTreeSet<_> = members.keys().map(String::as_str).collect();
        assert_eq!(names, UNDERSTOOD.into_iter().filter(|name| *name != "session_ends_at").collect());
        let least = r#"{"ticket_id":"00000000-0000-4000-8000-000000000001","subject":"alice","issued_at":1000,"expires_at":301001}"#;
        assert_eq!(Grant::from_json(least).unwrap().to_json().unwrap(), least);
    }
}
