// The gate's routes that a script can ask: /health and /ws-ticket. What a script can't see, the answer to an upgrade, is never guessed.

/** What the gate, or the way to it, refused. `status` is 0 where none was seen. */
export class Refusal extends Error {
  constructor({ status = 0, code = "no_answer", detail = "", retryAfter = null }) {
    super(code);
    Object.assign(this, { status, code, detail, retryAfter });
  }
}

/** Whatever failed, as a refusal. */
export const asRefusal = (error) => (error instanceof Refusal ? error : new Refusal({}));

/** Asks, or says that there was no answer. A gate never redirects: who does is a login in front of it. */
async function ask(route, init) {
  const response = await fetch(route, { ...init, redirect: "manual" }).catch(() => undefined);
  if (response === undefined) throw new Refusal({});
  if (response.type === "opaqueredirect") throw new Refusal({ code: "redirected" });
  return response;
}

/** A refusal of an answer that was read: the gate's own problem, or something that isn't the gate's. */
function refusalOf(response, answer) {
  const { code, detail } = typeof answer?.code === "string" ? answer : { code: "not_the_gate" };
  return new Refusal({ status: response.status, code, detail, retryAfter: response.headers.get("Retry-After") });
}

/** What `/health` says, or the `Refusal` that no gate answers. It costs no store call and counts towards no limit. */
export async function health() {
  const response = await ask("health");
  const answer = await response.json().catch(() => undefined);
  if (typeof answer?.status !== "string") throw refusalOf(response, answer);
  return answer;
}

/** Asks for a ticket: `{ answer, ms, until }`, or throws a `Refusal`. */
export async function requestTicket({ token, body }, signal) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const began = performance.now();
  const response = await ask("ws-ticket", { method: "POST", headers, body: JSON.stringify(body), signal });
  const answer = await response.json().catch(() => undefined);
  const ms = performance.now() - began;
  if (!response.ok || typeof answer?.ticket !== "string") throw refusalOf(response, answer);
  // Counted from before it was asked for, by this clock: the gate's may be another.
  return { answer, ms, until: began + answer.expires_in * 1000 };
}

/**
 * Why an upgrade failed, as far as HTTP tells: a `Refusal` that was seen, or nothing when the gate is there and serves. `limits`: asks
 * `/ws` too, which tells a rate limit first; that counts as one more refused upgrade, so it is asked only where a limit is likely.
 */
export async function whyNot({ limits = false } = {}) {
  let answer;
  try {
    answer = await health();
  } catch (error) {
    return asRefusal(error);
  }
  if (answer.status === "misconfigured") return new Refusal({ status: 500, code: "misconfigured" });
  const response = limits && answer.limits?.includes("refusal") ? await fetch("ws").catch(() => undefined) : undefined;
  if (response?.status !== 429) return undefined;
  return new Refusal({ status: 429, code: "rate_limited", retryAfter: response.headers.get("Retry-After") });
}

/** How to open a socket with a ticket: `{ url, protocols, ping }`; `ping` is what its session answers, where it does. */
export function opening({ url, ticket, ping }, carriage, below = "") {
  const target = new URL(url);
  target.pathname += below;
  target.searchParams.delete("ticket");
  if (carriage === "query") target.searchParams.set("ticket", ticket);
  return { url: target.href, protocols: carriage === "query" ? [] : ["ws-ticket.v1", ticket], ping };
}
