//! `POST /ws-ticket/redeem`: whose ticket is this? Answered yes once, to a server that opens the socket itself.
//!
//! The rules are those of `/ws`: single use, expiry, the page and the cookie that the ticket was asked for with. What the server can
//! say of the connecting browser (`origin`, `cookie`, `address`) counts as if the browser had come itself; who says nothing is treated
//! as a program is.
//!
//! **The attempt** is the server's own random id for this connection. Whoever asks again with it gets the same answer, so a lost
//! reply is no lost ticket. It must never be made of what the client sent: two connections of a client that knows how would then be one
//! attempt, and both be told yes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::limit::Address;
use super::origin::Origins;
use super::problem::Problem;
use super::reuse::consumed;
use super::upgrade::counted;
use super::{App, Asked, Failure, Refusal, body, cookie, json, no_store};
use crate::platform::wire::Answer;
use crate::platform::{clock, console};
use ws_ticket_core::gate::Presenter;
use ws_ticket_core::grant::{Claims, Grant, Room, Subject};
use ws_ticket_core::store::Attempt;
use ws_ticket_core::telemetry::{Event, Reason};
use ws_ticket_core::ticket::{Ticket, TicketId, Unreadable};
use ws_ticket_core::time::Millis;

/// Its name in telemetry.
pub const ROUTE: &str = "redeem";
/// The largest body, in bytes: a browser's whole `Cookie` may be in it.
const MAX: usize = 16 * 1024;
const EXPECTED: &str = r#"Expected a JSON object with "ticket" and "attempt" (a random UUID of the caller's own), and of the connecting browser, where there is one, "origin", "cookie" and "address"."#;

/// What is asked. No `Debug`: the ticket and the cookie are secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Presented {
    ticket: String,
    attempt: Uuid,
    origin: Option<String>,
    cookie: Option<String>,
    address: Option<String>,
}

/// What is answered where the ticket is good, with the names of RFC 7662 §2.2.
#[derive(Serialize)]
struct Active {
    active: bool,
    sub: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<Room>,
    #[serde(skip_serializing_if = "Claims::is_empty")]
    claims: Claims,
    /// Seconds, as all moments of RFC 7662.
    exp: u64,
    iat: u64,
    /// The ticket's public id.
    jti: TicketId,
    /// The session's: the attempt.
    sid: Uuid,
    /// When the session must end, RFC 3339 to the millisecond.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_expires_at: Option<String>,
}

/// Whose ticket it is: an answer for one attempt, and for all others "nobody's", whatever the reason.
#[derive(Serialize)]
#[serde(untagged)]
enum Redeemed {
    Active(Box<Active>),
    Inactive { active: bool },
}

/// The answer by HTTP, where there is a secret for it.
pub async fn answer(app: &App, asked: &Asked<'_>) -> Result<Answer, Failure> {
    let bytes = body::from_server(asked.request, &app.redeem_secrets, Problem::RedeemRefused, MAX).await?;
    let origins = Origins::new(&app.origins, asked.target);
    json(no_store(200), &redeem(app, &origins, &bytes).await?)
}

/// The answer by a service binding, as JSON: only who may deploy can bind it, so no secret is asked for. There is no URL either, and
/// so no origin that is the gate's own.
pub async fn by_binding(app: &App, bytes: &[u8]) -> Result<String, Failure> {
    if bytes.len() > MAX {
        return Err(Problem::BodyTooLarge.into());
    }
    let redeemed = redeem(app, &Origins::of_others(&app.origins), bytes).await?;
    serde_json::to_string(&redeemed).map_err(|_| Failure::Fault)
}

async fn redeem(app: &App, origins: &Origins<'_>, bytes: &[u8]) -> Result<Redeemed, Failure> {
    let presented: Presented = body::object(bytes).ok_or(Problem::BodyMalformed { expected: EXPECTED })?;
    let address = presented.address.as_deref().map(Address::parse);
    if matches!(address, Some(None)) {
        return Err(Problem::BodyMalformed { expected: EXPECTED }.into());
    }
    let attempt = presented.attempt;
    match counted(app, address.flatten(), consume(app, origins, &presented)).await {
        Ok(grant) => {
            let age_ms = clock::now().since(grant.issued_at);
            console::emit(&Event::Consumed { ticket_id: grant.ticket_id, session: attempt, age_ms });
            Ok(Redeemed::Active(Box::new(Active {
                active: true,
                exp: grant.expires_at.0.div_euclid(1000),
                iat: grant.issued_at.0.div_euclid(1000),
                jti: grant.ticket_id,
                sid: attempt,
                session_expires_at: grant.session_ends_at.map(Millis::rfc3339),
                sub: grant.subject,
                room: grant.room,
                claims: grant.claims,
            })))
        }
        // Exact in the log alone. An outage, a limit and a bad record are told as what they are.
        Err(Failure::Refused(Refusal { problem, reason, ticket_id })) if is_about_the_ticket(problem) => {
            console::emit(&Event::Refused { route: ROUTE, reason, status: 200, ticket_id });
            Ok(Redeemed::Inactive { active: false })
        }
        Err(failure) => Err(failure),
    }
}

/// Whether the problem is the ticket's or the page's, and not the caller's or the gate's own.
pub fn is_about_the_ticket(problem: Problem) -> bool {
    matches!(
        problem,
        Problem::TicketMissing
            | Problem::TicketRepeated
            | Problem::CarriageRefused
            | Problem::SubprotocolInvalid
            | Problem::TicketMalformed
            | Problem::TicketRefused
            | Problem::OriginRefused
            | Problem::OriginOpaque
    )
}

/// The ticket that the text is, by its form and its check.
pub fn ticket_of(app: &App, text: &str) -> Result<Ticket, Refusal> {
    app.keyring.read(text).map_err(|why| match why {
        Unreadable::Malformed => Problem::TicketMalformed.into(),
        Unreadable::Forged => Refusal { reason: Reason::Forged, ..Problem::TicketRefused.into() },
    })
}

async fn consume(app: &App, origins: &Origins<'_>, presented: &Presented) -> Result<Grant, Failure> {
    let origin = presented.origin.as_deref().map(|origin| origins.allow(origin)).transpose()?;
    let ticket = ticket_of(app, &presented.ticket)?;
    let origin = origin.map(|origin| origins.bound(origin));
    let cookie = (&cookie::read(presented.cookie.as_deref())).into();
    let by = Presenter { origin: origin.as_deref(), cookie };
    consumed(app, &ticket, Attempt::from(presented.attempt), by).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT: &str = "7f9c24e8-3b12-4fef-91e0-33c9b1a7d001";

    fn presented(members: &str) -> Option<Presented> {
        body::object(format!(r#"{{"ticket":"t","attempt":"{ATTEMPT}"{members}}}"#).as_bytes())
    }

    #[test]
    fn what_is_asked_is_read_strictly() {
        assert!(presented("").is_some());
        let whole = presented(r#","origin":"https://app.example","cookie":"a=b","address":"192.0.2.1""#).unwrap();
        assert_eq!(whole.origin.as_deref(), Some("https://app.example"));
        assert!(presented(r#","origin":null,"cookie":null,"address":null"#).is_some());
        for bad in [r#","x":1"#, r#","ticket":"u""#, r#","origin":1"#] {
            assert!(presented(bad).is_none(), "{bad}");
        }
        for bad in [
            "",
            "null",
            "{}",
            r#"["t","7f9c24e8-3b12-4fef-91e0-33c9b1a7d001",null,null,null]"#,
            r#"{"ticket":"t","attempt":"1"}"#,
        ] {
            assert!(body::object::<Presented>(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
