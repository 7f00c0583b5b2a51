//! What stands behind the gate: the WebSocket after the upgrade. The only place that knows them all.

mod assertion;
mod echo;
mod hub;
mod refusal;
pub mod ticket_headers;
mod upstream;

use uuid::Uuid;
use worker::wasm_bindgen::JsValue;

pub use assertion::{Jwk, NotSigned};
pub use hub::Hub;
pub use refusal::refuse;
pub use upstream::Upstream;

use ws_ticket_core::grant::Grant;
use ws_ticket_core::session::{PING, Welcome};
use ws_ticket_core::time::Millis;

/// A kind of session.
#[derive(Debug)]
pub enum Session {
    /// Sends every message back.
    Echo,
    /// None: whoever redeems the ticket has the socket.
    Nothing,
    /// The user's own server.
    Upstream(Box<Upstream>),
    /// Rooms.
    Hub(Hub),
}

/// What a session begins with.
pub struct Opening<'a> {
    /// Its id.
    pub session: Uuid,
    /// Who comes.
    pub grant: &'a Grant,
    /// The client's request.
    pub request: &'a web_sys::Request,
    /// The gate's origin.
    pub own_origin: &'a str,
    /// What [`Session::address`] said.
    pub address: &'a str,
    /// The app's subprotocols, in the client's order.
    pub offers: &'a [String],
    /// The subprotocol where none of the app's is chosen.
    pub otherwise: Option<&'a str>,
}

/// Why there is no session. The ticket is burnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOpened {
    /// The upstream knows better who may come: 401 or 403.
    Refused,
    /// The upstream gave no socket.
    Failed,
    /// The upstream gave no answer in time.
    TimedOut,
    /// The room has as many members as it can have.
    RoomFull,
    /// The room gave no answer, or none in time.
    NoRoom,
    /// The session is over before it began: its time is, or somebody has ended it.
    Over,
    /// The platform's.
    Fault,
}

impl From<JsValue> for NotOpened {
    fn from(_: JsValue) -> Self {
        Self::Fault
    }
}

impl Session {
    /// Its word in `SESSION`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Nothing => "none",
            Self::Upstream(_) => "upstream",
            Self::Hub(_) => "hub",
        }
    }

    /// Whether the gate opens a socket for it.
    pub fn has_socket(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// What a client asks to find out whether its connection still leads anywhere; `None` where nobody answers, or somebody else may.
    pub fn ping(&self) -> Option<&'static str> {
        match self {
            Self::Echo | Self::Hub(_) => Some(PING),
            Self::Nothing | Self::Upstream(_) => None,
        }
    }

    /// Whether there is one for the path behind `/ws`.
    pub fn takes(&self, below: &str) -> bool {
        match self {
            Self::Echo | Self::Hub(_) => below.is_empty(),
            Self::Nothing => false,
            Self::Upstream(_) => below.is_empty() || below.starts_with('/'),
        }
    }

    /// The URL that it would be opened at, for the path behind `/ws` and the query: empty for one in the gate itself. `None` where there
    /// is no such place. It costs nothing and burns nothing.
    pub fn address(&self, own_origin: &str, below: &str, query: &str) -> Option<String> {
        match self {
            Self::Echo | Self::Hub(_) => Some(String::new()),
            Self::Nothing => None,
            Self::Upstream(upstream) => upstream.address(own_origin, below, query),
        }
    }

    /// Whether there is a public key that assertions can be verified by.
    pub fn publishes_a_key(&self) -> bool {
        matches!(self, Self::Upstream(upstream) if upstream.publishes_a_key())
    }

    /// Makes sure of what can be made sure of before the ticket is burnt.
    pub async fn ready(&self) -> Result<(), NotSigned> {
        match self {
            Self::Echo | Self::Nothing | Self::Hub(_) => Ok(()),
            Self::Upstream(upstream) => upstream.ready().await,
        }
    }

    /// That key.
    pub async fn public_key(&self) -> Result<Option<Jwk>, NotSigned> {
        match self {
            Self::Echo | Self::Nothing | Self::Hub(_) => Ok(None),
            Self::Upstream(upstream) => upstream.public_key().await,
        }
    }

    /// Opens it and answers with its other end.
    pub async fn open(&self, opening: &Opening<'_>, now: Millis) -> Result<web_sys::Response, NotOpened> {
        match self {
            Self::Echo => {
                let expires_at = opening.grant.expires_at.rfc3339();
                let welcome = Welcome::new(opening.session, opening.grant, &expires_at);
                let protocol = opening.offers.first().map(String::as_str).or(opening.otherwise);
                Ok(echo::open(&welcome, protocol, opening.grant.session_ends_at)?)
            }
            Self::Nothing => Err(NotOpened::Fault),
            Self::Upstream(upstream) => upstream.open(opening, now).await,
            Self::Hub(hub) => hub.open(opening, now).await,
        }
    }
}
