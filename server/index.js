// Asks a gate whose ticket an upgrade brings, before the socket is opened.
import { presentedBy } from "./presented.js";
import { refusal } from "./refusal.js";

export { verifyAssertion } from "./assertion.js";

/** How long an answer of the gate's is waited for, in milliseconds; the gate itself waits up to 3 s for its store. */
const TIMEOUT_MS = 5000;

/**
 * Who comes with this upgrade: `{ grant, protocol, headers }`, or the `Response` that refuses it.
 *
 * `request` is a `Request`, or what Node's `upgrade` event has. `gate` is a service binding to the gate's entrypoint `Redeem`, or
 * `{ url, secret }`. `address` is the client's, where it is known.
 */
export async function redeem(request, { gate, address }) {
  const presented = presentedBy(request, address);
  if (presented instanceof Response) return presented;
  const { protocol, ...asked } = presented;
  // Ours, and random: an attempt that a client could choose would let it in twice.
  const said = await answered(gate, { ...asked, attempt: crypto.randomUUID() });
  if (said === undefined)
    return refusal(503, "gate_unavailable", "The gate gave no answer. Try again with a new ticket.");
  if (said === LIMITED) return refusal(429, "rate_limited", "Too many requests. Try again later.");
  if (said.active !== true) {
    return refusal(401, "ticket_refused", "The ticket is unknown, expired, used, or was asked for elsewhere.");
  }
  const headers = new Headers(protocol === undefined ? {} : { "Sec-WebSocket-Protocol": protocol });
  return { grant: grantOf(said), protocol, headers };
}

/** The browser's address has had too many tickets refused. */
const LIMITED = Symbol("limited");

/** What the gate says; `undefined` where it says nothing. Asked twice at most: with the same attempt the answer is the same. */
async function answered(gate, presented) {
  const ask = typeof gate.redeem === "function" ? byBinding : byHttp;
  try {
    return await ask(gate, presented);
  } catch {
    // The reply may have been lost.
  }
  return ask(gate, presented).catch(() => undefined);
}

async function byBinding(gate, presented) {
  try {
    return await gate.redeem(presented);
  } catch (error) {
    if (/^rate_limited\b/.test(error.message)) return LIMITED;
    throw error;
  }
}

async function byHttp({ url, secret, timeoutMs = TIMEOUT_MS }, presented) {
  // Below the path that the gate may stand under.
  const answer = await fetch(`${String(url).replace(/\/$/, "")}/ws-ticket/redeem`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${secret}` },
    body: JSON.stringify(presented),
    // What answers in the gate's place, a login page above all, has no say.
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (answer.status === 429) return LIMITED;
  if (answer.status !== 200) throw new Error(`the gate answered ${answer.status}`);
  const said = await answer.json();
  if (typeof said?.active !== "boolean") throw new Error("what answered is no gate");
  return said;
}

const grantOf = ({ sub, room, claims, exp, iat, jti, sid, session_expires_at }) => ({
  subject: sub,
  room,
  claims: claims ?? {},
  issuedAt: new Date(iat * 1000),
  expiresAt: new Date(exp * 1000),
  ticketId: jti,
  session: sid,
  // A gate of version 0.1 knows no ends.
  sessionEndsAt: session_expires_at === undefined ? undefined : new Date(session_expires_at),
});
