// How the gate closes a session: a code of RFC 6455 and a reason, which is a stable word. docs/protocol.md has them in one table, with
// whether to come back. 4000 and the status of HTTP that says the same.

/** The session has reached its end: with a fresh ticket there is another. */
export const EXPIRED = [4408, "session_expired"];
/** Somebody has ended it. */
export const REVOKED = [4401, "session_revoked"];
/** A message that is larger than any may be. */
export const TOO_LARGE = [1009, "message_too_large"];
/** More messages, or bytes, than a session may send; or too many tickets that were refused. */
export const TOO_MUCH = [4429, "rate_limited"];
/** It said nothing while much was sent to it: nobody may be there. */
export const UNHEARD = [4408, "session_unheard"];
