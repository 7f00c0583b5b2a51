//! The configuration: read once per isolate, refused whole.
//!
//! A setting that is absent or empty means the strict choice. A wrong one stops the service: it is never repaired, and all
//! that is wrong is reported at once, by name and never by value.

mod algorithm;
mod defaults;
mod encoded;
mod host;
mod identity;
mod origins;
mod own_key;
mod parse;
mod place;
mod private_key;
mod public_key;
mod published;
mod secret_key;
mod servers;
mod session;
mod stores;
mod tickets;
mod tokens;

use std::fmt;
use std::num::NonZeroU16;

use serde::Serialize;
use subtle::ConstantTimeEq;
use worker::Url;

pub use algorithm::{Algorithm, KeyKind};
pub use encoded::base64;
pub use host::{host_of, is_private};
pub use identity::{ForwardSettings, IdentityChoice, is_token};
pub use private_key::PrivateKey;
pub use public_key::{PublicKey, is_strong};
pub use secret_key::SecretKey;
pub use tokens::{Keys, SubjectRule, TokenSettings, media_type};

/// The binding of the Workers KV namespace.
pub const KV_BINDING: &str = "WS_TICKETS_KV";
/// The binding of the Durable Object namespace.
pub const SHARD_BINDING: &str = "TICKET_SHARD";
/// The binding of the rate limit on tickets for each subject.
pub const ISSUE_LIMIT_BINDING: &str = "ISSUE_LIMIT";
/// The binding of the rate limit on refused upgrades for each address.
pub const REFUSAL_LIMIT_BINDING: &str = "REFUSAL_LIMIT";
/// The binding of the static assets: the page to try the gate with.
pub const ASSETS_BINDING: &str = "ASSETS";
/// The service binding of what stands behind the gate.
pub const UPSTREAM_BINDING: &str = "UPSTREAM";
/// The binding of the Durable Object namespace of rooms.
pub const ROOM_BINDING: &str = "TICKET_ROOM";
/// The binding of the Durable Object namespace of the monitor.
pub const MONITOR_BINDING: &str = "TICKET_MONITOR";
/// How many sockets a Durable Object can hold
/// (<https://developers.cloudflare.com/durable-objects/api/state/#acceptwebsocket>).
pub const ROOM_MEMBERS_MAX: u32 = 32_768;
/// Bytes of a `TICKET_KEY` or a `SEAL_KEY` at least: the hash's output (RFC 2104 §3).
pub const OWN_KEY_MIN: usize = 32;
/// The `JWT_SECRET` of `.dev.vars.example`. Everybody knows it, so production refuses it.
pub const PUBLIC_JWT_SECRET: &str = "development-only-secret-not-for-production";
/// `SESSION_MAX_SECONDS` at most: 30 days.
pub const SESSION_MAX: u32 = 2_592_000;

/// Milliseconds that a store, or whoever knows the logins, may be waited for at most.
pub const TIMEOUT_MAX: u32 = 30_000;

/// Where settings come from: a Worker's variables, secrets and bindings.
pub trait Settings {
    /// The variable's or secret's text, `None` when it isn't set. `Err` when it is no text, number or boolean.
    fn text(&self, name: &'static str) -> Result<Option<String>, BadSetting>;

    /// Whether a binding of that name is there.
    fn is_bound(&self, name: &'static str) -> bool;
}

/// One thing that is wrong. It has no place for the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadSetting {
    /// The setting.
    pub name: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
    /// What would be right.
    pub expected: String,
}

impl BadSetting {
    /// A setting that should be otherwise.
    pub fn new(name: &'static str, problem: &'static str, expected: impl Into<String>) -> Self {
        Self { name, problem, expected: expected.into() }
    }

    /// A setting for which the documentation has the values.
    pub fn wrong(name: &'static str, problem: &'static str) -> Self {
        Self::new(name, problem, "a value that the documentation names")
    }

