//! What an operator's own servers may do, with `ADMIN_TOKEN`: `POST /ws-ticket/revoke` ends one ticket, `POST /sessions/end` what a subject
//! has, `POST /sessions/extend` moves the end of sessions, `POST /sessions/list` names them. Without the secret there are no such routes.
//! Subjects and tickets stand in bodies, never in a path, which is logged.

use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ending::{Ask, Ended, end_of_subject, in_room, in_rooms};
use super::problem::Problem;
use super::redeem::ticket_of;
use super::{App, Asked, Failure, body, json, no_store};
use crate::platform::wire::Answer;
use crate::platform::{clock, console};
use crate::sessions::Session;
use ws_ticket_core::grant::{Room, Subject};
use ws_ticket_core::store::{Attempt, StoreError};
use ws_ticket_core::telemetry::Event;
use ws_ticket_core::ticket::Digest;
use ws_ticket_core::time::Millis;

/// The largest body, in bytes.
const MAX: usize = 4096;
/// How long nothing of a subject's may open at most: a day, in seconds.
const BLOCK_MAX: u32 = 86_400;
/// Bytes of a close event's reason at most (RFC 6455 §5.5.1).
const REASON_MAX: usize = 123;
const EXPECTED_TICKET: &str = r#"Expected a JSON object with "ticket"."#;
const EXPECTED_END: &str = r#"Expected a JSON object with one of "subject" and "room"; or with "session", and beside it the "room" that it is in, or the "subject" whose own room it is in. Optional "code", 4000 to 4999, and "reason", at most 123 bytes. With "subject" alone also "except", a list of at most 64 sessions, and one of "block_seconds", 0 to 86400, and "issued_before", such as 2026-11-27T12:00:00.000Z and not in the future."#;
const EXPECTED_EXTEND: &str = r#"Expected a JSON object with whose sessions as for /sessions/end, and with "seconds", 1 to 2592000: from now to the new end."#;
const EXPECTED_LIST: &str = r#"Expected a JSON object with one of "subject" and "room"."#;

/// What one of the routes is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    Revoke,
    End,
    Extend,
    List,
}

impl Control {
    /// The route's, where it is one.
    pub fn of(route: &str) -> Option<Self> {
        Some(match route {
            "/ws-ticket/revoke" => Self::Revoke,
            "/sessions/end" => Self::End,
            "/sessions/extend" => Self::Extend,
            "/sessions/list" => Self::List,
            _ => return None,
        })
    }

    /// Its name in telemetry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::End => "sessions.end",
            Self::Extend => "sessions.extend",
            Self::List => "sessions.list",
        }
    }
}

/// No `Debug`: the ticket is a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoked {
    ticket: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    subject: Option<Subject>,
    session: Option<Uuid>,
    room: Option<Room>,
    #[serde(default)]
    except: Vec<Uuid>,
    block_seconds: Option<u32>,
    issued_before: Option<String>,
    code: Option<u16>,
    reason: Option<String>,
    seconds: Option<u32>,
}

/// Whose sessions are meant.
enum Target {
    /// A subject's, wherever they are.
    Subject(Subject),
    /// All in a room, or one alone.
    In(Digest, Option<Uuid>),
}

impl Whose {
    fn target(&self) -> Option<Target> {
        Some(match (&self.subject, self.session, &self.room) {
            (Some(subject), None, None) => Target::Subject(subject.clone()),
            (None, session, Some(room)) => Target::In(room.digest(), session),
            (Some(subject), Some(session), None) => Target::In(subject.own_room(), Some(session)),
            _ => return None,
        })
    }

    /// Whether it has none of the members that are for the end of a subject alone.
    fn is_plain(&self) -> bool {
        self.except.is_empty() && self.block_seconds.is_none() && self.issued_before.is_none()
    }

    fn has_no_options(&self) -> bool {
        self.is_plain() && self.code.is_none() && self.reason.is_none()
    }

    /// Whether clients can be closed so; a reason without a code would stand beside ours.
    fn closes_well(&self) -> bool {
        let reason = self.reason.as_deref().is_none_or(|reason| reason.len() <= REASON_MAX && self.code.is_some());
        reason && self.code.is_none_or(|code| (4000..=4999).contains(&code))
    }
}

#[derive(Serialize)]
struct Answered {
    /// How many sessions it was; `null` where the gate has none in its hands.
    sessions: Option<u64>,
}

/// The answer, where there is a secret for it.
pub async fn answer(app: &App, asked: &Asked<'_>, control: Control) -> Result<Answer, Failure> {
    let bytes = body::from_server(asked.request, &app.admin_tokens, Problem::AdminRefused, MAX).await?;
    match control {
        Control::Revoke => revoke(app, &read(&bytes, EXPECTED_TICKET)?).await,
        Control::End => end(app, &read(&bytes, EXPECTED_END)?).await,
        Control::Extend => extend(app, &read(&bytes, EXPECTED_EXTEND)?).await,
        Control::List => list(app, &read(&bytes, EXPECTED_LIST)?).await,
    }
}

/// Consumes the ticket, for nobody. Whatever it was, it opens nothing afterwards; whether it would have.
async fn revoke(app: &App, revoked: &Revoked) -> Result<Answer, Failure> {
    #[derive(Serialize)]
    struct Revocation {
        revoked: bool,
    }
    let revoked = match ticket_of(app, &revoked.ticket) {
        Ok(ticket) => app.gate.revoke(&ticket, Attempt::random().map_err(StoreError::from)?, clock::now).await?,
        // It never was a ticket.
        Err(_) => false,
    };
    json(no_store(200), &Revocation { revoked })
}

