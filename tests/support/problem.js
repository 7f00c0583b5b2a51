// What every refusal of the gate looks like: RFC 9457 problem details with a stable code.
import assert from "node:assert/strict";

const MEMBERS = ["code", "detail", "status", "title", "type"];

/** Asserts the status, the form and the code of a refusal, and that it repeats nothing of `never`. */
export function assertProblem(answer, status, code, { never = [] } = {}) {
  assert.equal(answer.status, status, `${answer.status} ${answer.text}`);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  const problem = answer.json;
  assert.deepEqual(Object.keys(problem).sort(), MEMBERS);
  assert.equal(problem.type, "about:blank");
  assert.equal(problem.status, status);
  if (code !== undefined) assert.ok([code].flat().includes(problem.code), `code is ${problem.code}, not ${code}`);
  for (const member of ["title", "detail"]) {
    assert.equal(typeof problem[member], "string");
    assert.notEqual(problem[member].trim(), "", `${member} says nothing`);
  }
  const all = answer.rawHeaders.join("\n") + answer.text;
  for (const text of never) assert.ok(!all.includes(text), `the answer repeats ${JSON.stringify(text)}`);
  return problem;
}

/** Asserts the one 401 of a ticket that opens nothing. */
export function assertRefused(answer) {
  return assertProblem(answer, 401, "ticket_refused");
}

/** All of an answer as one text, to compare two: status, headers in their order (but not the moment, `Date`) and body. */
export function bytesOf(answer) {
  const { rawHeaders } = answer;
  const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1]]] : []));
  return JSON.stringify([answer.status, pairs.filter(([name]) => name !== "date"), answer.text]);
}

/** Asserts that a gate refuses to start because of just these settings, and shows nothing of `never`. */
export async function assertMisconfigured(gate, names, { never = [] } = {}) {
  const answer = await gate.request({ path: "/health" });
  assert.equal(answer.status, 500, answer.text);
  const found = [...new Set(answer.json.problems.map(({ name }) => name))].sort();
  assert.deepEqual(found, [names].flat().sort());
  const refusals = [await gate.post(), await gate.upgrade("x")];
  for (const refusal of refusals) assertProblem(refusal, 500, "misconfigured", { never });
  for (const text of never) assert.ok(!answer.text.includes(text), "/health shows what was set");
}

/** Asserts "ask again later": the store gave no answer. */
export function assertUnavailable(answer) {
  const problem = assertProblem(answer, 503, "store_unavailable");
  assert.match(answer.headers["retry-after"] ?? "", /^[1-9][0-9]*$/, "Retry-After in whole seconds");
  return problem;
}