    /// A binding that is something else than it should be.
    pub fn binding(name: &'static str, expected: &'static str) -> Self {
        Self::new(name, "is bound to something else", expected)
    }
}

/// A secret: no `Display`, no `Serialize`, and a `Debug` that hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret text, for the one who computes with it or sends it where it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is this text. Takes the same time for every text of its length.
    pub fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where the gate runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// For real.
    Production,
    /// On a developer's machine.
    Development,
}

/// One store, with what it needs beyond the bindings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// The memory of one isolate.
    Memory,
    /// Workers KV.
    Kv {
        /// Whether a ledger stands in front of it.
        ledger: bool,
    },
    /// Durable Objects.
    Durable,
    /// Nowhere: in the tickets themselves, sealed with keys that are derived from these secrets. The first seals, each opens.
    Sealed(Vec<Secret>),
    /// A Redis, over TCP or TLS.
    Redis(RedisSettings),
    /// Upstash's REST API.
    Upstash(UpstashSettings),
}

/// Which stores there are and how they are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stores {
    /// Where tickets are issued: in the first, and when it fails in the next. Never empty.
    pub issuing: Vec<Leaf>,
    /// Where they are consumed besides: everything else that is configured, so that a change of `TICKET_STORE` refuses no
    /// ticket that is still alive.
    pub consuming: Vec<Leaf>,
    /// `TICKET_SHARDS`, for each region.
    pub shards: NonZeroU16,
    /// The numbers of shards that are asked because a ticket names one: those below this. Where tickets carry a check, all
    /// numbers; otherwise those that there are or, by `TICKET_SHARDS_PREVIOUS`, were.
    pub shards_asked: u16,
    /// `TICKET_SHARDS_PREVIOUS`.
    pub shards_before: Option<NonZeroU16>,
    /// Whether sessions can be ended from outside: whether there is an `ADMIN_TOKEN`.
    pub ends: bool,
    /// Whether they are in rooms.
    pub rooms: bool,
    /// `SESSION_MAX_SECONDS`.
    pub session_max_seconds: u32,
    /// `STORE_TIMEOUT_MS`.
    pub timeout_ms: u32,
    /// `SLOW_WRITE_MS`: an issue that takes longer is a warning.
    pub slow_write_ms: u32,
    /// `SLOW_READ_MS`: a consume that takes longer is a warning.
    pub slow_read_ms: u32,
}

/// Where a Redis is and how to log in to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether to speak TLS (`rediss:`).
    pub tls: bool,
    /// The user, where there is one (ACL, Redis 6 or later). Only with a password.
    pub user: Option<String>,
    /// The password, where there is one.
    pub password: Option<Secret>,
    /// The number of the database.
    pub database: u32,
}

/// Where Upstash's REST API is and how to log in to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstashSettings {
    /// Without a slash at the end.
    pub url: String,
    /// The bearer token.
    pub token: Secret,
}

/// Where a ticket may be carried in an upgrade. At least one is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carriage {
    /// In the query parameter `ticket`.
    pub query: bool,
    /// In `Sec-WebSocket-Protocol`, beside `ws-ticket.v1`.
    pub subprotocol: bool,
}

/// The keyed check of tickets: without a key there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketCheck {
    /// The first signs, any verifies.
    pub keys: Vec<CheckKey>,
    /// `TICKET_CHECK=optional`: tickets without any check are taken too.
    pub optional: bool,
}

/// A key of the check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKey {
    /// `TICKET_KEY` or `TICKET_KEY_PREVIOUS`.
    Own(Secret),
    /// One that is derived, from `JWT_SECRET` or `JWT_SECRET_PREVIOUS`.
    DerivedFrom(SecretKey),
}

/// What an upgrade must share with the request for its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// The origin.
    Origin,
    /// The origin and a cookie.
    Cookie,
}

/// What becomes of a request for a ticket when the rate limiter fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLimiterFailure {
    /// It is refused.
    Refuse,
    /// It is as if there were no limit.
    Admit,
}

/// Which rate limits there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Whether `ISSUE_LIMIT` is bound.
    pub issue: bool,
    /// Whether `REFUSAL_LIMIT` is bound.
    pub refusal: bool,
    /// `LIMITER_FAILURE`.
    pub on_failure: OnLimiterFailure,
}

