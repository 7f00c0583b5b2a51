//! Cross-origin requests for tickets (<https://fetch.spec.whatwg.org/#http-cors-protocol>): allowed origins are echoed
//! exactly, never `*`.

use worker::{Headers, Response, Result};

use super::origin::Origins;

/// How long a browser may remember a preflight, in seconds.
const PREFLIGHT_MAX_AGE: &str = "600";

/// The answer to a preflight whose origin is allowed.
pub fn preflight() -> Result<Response> {
    Ok(super::no_store(Response::builder())?
        .with_status(204)
        .with_header("Allow", super::issue::ALLOW)?
        .with_header("Access-Control-Allow-Methods", "POST")?
        .with_header("Access-Control-Allow-Headers", "authorization, content-type")?
        .with_header("Access-Control-Max-Age", PREFLIGHT_MAX_AGE)?
        .empty())
}

/// Lets pages of allowed origins read the answer, refusals included; `credentials`: and send cookies along.
pub fn vary(response: Response, request: &Headers, origins: &Origins<'_>, credentials: bool) -> Result<Response> {
    let headers = response.headers();
    headers.append("Vary", "Origin")?;
    if let Ok(Some(origin)) = origins.check(request)? {
        headers.set("Access-Control-Allow-Origin", &origin)?;
        if credentials {
            headers.set("Access-Control-Allow-Credentials", "true")?;
        }
        headers.set("Access-Control-Expose-Headers", "Retry-After")?;
    }
    Ok(response)
}
