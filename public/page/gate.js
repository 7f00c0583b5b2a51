// The gate's routes that a script can ask: /health and /ws-ticket.

/** What the gate, or the way to it, refused. */
export class Refusal extends Error {
  constructor({ status = 0, code = "no_answer", detail = "", retryAfter = null }) {
    super(code);
    Object.assign(this, { status, code, detail, retryAfter });
  }
}

/** Whatever failed, as a refusal. */
export const asRefusal = (error) => (error instanceof Refusal ? error : new Refusal({ code: "no_answer" }));

/** What `/health` says; `undefined` when nothing answers. */
export async function health() {
  try {
    return await (await fetch("/health")).json();
  } catch {
    return undefined;
  }
}

/** Asks for a ticket: `{ answer, ms, until }`, or throws a `Refusal`. */
export async function requestTicket({ token, body }, signal) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const began = performance.now();
  let response;
  try {
    response = await fetch("/ws-ticket", { method: "POST", headers, body: JSON.stringify(body), signal });
  } catch {
    throw new Refusal({});
  }
  const answer = await response.json().catch(() => ({}));
  const ms = performance.now() - began;
  if (!response.ok) {
    const { code = "no_answer", detail } = answer;
    throw new Refusal({ status: response.status, code, detail, retryAfter: response.headers.get("Retry-After") });
  }
  // Counted from before it was asked for, by this clock: the gate's may be another.
  return { answer, ms, until: began + answer.expires_in * 1000 };
}

/** How to open a socket with a ticket: `{ url, protocols }`. */
export function opening({ url, ticket }, carriage) {
  const target = new URL(url);
  target.searchParams.delete("ticket");
  if (carriage === "query") target.searchParams.set("ticket", ticket);
  return { url: target.href, protocols: carriage === "query" ? [] : ["ws-ticket.v1", ticket] };
}

/** Why upgrades are refused, as far as a script can find out: one without an upgrade is told of a rate limit first. */
export async function upgradesLimited() {
  const response = await fetch("/ws").catch(() => undefined);
  if (response?.status !== 429) return undefined;
  return new Refusal({ status: 429, code: "rate_limited", retryAfter: response.headers.get("Retry-After") });
}
