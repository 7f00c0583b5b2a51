// The wire, origins: who is told by a browser where it comes from, and what the browser is told back.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGates } from "./support/harness.js";
import { bearer, good, SECRET } from "./support/jwt.js";
import { assertProblem } from "./support/problem.js";

const APP = "https://app.example.com";
const ALSO = "http://localhost:3000";
const VARS = { TICKET_STORE: "kv", JWT_SECRET: SECRET };

const REFUSED = [
  ["a longer host", "https://app.example.com.evil.example"],
  ["a host that ends like it", "https://evil-app.example.com"],
  ["a host below it", "https://x.app.example.com"],
  ["the host above it", "https://example.com"],
  ["another scheme", "http://app.example.com"],
  ["another port", "https://app.example.com:8443"],
  ["its default port, spelled out", "https://app.example.com:443"],
  ["no port where one is listed", "http://localhost"],
  ["another port than the listed one", "http://localhost:3001"],
  ["a longer port", "http://localhost:30000"],
  ["capitals", "HTTPS://APP.EXAMPLE.COM"],
  ["a host in capitals", "https://App.Example.com"],
  ["a slash after it", "https://app.example.com/"],
  ["a path", "https://app.example.com/chat"],
  ["a user", "https://eve@app.example.com"],
  ["null", "null"],
  ["a star", "*"],
  ["nothing at all", ""],
  ["the whole list", `${APP},${ALSO}`],
  ["two origins", `${APP} ${ALSO}`],
  ["a dot after it", "https://app.example.com."],
  ["a letter that looks the same", "https://аpp.example.com"],
];

describe("origins", { timeout: 60_000 }, () => {
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
  // Node writes a header's characters as single bytes, and an empty one is lost on the way (see `faulty-entry.js`).
  const from = (origin) =>
    origin === ""
      ? { "x-edge-headers": JSON.stringify({ origin }) }
      : { Origin: Buffer.from(origin, "utf8").toString("latin1") };
  const preflight = (at, origin, path = "/ws-ticket") =>
    at.request({
      method: "OPTIONS",
      path,
      headers: {
        ...from(origin),
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
      },
    });
  const vary = (answer) => (answer.headers.vary ?? "").split(",").map((name) => name.trim().toLowerCase());
  const noCors = (answer) => {
    const names = Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"));
    assert.deepEqual(names, [], "CORS headers for an origin that is not allowed");
  };

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
    // Straight to the Worker: the proxy in front of it would rewrite an origin of its own host.
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
      const answer = await gate.worker.fetch(`${url}/ws-ticket`, { method: "POST", headers });
      assert.equal(answer.status, status, `${origin} at ${url}`);
    }
  });

  for (const [what, origin] of REFUSED) {
    test(`refuses ${what}`, async () => {
      const { ticket } = (await post(gate, {})).json;
      await gate.edge();
      const issuing = await post(gate, from(origin));
      assertProblem(issuing, 403, "origin_refused", { never: origin.length > 4 ? [origin] : [] });
      noCors(issuing);
      const asking = await preflight(gate, origin);
      assertProblem(asking, 403, "origin_refused");
      noCors(asking);
      assertProblem(await gate.upgrade(ticket, { headers: from(origin) }), 403, "origin_refused");
      assert.deepEqual(await gate.calls(), {}, "a refused origin reached a store");
      assert.equal(await gate.opens(ticket, { headers: from(APP) }), 101, "a refused origin burned the ticket");
    });
  }

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
      assert.ok(vary(answer).includes("origin"));
      assert.deepEqual(await gate.calls(), {});
    }
  });

  test("the socket's route has no preflight: browsers send none for it", async () => {
    const answer = await preflight(gate, APP, "/ws");
    assertProblem(answer, 405, "method_not_allowed");
  });
});
