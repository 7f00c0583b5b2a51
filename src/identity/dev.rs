//! The development stand-in for a login: callers are who they say they are. Configuration refuses it in production.

use super::NotKnown;
use ws_ticket_core::gate::Caller;
use ws_ticket_core::grant::{Claims, Subject};

/// The subject of a caller who names none.
const DEFAULT: &str = "dev";

/// The named subject, or `dev`.
pub fn caller(named: Option<Subject>) -> Result<Caller, NotKnown> {
    let subject = match named {
        Some(subject) => subject,
        None => Subject::try_from(DEFAULT.to_owned()).map_err(|_| NotKnown::Missing)?,
    };
    Ok(Caller { subject, login_expires_at: None, rooms: None, claims: Claims::default() })
}
