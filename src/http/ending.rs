//! Ending what somebody has: in the stores, whose tickets open nothing any more, and in the rooms, whose sockets are closed.

use futures_util::future::join_all;
use serde::Serialize;
use uuid::Uuid;

use super::problem::Problem;
use super::{App, Failure};
use crate::platform::clock;
use crate::sessions::{Hub, Session};
use ws_ticket_core::grant::Subject;
use ws_ticket_core::store::End;
use ws_ticket_core::ticket::{Digest, TicketId};
use ws_ticket_core::time::Millis;

/// What a room is asked, and what it is told of it: `src/objects/room.js`. By itself it is about nobody yet.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Ask<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<Millis>,
    pub except: &'a [Uuid],
    /// What clients' close events have; without a code it is `session_revoked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// What of a subject's is ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended {
    /// All that there is, and what tickets would open that are issued within so many seconds.
    Now {
        /// 0 for none.
        block_seconds: u32,
    },
    /// What tickets opened, or would open, that were issued before this moment, which has passed.
    Before(Millis),
}

/// Ends what the subject has; how many sessions it was, or `None` where the gate has none in its hands. `ask` says which of them go on, and
/// how clients learn of it.
pub async fn end_of_subject(app: &App, subject: &Subject, ended: Ended, ask: &Ask<'_>) -> Result<Option<u64>, Failure> {
    let mut sessions: Option<u64> = None;
    let key = Some(subject.digest());
    let close = async |end: &End, rooms: &[Digest]| -> Result<(), Failure> {
        let Session::Hub(hub) = &app.session else { return Ok(()) };
        let (before, until) = (Some(end.before), Some(end.kept_until()));
        let closed = in_rooms(hub, rooms, "end", &Ask { key, before, until, ..*ask }).await?;
        sessions = Some(sessions.unwrap_or(0).saturating_add(closed));
        Ok(())
    };
    match ended {
        Ended::Now { block_seconds } => app.gate.end(subject, block_seconds, clock::now, close).await?,
        Ended::Before(moment) => app.gate.end_earlier(subject, moment, close).await?,
    }
    Ok(sessions)
}

/// Asks each of the rooms, at the same time; how many sessions it was. Where one gives no answer nobody knows.
pub async fn in_rooms(hub: &Hub, rooms: &[Digest], what: &str, ask: &Ask<'_>) -> Result<u64, Failure> {
    let ask = serde_json::to_string(ask).map_err(|_| Failure::Fault)?;
    let counts = join_all(rooms.iter().map(|room| hub.ask(*room, what, &ask))).await;
    let mut sum: u64 = 0;
    for count in counts {
        let count = count.and_then(|count| count.parse::<u64>().ok()).ok_or(Problem::RoomUnavailable)?;
        sum = sum.saturating_add(count);
    }
    Ok(sum)
}

/// Asks one room, where the gate has any.
pub async fn in_room(app: &App, room: Digest, what: &str, ask: &Ask<'_>) -> Result<Option<u64>, Failure> {
    match &app.session {
        Session::Hub(hub) => in_rooms(hub, &[room], what, ask).await.map(Some),
        _ => Ok(None),
    }
}
