//! `POST /backchannel-logout`: an identity provider says that somebody has logged out there, by a token that it signs (OpenID Connect
//! Back-Channel Logout 1.0). What the subject has is ended, as by `/sessions/end`, with no code of the app's.
//!
//! A token counts once, and as done only when all is ended: so a provider may send one again that got no 200.

use form_urlencoded::parse;

use super::ending::{Ask, Ended, end_of_subject};
use super::problem::Problem;
use super::{App, Asked, Failure, Refusal, body, no_store};
use crate::identity::NotKnown;
use crate::platform::wire::{Answer, Header};
use crate::platform::{clock, console};
use ws_ticket_core::telemetry::{Event, Reason};

/// Its name in telemetry.
pub const ROUTE: &str = "backchannel_logout";
/// The largest body, in bytes: a token has 16 KiB at most.
const MAX: usize = 20 * 1024;
const EXPECTED: &str = "Expected application/x-www-form-urlencoded with logout_token, once.";

/// Ends what the subject has. Whatever is wrong is 400 (§2.8).
pub async fn answer(app: &App, asked: &Asked<'_>) -> Result<Answer, Failure> {
    let request = asked.request;
    if request.method() != "POST" {
        return Err(Problem::MethodNotAllowed { allow: "POST" }.into());
    }
    let malformed = Problem::BodyMalformed { expected: EXPECTED };
    let bytes = body::read(request, MAX).await?;
    if !request.header(Header::ContentType).is_some_and(is_form) {
        return Err(malformed.into());
    }
    let mut tokens = parse(&bytes).filter(|(name, _)| name == "logout_token").map(|(_, token)| token);
    let token = tokens.next().filter(|token| !token.is_empty() && tokens.next().is_none()).ok_or(malformed)?;
    let logout = app.identity.logout(&token, clock::now).await.map_err(|why| refused(why_not(why)))?;
    let failed = |failure| match failure {
        Failure::Refused(refusal) => Failure::Refused(Refusal { problem: Problem::LogoutFailed, ..refusal }),
        Failure::Fault => Failure::Fault,
    };
    if app.gate.came(&logout.name).await.map_err(|error| failed(error.into()))? {
        return Err(refused("token_used").into());
    }
    let ended = Ended::Now { block_seconds: 0 };
    let sessions = end_of_subject(app, &logout.subject, ended, &Ask::default()).await.map_err(failed)?;
    console::emit(&Event::SessionsEnded { route: ROUTE, sessions });
    app.gate.has_come(logout.name, logout.good_until).await.map_err(|error| failed(error.into()))?;
    Ok(no_store(200).into())
}

/// The reason, for telemetry alone.
fn why_not(why: NotKnown) -> &'static str {
    match why {
        NotKnown::Refused(reason) | NotKnown::Forbidden(reason) => reason,
        NotKnown::Missing => "token_missing",
        NotKnown::Unavailable => "identity_unavailable",
    }
}

fn refused(reason: &'static str) -> Refusal {
    let problem = if reason == "identity_unavailable" { Problem::LogoutFailed } else { Problem::LogoutRefused };
    Refusal { reason: Reason::Identity(reason), ..problem.into() }
}

fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
