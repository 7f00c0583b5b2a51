// Who comes, by the gate's word alone: the header X-Ticket-Assertion of a socket that the gate hands on.
import { isSigned, parse, secretKey } from "./jws.js";
import { keysAt, keysOf } from "./key-set.js";
import { header } from "./presented.js";
import { refusal } from "./refusal.js";

const HEADER = "x-ticket-assertion";
const TYP = "ws-ticket+jwt";
/** Seconds that an assertion lives at most. */
const LIFE = 60;
const LENGTH_MAX = 8192;
const SECRET_BYTES_MIN = 32;
const TOLERANCE_SECONDS = 5;
const TOLERANCE_MAX = 60;

const missing = () =>
  refusal(401, "assertion_missing", "Expected the gate's X-Ticket-Assertion: come through the gate.");

/**
 * Who comes with this upgrade: `{ grant, protocol, headers }`, or the `Response` that refuses it.
 *
 * `keys` has one of `secret` (one or several), `jwks` and `jwksUrl`; `issuer`, the gate's origin, and `audience`. What is wrong with an
 * assertion `onRefused` hears, and not the client.
 */
export async function verifyAssertion(request, keys) {
  const tolerance = checked(keys);
  const refused = (reason) => {
    keys.onRefused?.(reason);
    return refusal(401, "assertion_refused", "The gate's assertion is not valid. Ask for a new ticket.");
  };
  const text = header(request, HEADER);
  if (!text) return missing();
  const token = text.length <= LENGTH_MAX ? parse(text) : undefined;
  if (!token || token.header.typ !== TYP || "crit" in token.header) return refused("form");
  // Before any key is asked for: what can't be right costs the gate nothing.
  const wrong = wrongIn(token.payload, keys, tolerance);
  if (wrong !== undefined) return refused(wrong);
  const candidates = await candidatesFor(token.header.kid, keys);
  if (candidates === undefined) {
    return refusal(503, "gate_unavailable", "The gate's key could not be had. Try again with a new ticket.");
  }
  const verified = await Promise.all(candidates.map((key) => isSigned(token, key)));
  if (!verified.includes(true)) return refused("signature");
  const { sub, room, claims, jti, sid, session_expires_at } = token.payload;
  const protocol = header(request, "sec-websocket-protocol")?.split(",")[0].trim() || undefined;
  const headers = new Headers(protocol === undefined ? {} : { "Sec-WebSocket-Protocol": protocol });
  const sessionEndsAt = session_expires_at && new Date(session_expires_at);
  const grant = { subject: sub, room, claims: claims ?? {}, ticketId: jti, session: sid, sessionEndsAt };
  return { grant, protocol, headers };
}

/** Throws where the caller can't mean it; the tolerance, in seconds. */
function checked({ secret, jwks, jwksUrl, issuer, audience, clockToleranceSeconds: tolerance = TOLERANCE_SECONDS }) {
  if ([secret, jwks, jwksUrl].filter((given) => given !== undefined).length !== 1) {
    throw new TypeError("expected one of secret, jwks and jwksUrl");
  }
  const secrets = [secret ?? []].flat();
  const isLong = (text) => typeof text === "string" && new TextEncoder().encode(text).length >= SECRET_BYTES_MIN;
  if (secret !== undefined && (secrets.length === 0 || !secrets.every(isLong))) {
    throw new TypeError(`expected secrets of ${SECRET_BYTES_MIN} bytes or more, as UPSTREAM_SECRET`);
  }
  if (!URL.canParse(issuer) || new URL(issuer).origin !== issuer) {
    throw new TypeError(
      "expected issuer, the gate's origin without a path or a slash at its end: https://gate.example.com",
    );
  }
  if (typeof audience !== "string" || audience === "") throw new TypeError("expected audience, as UPSTREAM_AUDIENCE");
  if (!(tolerance >= 0 && tolerance <= TOLERANCE_MAX)) {
    throw new TypeError(`expected clockToleranceSeconds from 0 to ${TOLERANCE_MAX}`);
  }
  return tolerance;
}

/** The keys that may have signed it; `undefined` where nobody knows. A public key has to be named. */
async function candidatesFor(kid, { secret, jwks, jwksUrl }) {
  if (secret !== undefined) return Promise.all([secret].flat().map(secretKey));
  const keys = jwks === undefined ? await keysAt(jwksUrl, kid) : await keysOf(jwks);
  return keys?.filter((key) => typeof kid === "string" && key.kid === kid);
}

/** The first claim that is wrong; nothing where all are right. */
function wrongIn(
  { iss, aud, sub, jti, sid, iat, exp, room, claims, session_expires_at: end },
  { issuer, audience },
  tolerance,
) {
  const isText = (value) => typeof value === "string" && value !== "";
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const now = Date.now() / 1000;
  const rules = {
    iss: iss === issuer,
    aud: aud === audience,
    sub: isText(sub),
    jti: isText(jti),
    sid: isText(sid),
    iat: Number.isSafeInteger(iat) && iat <= now + tolerance,
    exp: Number.isSafeInteger(exp) && iat < exp && exp - iat <= LIFE && now < exp + tolerance,
    room: room === undefined || isText(room),
    claims: claims === undefined || isObject(claims),
    // No moment that can't be read: one that nothing is later than would never come.
    session_expires_at: end === undefined || (isText(end) && !Number.isNaN(Date.parse(end))),
  };
  return Object.keys(rules).find((name) => !rules[name]);
}
