//! The bodies of requests: of `POST /ws-ticket`, nothing or a small JSON object; of other servers, JSON beside a secret.

use super::problem::Problem;
use crate::config::Secret;
use crate::identity::bearer;
use crate::platform::wire::{Body, Header, Request, SHORT};
use crate::platform::{at_most, is_json};
use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ws_ticket_core::grant::{Room, Subject};

/// The largest body of a request for a ticket, in bytes.
pub const MAX: usize = SHORT;

/// What the caller asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AskedFor {
    /// Who to be, where the identity takes a caller's word.
    pub subject: Option<Subject>,
    /// What to join.
    pub room: Option<Room>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithSubject {
    sub: Option<Subject>,
    room: Option<Room>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithoutSubject {
    room: Option<Room>,
}

/// Reads at most so many bytes, whatever the request says of its length. One that ends before its end is the client's doing,
/// as a rule by hanging up, and no fault of the gate.
pub async fn read(request: &Request, max: usize) -> Result<Cow<'_, [u8]>, Problem> {
    let broken = Problem::BodyMalformed { expected: "Expected the body to its end." };
    match request.body() {
        Body::Read(bytes) if bytes.len() <= max => Ok(bytes.into()),
        Body::Read(_) => Err(Problem::BodyTooLarge),
        Body::Broken => Err(broken),
        Body::Unread => {
            let Some(stream) = request.raw().body() else { return Ok(Cow::default()) };
            at_most(max, &stream, None).await.map_err(|_| broken)?.map(Cow::Owned).ok_or(Problem::BodyTooLarge)
        }
    }
}

/// The JSON that another server sends by POST, with one of the secrets; without, the answer is `refused`.
pub async fn from_server<'a>(
    request: &'a Request,
    secrets: &[Secret],
    refused: Problem,
    max: usize,
) -> Result<Cow<'a, [u8]>, Problem> {
    if request.method() != "POST" {
        return Err(Problem::MethodNotAllowed { allow: "POST" });
    }
    if !bearer::brings_one_of(request.header(Header::Authorization), secrets) {
        return Err(refused);
    }
    let bytes = read(request, max).await?;
    if !request.header(Header::ContentType).is_some_and(is_json) {
        return Err(Problem::MediaTypeUnsupported);
    }
    Ok(bytes)
}

/// Reads an object. serde takes an array for a struct, in the order of its fields; who sends one is mistaken.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let object = Some(bytes).filter(|bytes| bytes.trim_ascii_start().starts_with(b"{"))?;
    serde_json::from_slice(object).ok()
}

/// What the bytes ask for.
pub fn parse(content_type: Option<&str>, body: &[u8], takes_subject: bool) -> Result<AskedFor, Problem> {
    if body.is_empty() {
        return Ok(AskedFor::default());
    }
    if !content_type.is_some_and(is_json) {
        return Err(Problem::MediaTypeUnsupported);
    }
    let expected = if takes_subject {
        r#"Expected a JSON object with nothing but "sub" (1 to 256 bytes) and "room" (1 to 128 bytes), both optional and without control characters."#
    } else {
        r#"Expected a JSON object with nothing but "room" (1 to 128 bytes, no control characters), optional."#
    };
    let malformed = Problem::BodyMalformed { expected };
    if takes_subject {
        let WithSubject { sub, room } = object(body).ok_or(malformed)?;
        Ok(AskedFor { subject: sub, room })
    } else {
        let WithoutSubject { room } = object(body).ok_or(malformed)?;
        Ok(AskedFor { subject: None, room })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::Strategy;

    const JSON: Option<&str> = Some("application/json");

    #[test]
    fn nothing_is_fine() {
        assert_eq!(parse(None, b"", true), Ok(AskedFor::default()));
        assert_eq!(parse(Some("text/plain"), b"", false), Ok(AskedFor::default()));
        assert_eq!(parse(JSON, b"{}", false), Ok(AskedFor::default()));
    }

    #[test]
    fn the_subject_is_taken_only_where_it_may_be() {
        let body = br#" {"sub":"alice","room":"lobby"}"#;
        let wish = parse(JSON, body, true).unwrap();
        assert_eq!(wish.subject.map(String::from).as_deref(), Some("alice"));
        assert_eq!(wish.room.map(String::from).as_deref(), Some("lobby"));
        assert!(matches!(parse(JSON, body, false), Err(Problem::BodyMalformed { .. })));
    }

    #[test]
    fn all_else_is_refused() {
        let a = "a".repeat(129);
        let long = format!(r#"{{"room":"{a}"}}"#);
        let bodies: [&[u8]; 11] = [
            b"[]",
            br#"["alice"]"#,
            b"null",
            b"\"x\"",
            b"{",
            br#"{"sub":"a"} x"#,
            br#"{"sub":7}"#,
            br#"{"sub":""}"#,
            br#"{"room":"a","room":"b"}"#,
            b"{\"sub\":\"\xff\"}",
            long.as_bytes(),
        ];
        for body in bodies {
            assert!(matches!(parse(JSON, body, true), Err(Problem::BodyMalformed { .. })), "{body:?}");
        }
    }

    #[test]
    fn only_json_is_json() {
        for (content_type, good) in [
            (Some("application/json"), true),
            (Some("Application/JSON; charset=utf-8"), true),
            (Some("text/plain"), false),
            (Some("application/jsonx"), false),
            (Some("application/x-www-form-urlencoded"), false),
            (None, false),
        ] {
            assert_eq!(parse(content_type, b"{}", true).is_ok(), good, "{content_type:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(
            body in proptest::prop_oneof![
                proptest::collection::vec(proptest::num::u8::ANY, 0..200),
                r#"[\[{]("(sub|room|x)":("[ -~é\x00]{0,140}"|null|7|\[\]),?){0,3}[\]}]"#.prop_map(String::into_bytes),
            ],
            takes_subject: bool,
        ) {
            if let Ok(wish) = parse(JSON, &body, takes_subject) {
                proptest::prop_assert!(takes_subject || wish.subject.is_none());
                proptest::prop_assert!(wish.room.is_none_or(|room| room.as_str().len() <= 128));
            }
        }
    }
}