async fn end(app: &App, whose: &Whose) -> Result<Answer, Failure> {
    const BAD: Problem = Problem::BodyMalformed { expected: EXPECTED_END };
    let block = whose.block_seconds.unwrap_or(0);
    let earlier = match &whose.issued_before {
        Some(text) => {
            let moment = Millis::from_rfc3339(text).filter(|moment| *moment <= clock::now());
            Some(moment.filter(|_| whose.block_seconds.is_none()).ok_or(BAD)?)
        }
        None => None,
    };
    if block > BLOCK_MAX || whose.except.len() > 64 || whose.seconds.is_some() || !whose.closes_well() {
        return Err(BAD.into());
    }
    let nobody = Ask { code: whose.code, reason: whose.reason.as_deref(), ..Ask::default() };
    let sessions = match whose.target().ok_or(BAD)? {
        Target::Subject(subject) => {
            let ask = Ask { except: &whose.except, ..nobody };
            let ended = earlier.map_or(Ended::Now { block_seconds: block }, Ended::Before);
            end_of_subject(app, &subject, ended, &ask).await?
        }
        Target::In(room, id) => {
            if !whose.is_plain() {
                return Err(BAD.into());
            }
            in_room(app, room, "end", &Ask { id, ..nobody }).await?
        }
    };
    console::emit(&Event::SessionsEnded { route: Control::End.name(), sessions });
    json(no_store(200), &Answered { sessions })
}

async fn extend(app: &App, whose: &Whose) -> Result<Answer, Failure> {
    const BAD: Problem = Problem::BodyMalformed { expected: EXPECTED_EXTEND };
    let seconds = whose.seconds.filter(|seconds| (1..=crate::config::SESSION_MAX).contains(seconds));
    let (Some(seconds), Some(target), true) = (seconds, whose.target(), whose.has_no_options()) else {
        return Err(BAD.into());
    };
    let ends = Some(clock::now().plus_seconds(seconds));
    let sessions = match (target, &app.session) {
        (Target::Subject(subject), Session::Hub(hub)) => {
            let rooms = app.gate.rooms(&subject).await?;
            Some(in_rooms(hub, &rooms, "extend", &Ask { key: Some(subject.digest()), ends, ..Ask::default() }).await?)
        }
        (Target::In(room, id), _) => in_room(app, room, "extend", &Ask { id, ends, ..Ask::default() }).await?,
        _ => None,
    };
    json(no_store(200), &Answered { sessions })
}

async fn list(app: &App, whose: &Whose) -> Result<Answer, Failure> {
    const BAD: Problem = Problem::BodyMalformed { expected: EXPECTED_LIST };
    let target =
        whose.target().filter(|_| whose.has_no_options() && whose.seconds.is_none() && whose.session.is_none());
    let target = target.ok_or(BAD)?;
    let Session::Hub(hub) = &app.session else { return json(no_store(200), &Answered { sessions: None }) };
    let (rooms, key) = match target {
        Target::Subject(subject) => (app.gate.rooms(&subject).await?, Some(subject.digest())),
        Target::In(room, _) => (vec![room], None),
    };
    let ask = serde_json::to_string(&Ask { key, ..Ask::default() }).map_err(|_| Failure::Fault)?;
    let found = join_all(rooms.iter().map(|room| hub.ask(*room, "list", &ask))).await;
    let mut sessions = Vec::new();
    for listed in found {
        let listed = listed.ok_or(Problem::RoomUnavailable)?;
        // A list, in JSON already.
        let inner = listed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or(Failure::Fault)?;
        sessions.extend((!inner.is_empty()).then(|| inner.to_owned()));
    }
    let text = format!(r#"{{"sessions":[{}]}}"#, sessions.join(","));
    Ok(no_store(200).header("Content-Type", "application/json").body(text).into())
}

fn read<T: DeserializeOwned>(bytes: &[u8], expected: &'static str) -> Result<T, Failure> {
    body::object(bytes).ok_or_else(|| Problem::BodyMalformed { expected }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_is_read_strictly() {
        let whose = |text: &str| read::<Whose>(text.as_bytes(), "").ok().and_then(|whose| whose.target());
        let id = "7f9c24e8-3b12-4fef-91e0-33c9b1a7d001";
        assert!(matches!(whose(r#"{"subject":"a"}"#), Some(Target::Subject(_))));
        assert!(matches!(whose(r#"{"room":"a"}"#), Some(Target::In(_, None))));
        assert!(matches!(whose(&format!(r#"{{"room":"a","session":"{id}"}}"#)), Some(Target::In(_, Some(_)))));
        assert!(matches!(whose(&format!(r#"{{"subject":"a","session":"{id}"}}"#)), Some(Target::In(_, Some(_)))));
        for bad in [
            "{}",
            "[]",
            r#"["a"]"#,
            r#"{"subject":""}"#,
            r#"{"subject":"a","room":"b"}"#,
            r#"{"room":"b","session":"1"}"#,
            r#"{"subject":"a","more":1}"#,
            &format!(r#"{{"session":"{id}"}}"#),
        ] {
            assert!(whose(bad).is_none(), "{bad}");
        }
    }
}
