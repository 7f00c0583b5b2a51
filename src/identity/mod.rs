//! Who is asking: one file for each way of knowing the caller, and what they share.

mod access;
pub mod bearer;
mod dev;
mod forward;
mod jwks;
mod jws;
mod jwt;
mod login;
mod logout;
mod public;
mod webcrypto;

use crate::config::IdentityChoice;
use crate::platform::target::Target;
use crate::platform::wire::{Header, Request};
use crate::platform::{self, Call, Deadline, Fetched, NoAnswer};
use forward::Forward;
pub use forward::without_bond;
use jwt::Tokens;
pub use logout::Logout;
use ws_ticket_core::gate::Caller;
use ws_ticket_core::grant::Subject;
use ws_ticket_core::telemetry::Sink;
use ws_ticket_core::ticket;
use ws_ticket_core::time::Millis;

/// A document without the byte order mark in front that some servers write (RFC 8259 §8.1: it may be ignored).
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

/// The way of knowing the caller that is configured.
pub enum Identity {
    /// By a signed token in `Authorization: Bearer`.
    Jwt(Box<Tokens>),
    /// By a signed token that Cloudflare Access adds.
    Access(Box<Tokens>),
    /// By the word of the app's own login, which is asked.
    Forward(Box<Forward>),
    /// By their own word.
    Dev,
}

/// Why the caller is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotKnown {
    /// There is no credential at all.
    Missing,
    /// There is one and it is not good; the text is a closed set of reasons, for telemetry only.
    Refused(&'static str),
    /// The app's login knows the caller, and says that they may not have a ticket.
    Forbidden(&'static str),
    /// The app's login gave no answer. Telemetry has been told.
    Unavailable,
}

impl Identity {
    /// Its name, as `IDENTITY` has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Jwt(_) => "jwt",
            Self::Access(_) => "access",
            Self::Forward(_) => "forward",
            Self::Dev => "dev",
        }
    }

    /// The way that is chosen; `sink` is told where whoever knows logins gives no answer.
    pub fn new(choice: &IdentityChoice, sink: Sink) -> Self {
        match choice {
            IdentityChoice::Jwt(settings) => Self::Jwt(Box::new(Tokens::new(settings, sink))),
            IdentityChoice::Access(settings) => Self::Access(Box::new(Tokens::new(settings, sink))),
            IdentityChoice::Forward(settings) => Self::Forward(Box::new(Forward::new(settings, sink))),
            IdentityChoice::Dev => Self::Dev,
        }
    }

    /// Whether a request body may name the subject.
    pub fn takes_subject(&self) -> bool {
        matches!(self, Self::Dev)
    }

    /// Whether a browser brings the login by itself, as it does with cookies: then the request must say which page it is of.
    pub fn is_borne_by_browsers(&self) -> bool {
        match self {
            Self::Access(_) | Self::Forward(_) => true,
            Self::Jwt(_) | Self::Dev => false,
        }
    }

    /// Whether an identity provider may say that somebody has logged out.
    pub fn takes_logouts(&self) -> bool {
        matches!(self, Self::Jwt(tokens) if tokens.takes_logouts())
    }

    /// The logout that an identity provider's token says.
    pub async fn logout(&self, token: &str, clock: impl Fn() -> Millis + Clone + 'static) -> Result<Logout, NotKnown> {
        match self {
            Self::Jwt(tokens) => tokens.logout(token, clock).await,
            Self::Access(_) | Self::Forward(_) | Self::Dev => Err(NotKnown::Missing),
        }
    }

    /// What a request must bring, for people.
    pub fn expected(&self) -> &'static str {
        match self {
            // Nobody lacks anything with `dev`.
            Self::Jwt(_) | Self::Dev => bearer::EXPECTED,
            Self::Access(_) => access::EXPECTED,
            Self::Forward(_) => forward::EXPECTED,
        }
    }

    /// The caller of the request, whose URL leads to `target`; `named` is the subject that its body names, where the way takes one.
    pub async fn caller(
        &self,
        request: &Request,
        target: &Target,
        named: Option<Subject>,
        clock: impl Fn() -> Millis + Clone + 'static,
    ) -> Result<Caller, NotKnown> {
        match self {
            Self::Jwt(tokens) => by_token(tokens, request, bearer::HEADER, bearer::token, clock).await,
            Self::Access(tokens) => by_token(tokens, request, access::HEADER, access::token, clock).await,
            Self::Forward(forward) => forward.caller(request, target, clock).await,
            Self::Dev => dev::caller(named),
        }
    }
}

/// The caller whose token `within` finds in the header.
async fn by_token(
    tokens: &Tokens,
    request: &Request,
    header: Header,
    within: fn(&str) -> Result<&str, NotKnown>,
    clock: impl Fn() -> Millis + Clone + 'static,
) -> Result<Caller, NotKnown> {
    let token = within(request.header(header).ok_or(NotKnown::Missing)?)?;
    tokens.caller(token, clock).await
}

/// How every ticket begins. One that comes where a login should be is a mistake of the client's, and goes no further.
fn is_ticket(credential: &str) -> bool {
    credential.starts_with(ticket::PREFIX)
}

/// Bytes of another server's answer at most.
const ANSWER_MAX: usize = 64 * 1024;

/// Asks a server that knows logins. An error is a reason for telemetry.
async fn ask(call: &Call<'_>, timeout_ms: u32) -> Result<Fetched, &'static str> {
    platform::fetch(call, ANSWER_MAX, &Deadline::after(timeout_ms)).await.map_err(|why| match why {
        NoAnswer::Failed(_) => "failed",
        NoAnswer::TimedOut => "timed_out",
    })
}
