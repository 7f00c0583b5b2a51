//! Grants in Upstash's Redis, over its REST API: one request for each operation.
//!
//! `SingleUse`: the step that elects the winner is `GETDEL`, a write, which Upstash does at the key's leader. Replicas follow
//! asynchronously, so a fail-over may bring a used ticket back
//! (<https://upstash.com/docs/redis/features/consistency>). A reply that is lost can't be asked for again. Only a
//! well-formed result is an answer (<https://upstash.com/docs/redis/features/restapi>); everything else is an outage.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Deserializer};

use super::deadline::{Deadline, NoAnswer, unavailable};
use super::redis::cause_of;
use super::redis::command::Command;
use crate::config::UpstashSettings;
use crate::grant::Grant;
use crate::outside::{self, Ask};
use crate::region::Region;
use crate::store::{Attempt, Cause, Consumed, Guarantee, Reach, StoreError, TicketStore};
use crate::ticket::{Home, Ticket};

const SET: &str = "upstash.set";
const GETDEL: &str = "upstash.getdel";
/// How many bytes an answer has at most. A grant takes well under 1 KiB.
const ANSWER_MAX: usize = 64 * 1024;

/// The store.
pub struct Upstash {
    home: Home,
    settings: UpstashSettings,
    timeout_ms: u32,
}

impl Upstash {
    /// The database as a store whose tickets go by `home`, each request waited for at most `timeout_ms`.
    pub fn new(home: Home, settings: UpstashSettings, timeout_ms: u32) -> Self {
        Self { home, settings, timeout_ms }
    }

    async fn ask(&self, step: &'static str, command: Command) -> Result<Option<String>, StoreError> {
        let by = Deadline::after(self.timeout_ms);
        let (status, body) = self.post(&command, &by).await.map_err(unavailable(step))?;
        result_of(status, &body).map_err(|cause| StoreError::Unavailable { step, cause })
    }

    /// The status and the body.
    async fn post(&self, command: &Command, by: &Deadline) -> Result<(u16, Vec<u8>), NoAnswer> {
        let token = format!("Bearer {}", self.settings.token.reveal());
        let body = serde_json::to_string(command).map_err(|_| NoAnswer::Failed("not JSON".into()))?;
        let ask = Ask {
            method: "POST",
            url: &self.settings.url,
            headers: &[("Authorization", &token), ("Content-Type", "application/json")],
            body: Some(&body),
        };
        let answer = outside::fetch(&ask, ANSWER_MAX, by).await?;
        Ok((answer.status, answer.body.ok_or_else(|| NoAnswer::Failed("too long for an answer".into()))?))
    }
}

/// An answer of the API's. `result: null` is "no such key", and no `result` is nothing of the kind.
#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "present")]
    result: Option<Option<String>>,
    error: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The result, if it is one.
fn result_of(status: u16, body: &[u8]) -> Result<Option<String>, Cause> {
    // serde would take an array for the members in their order.
    let object = Some(body).filter(|body| body.trim_ascii_start().starts_with(b"{"));
    match object.and_then(|object| serde_json::from_slice(object).ok()) {
        Some(Answer { result: Some(result), error: None }) if status == 200 => Ok(result),
        _ if status == 429 => Err(Cause::LimitReached),
        Some(Answer { error: Some(error), .. }) => Err(cause_of(&error)),
        _ => Err(Cause::Failed),
    }
}

impl fmt::Display for Upstash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("upstash")
    }
}

