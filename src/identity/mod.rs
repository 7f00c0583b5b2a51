//! Who is asking: one file for each way of knowing the caller.

pub mod dev;
mod hs256;
pub mod jwt;

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
}

impl Identity {
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

    /// The caller of a request with this `Authorization` header, and, where the way takes one, this named subject.
    pub fn caller(&self, authorization: Option<&str>, named: Option<Subject>, now: Millis) -> Result<Caller, NotKnown> {
        match self {
            Self::Jwt(jwt) => jwt.caller(authorization, now),
            Self::Dev => dev::caller(named),
        }
    }
}
