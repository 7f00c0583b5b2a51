// The wire, CORS: what a browser is told back, when its page's origin is allowed. `wire-origin.test.js` has the ones that aren't.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGates } from "./support/harness.js";
import { bearer, good, SECRET } from "./support/jwt.js";
import { assertProblem } from "./support/problem.js";

const APP = "https://app.example.com";
const ALSO = "http://localhost:3000";
const VARS = { TICKET_STORE: "kv", JWT_SECRET: SECRET };

describe("origins", () => {
  let gate;
  let closed;
  let own;
  before(async () => {
    [gate, closed] = await startGates([
      { vars: { ...VARS, ALLOWED_ORIGINS: `${APP},${ALSO}` }, edge: true },
      { vars: VARS, edge: true },
    ]);
    own = new URL(gate.url).origin;
  });
  after(() => gate?.close());

  const post = (at, origin, headers = {}) => at.post(undefined, { ...bearer(good()), ...origin, ...headers });
  const from = (origin) => ({ Origin: origin });
  const preflight = (at, origin, { path = "/ws-ticket", asks = "authorization,content-type", method = "POST" } = {}) =>
    at.request({
      method: "OPTIONS",
      path,
      headers: {
        ...from(origin),
        "Access-Control-Request-Method": method,
        ...(asks === undefined ? {} : { "Access-Control-Request-Headers": asks }),
      },
    });
  const vary = (answer) => (answer.headers.vary ?? "").split(",").map((name) => name.trim().toLowerCase());

  test("an allowed origin is echoed exactly, and caches are told that it matters", async () => {
    for (const origin of [APP, ALSO, own]) {
      const answer = await post(gate, from(origin));
      assert.equal(answer.status, 200, origin);
      assert.equal(answer.headers["access-control-allow-origin"], origin);
      assert.ok(vary(answer).includes("origin"));
      assert.equal(answer.headers["access-control-allow-credentials"], undefined);
      const { ticket } = answer.json;
      assert.equal(await gate.opens(ticket, { headers: from(origin) }), 101, origin);
    }
  });

  test("a page of an allowed origin can read a refusal, too", async () => {
    for (const [answer, status] of [
      [await gate.post(undefined, from(APP)), 401],
      [await post(gate, from(APP), { "Content-Type": "text/plain" }), 200],
      [await gate.post("[]", { ...from(APP), ...bearer(good()) }), 400],
      [await gate.request({ path: "/ws-ticket", headers: from(APP) }), 405],
    ]) {
      assert.equal(answer.status, status);
      assert.equal(answer.headers["access-control-allow-origin"], APP, `on ${status}`);
      assert.ok(vary(answer).includes("origin"), `on ${status}`);
    }
  });

  test("a program sends no origin, and passes", async () => {
    for (const at of [gate, closed]) {
      const answer = await post(at, {});
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["access-control-allow-origin"], undefined);
      assert.equal(await at.opens(answer.json.ticket), 101);
    }
  });

  test("the gate's own origin is always allowed, by host, port and scheme", async () => {
    // Straight to the Worker, whatever the URL.
    for (const [url, origin, status] of [
      ["http://gate.example:8080", "http://gate.example:8080", 200],
      ["http://gate.example:8080", "https://gate.example:8080", 403],
      ["http://gate.example:8080", "http://gate.example", 403],
      ["http://gate.example:8080", "http://x.gate.example:8080", 403],
      ["https://gate.example", "https://gate.example", 200],
      ["https://gate.example", "http://gate.example", 403],
      ["https://gate.example", "https://gate.example:443", 403],
    ]) {
      const headers = { ...bearer(good()), Origin: origin };
      const answer = await gate.direct(`${url}/ws-ticket`, { method: "POST", headers });
      assert.equal(answer.status, status, `${origin} at ${url}`);
    }
  });

  test("with nothing allowed, only the gate's own", async () => {
    const at = closed.headers.Host;
    assert.equal((await post(closed, from(`http://${at}`))).status, 200);
    assertProblem(await post(closed, from(APP)), 403, "origin_refused");
    assertProblem(await post(closed, from("null")), 403, "origin_refused");
  });

  test("a preflight of an allowed origin: 204, what may be sent, and no store call", async () => {
    for (const origin of [APP, ALSO, own]) {
      await gate.edge();
      const answer = await preflight(gate, origin);
      assert.equal(answer.status, 204);
      assert.equal(answer.text, "");
      assert.equal(answer.headers["access-control-allow-origin"], origin);
      assert.match(answer.headers["access-control-allow-methods"], /^POST$/);
      const names = answer.headers["access-control-allow-headers"].toLowerCase().split(/\s*,\s*/);
      assert.deepEqual(names.sort(), ["authorization", "content-type"]);
      assert.deepEqual(vary(answer).sort(), ["access-control-request-headers", "origin"]);
      assert.deepEqual(await gate.calls(), {});
    }
  });

  test("a page of an allowed origin may send any header: what is asked for is answered", async () => {
    for (const [asks, allowed] of [
      ["authorization,baggage,content-type,sentry-trace", "authorization, baggage, content-type, sentry-trace"],
      ["x-requested-with", "x-requested-with"],
      ["X-Requested-With", "X-Requested-With"],
      ["traceparent , tracestate,", "traceparent, tracestate"],
      ["!#$%&'*+-.^_`|~9", "!#$%&'*+-.^_`|~9"],
      [
        Array.from({ length: 64 }, (_, i) => `x-${i}`).join(),
        Array.from({ length: 64 }, (_, i) => `x-${i}`).join(", "),
      ],
    ]) {
      const answer = await preflight(gate, APP, { asks });
      assert.equal(answer.status, 204, asks);
      assert.equal(answer.headers["access-control-allow-headers"], allowed);
    }
    // Only POST is allowed, whatever is asked for; the browser draws its conclusion.
    for (const method of ["PUT", "post", "x y", ""]) {
      const answer = await preflight(gate, APP, { method });
      assert.deepEqual([answer.status, answer.headers["access-control-allow-methods"]], [204, "POST"]);
    }
  });

  test("what a preflight asks for in vain is told to the page: 400, and no name comes back", async () => {
    for (const asks of [
      "a b",
      "authorization;q=1",
      "authorization, content type",
      '"authorization"',
      "x:y",
      "caf\xe9",
      Array.from({ length: 65 }, (_, i) => `x-${i}`).join(),
      "x".repeat(4097),
    ]) {
      const answer = await preflight(gate, APP, { asks });
      assertProblem(answer, 400, "preflight_malformed");
      assert.equal(answer.headers["access-control-allow-origin"], APP);
      assert.equal(answer.headers["access-control-allow-headers"], undefined);
    }
  });

  test("a page that is not allowed is told nothing, whatever it asks for", async () => {
    for (const asks of ["authorization", "a b", undefined]) {
      const answer = await preflight(gate, "https://evil.example", { asks });
      assertProblem(answer, 403, "origin_refused");
      const told = Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"));
      assert.deepEqual(told, []);
    }
  });

  test("the socket's route has no preflight: browsers send none for it", async () => {
    const answer = await preflight(gate, APP, { path: "/ws" });
    assertProblem(answer, 405, "method_not_allowed");
  });
});
