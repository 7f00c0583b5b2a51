//! Cloudflare Access in front of the gate: it adds a token to every request that it lets pass
//! (<https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/>).
//! The token is verified like any other; who reaches the Worker around Access has none.

use super::NotKnown;
use crate::platform::wire::Header;

/// The header that it stands in.
pub const HEADER: Header = Header::CfAccessJwtAssertion;
/// What a request must bring, for people.
pub const EXPECTED: &str = "Expected the header Cf-Access-Jwt-Assertion, which Cloudflare Access adds to requests.";

/// The token in the header: all of it.
pub fn token(assertion: &str) -> Result<&str, NotKnown> {
    Ok(assertion)
}
