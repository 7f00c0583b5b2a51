// One request for a ticket, seen from all sides: whom the gate took the caller for, or how it refused and what it kept to itself.
import assert from "node:assert/strict";
import { assertProblem } from "./problem.js";
import { refused } from "./refused.js";

const CHALLENGES = { identity_missing: /^Bearer$/, identity_refused: /^Bearer error="invalid_token"$/ };
/** The answer to each kind of refusal of a page, which is the same in every byte, whatever the reason. */
const seen = new Map();

/** The welcome of a socket whose ticket was asked for with these headers. */
export async function welcomed(gate, headers, body) {
  const { ticket } = await gate.issue(body, headers);
  const session = await gate.upgrade(ticket, { headers: { Origin: headers?.Origin } });
  assert.equal(session.status, 101);
  const welcome = await session.message();
  await session.leave();
  return welcome;
}

/**
 * Asserts that a request for a ticket is refused with this status, code and, in the log alone, this reason; that no store was
 * called; and that nothing of what was sent stands in the answer or in the log. `clock` stops every clock at that millisecond.
 */
export async function refuses(gate, headers, expected, { clock, body, never = [] } = {}) {
  const { status = 401, code = "identity_refused", reason = code } = expected;
  await gate.edge({ clock });
  gate.forgetLines();
  const answer = await gate.post(body, headers);
  assertProblem(answer, status, code);
  const events = await gate.eventually(({ event }) => event === "refused");
  const found = events.map((event) => [event.route, event.status, event.reason]);
  assert.deepEqual(found, [["ws-ticket", status, reason]]);
  assert.equal(answer.headers["cache-control"], "no-store");
  if (status === 401) assertChallenge(gate, answer, code);
  if (status === 503) assert.equal(answer.headers["retry-after"], "5");
  assert.deepEqual(await gate.calls(), {}, "a refused caller reached a store");
  assertSame(gate, answer, `${code} ${headers?.Origin}`);
  assertSecret(gate, answer, [...pieces(headers), ...never]);
  refused();
  return answer;
}

function assertChallenge(gate, answer, code) {
  const challenge = answer.headers["www-authenticate"] ?? "";
  const jwt = (gate.config.vars.IDENTITY || "jwt") === "jwt";
  assert.match(challenge, jwt ? CHALLENGES[code] : /\S/);
}

function assertSame(gate, answer, what) {
  const kind = `${gate.config.vars.IDENTITY} ${what}`;
  const headers = answer.rawHeaders.join("\n").replace(/\nDate\n[^\n]*/i, "");
  const text = `${answer.status}\n${headers}\n${answer.text}`;
  assert.equal(text, seen.get(kind) ?? text, "the answer tells reasons apart");
  seen.set(kind, text);
}

function assertSecret(gate, answer, texts) {
  const all = [answer.rawHeaders.join("\n"), answer.text, ...gate.lines()].join("\n");
  for (const text of texts) assert.ok(!all.includes(text), `${text} is shown`);
}

/** What a credential is made of; shorter pieces prove nothing. */
function pieces(headers) {
  const secret = ["Authorization", "Cookie", "Cf-Access-Jwt-Assertion"];
  const texts = secret.flatMap((name) => headers[name] ?? []);
  return texts.flatMap((text) => text.split(/[\s.,;="]+/)).filter((piece) => piece.length >= 12);
}
