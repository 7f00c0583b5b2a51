//! Cross-origin requests for tickets (<https://fetch.spec.whatwg.org/#http-cors-protocol>): allowed origins are echoed
//! exactly, never `*`.

use super::origin::Origins;
use super::problem::Problem;
use super::{Failure, list};
use crate::config::is_token;
use crate::platform::wire::{Answer, Header, Request};

/// The methods of `/ws-ticket`.
pub const ALLOW: &str = "POST, OPTIONS";
/// How long a browser may remember a preflight, in seconds.
const PREFLIGHT_MAX_AGE: &str = "600";
/// What is answered where nothing was asked for: the headers that the gate itself reads.
const OWN_HEADERS: &str = "authorization, content-type";
/// How many headers a preflight may ask for. Pages with several tracing libraries have a dozen.
const ASKED_MAX: usize = 64;
/// How many bytes their list may have.
const ASKED_BYTES_MAX: usize = 4096;

/// The answer to a preflight whose origin is allowed. Its pages may send any header: the gate trusts none but those it
/// reads, and what a page's libraries add is the page's business.
pub fn preflight(request: &Request) -> Result<Answer, Failure> {
    let asked = request.header(Header::AccessControlRequestHeaders);
    let allowed = asked.map_or_else(|| Ok(OWN_HEADERS.to_owned()), asked_for)?;
    Ok(super::no_store(204)
        .header("Allow", ALLOW)
        .header("Vary", "Access-Control-Request-Headers")
        .header("Access-Control-Allow-Methods", "POST")
        .header("Access-Control-Allow-Headers", &allowed)
        .header("Access-Control-Max-Age", PREFLIGHT_MAX_AGE)
        .into())
}

/// The same names, as they were asked for.
fn asked_for(header: &str) -> Result<String, Problem> {
    let names: Vec<_> = list::elements(header).collect();
    let good = header.len() <= ASKED_BYTES_MAX && names.len() <= ASKED_MAX && names.iter().all(|name| is_token(name));
    match names.as_slice() {
        _ if !good => Err(Problem::PreflightMalformed),
        [] => Ok(OWN_HEADERS.to_owned()),
        names => Ok(names.join(", ")),
    }
}

/// Lets pages of allowed origins read the answer, refusals included; `credentials`: and send cookies along.
pub fn vary(answer: Answer, request: &Request, origins: &Origins<'_>, credentials: bool) -> Answer {
    let Answer::Made(mut made) = answer else { return answer };
    made = made.header("Vary", "Origin");
    if let Ok(Some(origin)) = origins.check(request) {
        made = made.header("Access-Control-Allow-Origin", origin);
        if credentials {
            made = made.header("Access-Control-Allow-Credentials", "true");
        }
        made = made.header("Access-Control-Expose-Headers", "Retry-After");
    }
    made.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_answered() {
        for (header, expected) in [
            ("authorization", "authorization"),
            ("authorization,baggage,content-type,sentry-trace", "authorization, baggage, content-type, sentry-trace"),
            (" X-Requested-With ,\ttraceparent,", "X-Requested-With, traceparent"),
            ("x,x", "x, x"),
            ("*", "*"),
            ("", OWN_HEADERS),
            (" , ", OWN_HEADERS),
        ] {
            assert_eq!(asked_for(header).as_deref(), Ok(expected), "{header:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_names_is_refused() {
        for header in ["a b", "a:b", "a;q=1", "\"a\"", "é", "a,b c", "a/b", "x\u{0}", "a\r\nb"] {
            assert_eq!(asked_for(header), Err(Problem::PreflightMalformed), "{header:?}");
        }
    }

    #[test]
    fn a_list_has_an_end() {
        let names = |count: usize| (0..count).map(|number| format!("x{number}")).collect::<Vec<_>>().join(",");
        assert!(asked_for(&names(ASKED_MAX)).is_ok());
        assert_eq!(asked_for(&names(ASKED_MAX + 1)), Err(Problem::PreflightMalformed));
        assert!(asked_for(&"x".repeat(ASKED_BYTES_MAX)).is_ok());
        assert_eq!(asked_for(&"x".repeat(ASKED_BYTES_MAX + 1)), Err(Problem::PreflightMalformed));
        assert_eq!(asked_for(&",".repeat(ASKED_BYTES_MAX + 1)), Err(Problem::PreflightMalformed));
    }
}
