//! An answer of Upstash's REST API: a result, or what it comes to when it is none.

use serde::{Deserialize, Deserializer};

use crate::stores::redis::cause_of;
use ws_ticket_core::store::{Cause, Fault};

/// An answer of the API's. `result: null` is "no such key", and no `result` is nothing of the kind.
#[derive(Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "present")]
    result: Option<Option<String>>,
    error: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The result, if it is one; else why not.
pub fn result_of(status: u16, body: &[u8]) -> Result<Option<String>, Cause> {
    // serde would take an array for the members in their order.
    let object = Some(body).filter(|body| body.trim_ascii_start().starts_with(b"{"));
    match object.and_then(|object| serde_json::from_slice(object).ok()) {
        Some(Body { result: Some(result), error: None }) if status == 200 => Ok(result),
        _ if status == 429 => Err(Cause::LimitReached),
        Some(Body { error: Some(error), .. }) => Err(match cause_of(&error) {
            Cause::Failed if !matches!(status, 200 | 400) => of_status(status),
            cause => cause,
        }),
        _ if status == 200 => Err(Cause::Server(Fault::Malformed)),
        _ => Err(of_status(status)),
    }
}

/// What a status says by itself (<https://upstash.com/docs/redis/features/restapi#http-codes>).
fn of_status(status: u16) -> Cause {
    match status {
        401 => Cause::Server(Fault::WrongPass),
        403 => Cause::Server(Fault::NoPerm),
        _ => Cause::Server(Fault::Status),
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
            r#"{"error":{"message":"no"},"result":null}"#,
            "<html><title>502 Bad Gateway</title></html>",
            "error code: 1015",
        ] {
            assert_eq!(result_of(200, body.as_bytes()), Err(Cause::Server(Fault::Malformed)), "{body}");
        }
        assert_eq!(result_of(200, b"{\"result\":\"\xff\"}"), Err(Cause::Server(Fault::Malformed)));
        for body in [r#"{"error":"ERR syntax error"}"#, r#"{"result":null,"error":"ERR syntax error"}"#] {
            assert_eq!(result_of(200, body.as_bytes()), Err(Cause::Failed), "{body}");
        }
        for status in [201, 204, 301, 302, 307, 400, 401, 403, 404, 500, 502, 503, 520] {
            let fault = match status {
                401 => Fault::WrongPass,
                403 => Fault::NoPerm,
                _ => Fault::Status,
            };
            for body in [r#"{"result":null}"#, r#"{"result":"OK"}"#, "", "<html><title>Sign in</title></html>"] {
                assert_eq!(result_of(status, body.as_bytes()), Err(Cause::Server(fault)), "{status} {body}");
            }
        }
    }

    #[test]
    fn what_the_api_says_is_told_apart() {
        let refused = |error: &str| format!(r#"{{"error":"{error}"}}"#);
        for (status, body, cause) in [
            (429, String::new(), Cause::LimitReached),
            (429, "<html>".to_owned(), Cause::LimitReached),
            (429, r#"{"result":"OK"}"#.to_owned(), Cause::LimitReached),
            (400, refused("ERR max daily request limit exceeded. Limit: 10000, Usage: 10000."), Cause::LimitReached),
            (200, refused("ERR max requests limit exceeded."), Cause::LimitReached),
            (400, refused("ERR DB capacity quota exceeded."), Cause::Full { seconds: None }),
            (401, refused("WRONGPASS invalid or missing auth token"), Cause::Server(Fault::WrongPass)),
            (401, refused("Unauthorized"), Cause::Server(Fault::WrongPass)),
            (403, refused("Forbidden"), Cause::Server(Fault::NoPerm)),
            (
                400,
                refused("NOPERM this user has no permissions to run the 'set' command"),
                Cause::Server(Fault::NoPerm),
            ),
            (400, refused("ERR unknown command 'GETDEL'"), Cause::Server(Fault::UnknownCommand)),
            (500, refused("ERR something"), Cause::Server(Fault::Status)),
            (400, refused("ERR something"), Cause::Failed),
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
