// How the gate closes a session: a code of RFC 6455 and a reason, which is a stable word. docs/protocol.md has them in one table, with
// whether to come back. 4000 and the status of HTTP that says the same, as Cloudflare's and other servers' clients know them.

/** The session has reached its end: with a fresh ticket there is another. */
export const EXPIRED = [4408, "session_expired"];
/** A message that is larger than any may be. */
export const TOO_LARGE = [1009, "message_too_large"];
/** More messages, or bytes, than a session may send. */
export const TOO_MUCH = [4429, "rate_limited"];