#[async_trait(?Send)]
impl TicketStore for Upstash {
    fn guarantee(&self) -> Guarantee {
        Guarantee::SingleUse
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn is_home_of(&self, ticket: &Ticket) -> bool {
        ticket.home() == &self.home
    }

    async fn issue(&self, grant: &Grant, _: Option<Region>) -> Result<Ticket, StoreError> {
        let ticket = Ticket::mint(self.home.clone())?;
        let record = grant.to_json().map_err(|_| StoreError::Corrupt { step: SET })?;
        match self.ask(SET, Command::set(ticket.digest(), &record, grant.ttl_seconds())).await?.as_deref() {
            Some("OK") => Ok(ticket),
            // Null would be "there is such a key": of 256 random bits, so the server is wrong.
            _ => Err(StoreError::Unavailable { step: SET, cause: Cause::Failed }),
        }
    }

    async fn consume(&self, ticket: &Ticket, _: Attempt) -> Result<Consumed, StoreError> {
        if !self.is_home_of(ticket) {
            return Ok(Consumed::Unknown);
        }
        match self.ask(GETDEL, Command::getdel(ticket.digest())).await? {
            None => Ok(Consumed::Unknown),
            Some(record) => Consumed::of_record(&record, GETDEL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_a_text_or_null() {
        for (body, result) in [
            (r#"{"result":"OK"}"#, Some("OK")),
            (r#"{"result":null}"#, None),
            (r#"{"result":""}"#, Some("")),
            (r#"{"result":"{\"a\":\"\u00e9\"}"}"#, Some(r#"{"a":"é"}"#)),
            ("\n {\"result\" : null } \n", None),
            (r#"{"result":"OK","error":null,"took":1}"#, Some("OK")),
        ] {
            assert_eq!(result_of(200, body.as_bytes()), Ok(result.map(str::to_owned)), "{body}");
        }
    }

    #[test]
    fn everything_else_is_an_outage() {
        for body in [
            "",
            "null",
            "{}",
            "[]",
            r#""OK""#,
            r#"["OK"]"#,
            r#"["OK",null]"#,
            r#"[null,null]"#,
            r#"[{"result":null}]"#,
            r#"{"result":1}"#,
            r#"{"result":true}"#,
            r#"{"result":["OK"]}"#,
            r#"{"result":{"result":null}}"#,
            r#"{"Result":null}"#,
            r#"{"result":null,"result":"OK"}"#,
            r#"{"result":null}{"result":null}"#,
            r#"{"result":null"#,
            r#"{"result":"{\"ticket_id\":"#,
            r#"{"error":"ERR syntax error"}"#,
            r#"{"error":{"message":"no"},"result":null}"#,
            r#"{"result":null,"error":"ERR syntax error"}"#,
            r#"{"error":"WRONGPASS invalid or missing auth token","result":null}"#,
            "<html><title>502 Bad Gateway</title></html>",
            "error code: 1015",
        ] {
            assert_eq!(result_of(200, body.as_bytes()), Err(Cause::Failed), "{body}");
        }
        assert_eq!(result_of(200, b"{\"result\":\"\xff\"}"), Err(Cause::Failed));
        for status in [201, 204, 301, 302, 307, 400, 401, 403, 404, 500, 502, 503, 520] {
            for body in [r#"{"result":null}"#, r#"{"result":"OK"}"#, ""] {
                assert_eq!(result_of(status, body.as_bytes()), Err(Cause::Failed), "{status} {body}");
            }
        }
    }

    #[test]
    fn limits_are_told_apart() {
        let refused = |error: &str| format!(r#"{{"error":"{error}"}}"#);
        for (status, body, cause) in [
            (429, String::new(), Cause::LimitReached),
            (429, "<html>".to_owned(), Cause::LimitReached),
            (429, r#"{"result":"OK"}"#.to_owned(), Cause::LimitReached),
            (400, refused("ERR max daily request limit exceeded. Limit: 10000, Usage: 10000."), Cause::LimitReached),
            (200, refused("ERR max requests limit exceeded."), Cause::LimitReached),
            (400, refused("ERR DB capacity quota exceeded."), Cause::Full),
            (401, refused("WRONGPASS invalid or missing auth token"), Cause::Failed),
        ] {
            assert_eq!(result_of(status, body.as_bytes()), Err(cause), "{status} {body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_taken_for_an_answer_that_is_none(
            status in proptest::sample::select(vec![200, 201, 204, 400, 401, 429, 500]),
            body in proptest::prop_oneof![
                proptest::collection::vec(proptest::num::u8::ANY, 0..100),
                proptest::strategy::Strategy::prop_map(r#" ?[\[{"]?("(result|error|x)":("[ -~]{0,9}"|null|7|\{\}),?){0,3}[\]}]?"#, String::into_bytes),
            ],
        ) {
            if result_of(status, &body).is_ok() {
                let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
                proptest::prop_assert!(status == 200 && (json["result"].is_null() || json["result"].is_string()));
                proptest::prop_assert!(json.as_object().unwrap().contains_key("result"));
            }
        }
    }
}
