//! `GET /.well-known/jwks.json`: the public key of the assertions that the gate gives to what stands behind it, as a JWK Set
//! (RFC 7517 §5).

use serde::Serialize;

use super::problem::Problem;
use super::{App, Asked, Failure, json};
use crate::platform::wire::{Answer, Made};
use crate::sessions::Jwk;

/// Its name in telemetry.
pub const ROUTE: &str = "jwks";

#[derive(Serialize)]
struct Set {
    keys: [Jwk; 1],
}

/// The set, which anybody may have and keep for five minutes.
pub async fn answer(app: &App, asked: &Asked<'_>) -> Result<Answer, Failure> {
    if !matches!(asked.request.method(), "GET" | "HEAD") {
        return Err(Problem::MethodNotAllowed { allow: "GET, HEAD" }.into());
    }
    // A key that the platform doesn't take would be a fault of the configuration that nobody could see at the start.
    let key = app.session.public_key().await.map_err(|_| Failure::Fault)?.ok_or(Problem::NotFound)?;
    let made =
        Made::new(200).header("Cache-Control", "public, max-age=300").header("X-Content-Type-Options", "nosniff");
    json(made, &Set { keys: [key] })
}
