//! Who is asking: one file for each way of knowing the caller.

pub mod dev;
mod hs256;
pub mod jwt;

use worker::{Request, Url};

use crate::config::IdentityChoice;
use crate::gate::Caller;
use crate::grant::{Millis, Subject};

/// The way of knowing the caller that is configured.
pub enum Identity {
    /// By a signed token in `Authorization: Bearer`.
    Jwt(Box<jwt::Jwt>),
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
            Self::Dev => "dev",
        }
    }

    /// Builds it.
    pub fn new(choice: &IdentityChoice) -> Self {
        match choice {
            IdentityChoice::Jwt(settings) => Self::Jwt(Box::new(jwt::Jwt::new(settings))),
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
            Self::Jwt(_) | Self::Dev => false,
        }
    }

    /// What a request must bring, for people.
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Jwt(_) | Self::Dev => "Expected the header Authorization: Bearer <token>.",
        }
    }

    /// The caller of the request, whose URL is `url`; `named` is the subject that its body names, where the way takes one.
    pub async fn caller(
        &self,
        request: &Request,
        _url: &Url,
        named: Option<Subject>,
        clock: impl Fn() -> Millis,
    ) -> worker::Result<Result<Caller, NotKnown>> {
        Ok(match self {
            Self::Jwt(jwt) => jwt.caller(request.headers().get("Authorization")?.as_deref(), clock()),
            Self::Dev => dev::caller(named),
        })
    }
}