/// `SESSION`: what stands behind the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionChoice {
    /// An echo.
    Echo {
        /// Whether somebody said so; otherwise it is what there is where nothing is set.
        chosen: bool,
    },
    /// No socket: tickets are redeemed by others.
    Nothing,
    /// A server of the user's own.
    Upstream(Box<UpstreamSettings>),
    /// Rooms.
    Hub {
        /// `ROOM_MEMBERS_MAX`.
        members_max: u16,
    },
}

/// The server that sockets are handed on to, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// Where it is.
    pub address: UpstreamAddress,
    /// `UPSTREAM_TIMEOUT_MS`.
    pub timeout_ms: u32,
    /// `UPSTREAM_AUTHORIZATION`.
    pub authorization: Option<Secret>,
    /// `UPSTREAM_HEADERS`.
    pub headers: Vec<(String, Secret)>,
    /// `UPSTREAM_IDENTITY`: whether it learns who comes, and what else the client's request says.
    pub identity: bool,
    /// What the assertion is signed with, if there is to be one.
    pub signer: Option<Signer>,
    /// `UPSTREAM_AUDIENCE`: the assertion's `aud`.
    pub audience: String,
}

/// Where the upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamAddress {
    /// Behind the service binding.
    Binding {
        /// `UPSTREAM_CREDENTIALS=pass`: the client's `Cookie` and `Authorization` go on.
        credentials: bool,
    },
    /// At a URL, http or https.
    Url(Url),
}

/// What signs assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// `UPSTREAM_SECRET`, by HS256.
    Secret(Secret),
    /// `UPSTREAM_PRIVATE_KEY`.
    PrivateKey(PrivateKey),
}

/// Where the gate stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceSettings {
    /// `BASE_PATH`: empty, or a slash in front and none at the end.
    pub base_path: String,
    /// `PUBLIC_URL`.
    pub public_url: Option<PublicUrl>,
    /// In development, `DEVELOPMENT_HOSTS`: the hosts that are served beside a developer's own.
    pub development_hosts: Option<Vec<String>>,
}

/// The gate's origin, as its clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host and port.
    pub authority: String,
}

/// Everything that can be set, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `ENVIRONMENT`.
    pub environment: Environment,
    /// `BASE_PATH` and what else says where it stands.
    pub place: PlaceSettings,
    /// `TICKET_STORE` and everything about stores.
    pub stores: Stores,
    /// `TICKET_TTL_SECONDS`.
    pub ttl_seconds: u32,
    /// `SESSION_MAX_SECONDS`.
    pub session_max_seconds: u32,
    /// `TICKET_CARRIAGE`.
    pub carriage: Carriage,
    /// `BIND`.
    pub bind: Bind,
    /// `ON_REUSE=close`.
    pub closes_reused: bool,
    /// `REFUSE_WITH=close`: a refused upgrade opens a socket that says why, and closes.
    pub refuses_by_close: bool,
    /// The check that tickets carry.
    pub ticket_check: TicketCheck,
    /// `REDEEM_SECRET` and `REDEEM_SECRET_PREVIOUS`.
    pub redeem_secrets: Vec<Secret>,
    /// `ADMIN_TOKEN` and `ADMIN_TOKEN_PREVIOUS`.
    pub admin_tokens: Vec<Secret>,
    /// `SESSION` and what belongs to it.
    pub session: SessionChoice,
    /// The rate limits.
    pub limits: LimitSettings,
    /// `IDENTITY` and what belongs to it.
    pub identity: IdentityChoice,
    /// `PAGE`: whether the page to try the gate with is served.
    pub page: bool,
    /// `ALLOWED_ORIGINS`, each as browsers and WebViews send it.
    pub origins: Vec<String>,
}

impl Config {
    /// Reads and checks everything.
    pub fn read(settings: &impl Settings) -> Result<Self, Vec<BadSetting>> {
        parse::read(settings)
    }
}

#[cfg(test)]
pub(crate) mod given;
