//! Rooms in Durable Objects: whoever has a ticket for a room hears what the others in it say. `src/objects/room.js` is a room; which one a
//! ticket leads to, and what the room is told of who comes, are here.

use serde::Serialize;
use uuid::Uuid;
use worker::js_sys::Promise;
use worker::wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen};

use super::{NotOpened, Opening};
use crate::platform::race::settled;
use ws_ticket_core::grant::Grant;
use ws_ticket_core::session::Welcome;
use ws_ticket_core::ticket::{Digest, TicketId};
use ws_ticket_core::time::Millis;

#[wasm_bindgen(module = "/src/sessions/hub.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn enter(namespace: &JsValue, name: &str, facts: &str, ms: u32) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn ask(namespace: &JsValue, name: &str, what: &str, ask: &str, ms: u32) -> Result<Promise, JsValue>;
}

/// What a room answers that takes nobody in: it is full, or the session is over before it began.
const FULL: u16 = 240;
const NOT_TAKEN: u16 = 241;
/// How long a room is waited for, in milliseconds: it may be far away, and have to wake up.
const TIMEOUT_MS: u32 = 10_000;

/// The rooms.
#[derive(Clone, Debug)]
pub struct Hub {
    namespace: JsValue,
    members_max: u16,
    session_max_seconds: u32,
}

/// What a room is told of a session.
#[derive(Serialize)]
struct Facts<'a> {
    most: u16,
    welcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'a str>,
    id: Uuid,
    sub: &'a str,
    key: Digest,
    room: Digest,
    ticket: TicketId,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bond: Option<Digest>,
    issued: Millis,
    ends: Millis,
    /// Until when it can be prolonged from outside.
    until: Millis,
    /// Whether the gate's own frames are for it.
    own: bool,
}

impl Hub {
    /// Rooms of `namespace`, each with `members_max` sockets at most. A session whose ticket says no end lasts `session_max_seconds`.
    pub fn new(namespace: JsValue, members_max: u16, session_max_seconds: u32) -> Self {
        Self { namespace, members_max, session_max_seconds }
    }

    /// Takes whoever comes into the room of the grant.
    pub async fn open(&self, opening: &Opening<'_>, now: Millis) -> Result<web_sys::Response, NotOpened> {
        let grant = opening.grant;
        let ends = self.ends(grant, now);
        let expires_at = grant.expires_at.rfc3339();
        let welcome = Welcome::new(opening.session, grant, &expires_at);
        let welcome = serde_json::to_string(&welcome).map_err(|_| NotOpened::Fault)?;
        let chosen = opening.offers.first().map(String::as_str);
        let room = grant.place();
        let facts = Facts {
            most: self.members_max,
            welcome: &welcome,
            protocol: chosen.or(opening.otherwise),
            id: opening.session,
            sub: grant.subject.as_str(),
            key: grant.subject.digest(),
            room,
            ticket: grant.ticket_id,
            origin: grant.origin.as_deref(),
            bond: grant.bond,
            issued: grant.issued_at,
            ends,
            until: self.until(grant),
            own: chosen.is_none(),
        };
        let facts = serde_json::to_string(&facts).map_err(|_| NotOpened::Fault)?;
        let answer = enter(&self.namespace, &format!("room-{room}"), &facts, TIMEOUT_MS);
        // An error may quote what it was given.
        let answer = settled(answer.map_err(|_| NotOpened::NoRoom)?).await.map_err(|_| NotOpened::NoRoom)?;
        match answer.dyn_into() {
            Ok(response) => Ok(response),
            Err(answer) if answer == u32::from(FULL) => Err(NotOpened::RoomFull),
            Err(answer) if answer == u32::from(NOT_TAKEN) => Err(NotOpened::Over),
            Err(_) => Err(NotOpened::NoRoom),
        }
    }

    /// Asks a room something about its members, in JSON both ways; `None` where it gave no answer.
    pub async fn ask(&self, room: Digest, what: &str, ask_of_it: &str) -> Option<String> {
        let answer = ask(&self.namespace, &format!("room-{room}"), what, ask_of_it, TIMEOUT_MS).ok()?;
        settled(answer).await.ok()?.as_string()
    }

    /// Until when a session with the grant can be prolonged from outside: so long it is remembered where it is.
    pub fn until(&self, grant: &Grant) -> Millis {
        grant.stays_until(self.session_max_seconds)
    }

    /// When a session with the grant ends. A grant of a version that knew no ends has none.
    pub fn ends(&self, grant: &Grant, now: Millis) -> Millis {
        grant.session_ends_at.unwrap_or_else(|| now.plus_seconds(self.session_max_seconds))
    }
}
