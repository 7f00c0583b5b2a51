// The wire, refusals: routes and methods that are not there, and the one form and the codes that every refusal has.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { assertProblem, assertRefused, assertUnavailable } from "./support/problem.js";
import { kvKey, parts } from "./support/tickets.js";

describe("problems", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv" }, edge: true });
  });
  after(() => gate?.close());

  for (const path of [
    "/",
    "/ws//",
    "/ws-ticket//",
    "/WS",
    "/health/x",
    "/ws-tickets",
    "//ws",
    "/ws%2F",
    "/.env",
    "/secret",
  ]) {
    test(`${path} is not there: 404, for every method`, async () => {
      await gate.edge();
      for (const method of ["GET", "POST", "PUT", "DELETE"]) {
        const answer = await gate.request({ method, path });
        assertProblem(answer, 404, "not_found", { never: path.length > 3 ? [path] : [] });
      }
      assert.deepEqual(await gate.calls(), {});
    });
  }

  test("an upgrade anywhere else is not there either, and burns nothing", async () => {
    const { ticket } = await gate.issue();
    for (const path of ["/", "/ws//", "/socket"]) {
      assertProblem(await gate.upgrade(ticket, { path }), 404, "not_found", { never: [ticket] });
    }
    assert.equal(await gate.opens(ticket), 101);
  });

  test("methods: 405 with what is allowed", async () => {
    const names = (answer) => answer.headers.allow.split(/\s*,\s*/).sort();
    for (const method of ["GET", "PUT", "PATCH", "DELETE", "TRACE"]) {
      const answer = await gate.request({ method, path: "/ws-ticket" });
      assertProblem(answer, 405, "method_not_allowed");
      assert.deepEqual(names(answer), ["OPTIONS", "POST"]);
    }
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const answer = await gate.request({ method, path: "/health" });
      assertProblem(answer, 405, "method_not_allowed");
      assert.ok(names(answer).includes("GET"), answer.headers.allow);
    }
  });

  test("a query does not change a route", async () => {
    assert.equal((await gate.request({ path: "/health?x=1" })).status, 200);
    assert.equal((await gate.request({ method: "POST", path: "/ws-ticket?ticket=1" })).status, 200);
  });

  test("a record that can't be read: 500 record_corrupt, not 401, and what it holds is not shown", async () => {
    const kv = await gate.kv();
    for (const record of [
      "not JSON eve",
      "{}",
      '{"sub":"eve"}',
      "[]",
      "null",
      '"eve"',
      "",
      '{"sub":"eve"'.repeat(99),
    ]) {
      const { ticket } = await gate.issue({ sub: "alice" });
      assert.ok(await kv.get(kvKey(ticket)), "the grant stands under the digest of the whole ticket");
      await kv.put(kvKey(ticket), record, { expirationTtl: 60 });
      const answer = await gate.upgrade(ticket);
      assertProblem(answer, 500, "record_corrupt", { never: ["eve", parts(ticket).secret] });
      assert.equal(answer.headers["retry-after"], undefined, "asking again will not help");
    }
  });

  test("a record under another ticket's key opens nothing but that ticket", async () => {
    const kv = await gate.kv();
    const [one, two] = [await gate.issue({ sub: "one" }), await gate.issue({ sub: "two" })];
    await kv.delete(kvKey(one.ticket));
    assertRefused(await gate.upgrade(one.ticket));
    assert.equal(await gate.opens(two.ticket), 101);
  });

  test("a store that gives no answer: 503 with Retry-After, and the ticket opens when it is back", async () => {
    const { ticket } = await gate.issue();
    await gate.edge({ kv: { get: { how: "throw" }, getWithMetadata: { how: "throw" }, put: { how: "throw" } } });
    for (const answer of [await gate.upgrade(ticket), await gate.post()]) {
      assertUnavailable(answer);
      assert.doesNotMatch(answer.text, /KV|500|Internal|kv\.|WS_TICKETS/, "the store's own words are shown");
    }
    await gate.edge();
    assert.equal(await gate.opens(ticket), 101);
  });

  test("a store that is late is waited for", async () => {
    const { ticket } = await gate.issue();
    await gate.edge({ kv: { get: { how: "late", ms: 400 } }, shard: { fetch: { how: "late", ms: 400 } } });
    assert.equal(await gate.opens(ticket), 101);
    await gate.edge();
    assertRefused(await gate.upgrade(ticket));
  });

  test("a stranger's headers and a long query do no harm", async () => {
    const { ticket } = await gate.issue();
    const headers = { "X-Forwarded-Host": "evil.example", "X-Original-URL": "/admin", Cookie: "a".repeat(4000) };
    const query = `x=${"%41".repeat(2000)}&ticket=${ticket}`;
    assert.equal(await gate.opens(ticket, { headers, query }), 101);
  });
});
