// Telemetry: one JSON line for each thing that happened, exact where the client was told little, and never a secret.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { bearer, good, inSeconds, mint, SECRET } from "./support/jwt.js";
import { TIMEOUT_MAX_MS } from "./support/pace.js";
import { kvKey, parts, strange } from "./support/tickets.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const LEVELS = ["info", "warn", "alert"];
const is = (event) => (each) => each.event === event;

for (const store of ["memory", "kv"]) {
  describe(`telemetry, TICKET_STORE=${store}`, () => {
    let gate;
    before(async () => {
      gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: store }, edge: true });
    });
    after(() => gate?.close());

    /** The one event of this name that `act` causes. */
    async function one(name, act) {
      gate.forgetLines();
      await act();
      const found = await gate.eventually(is(name));
      assert.equal(found.length, 1, `${found.length} lines for one thing`);
      return found[0];
    }

    /** Issues a ticket and learns its id. */
    async function known() {
      let issued;
      const { ticket_id } = await one("issued", async () => {
        issued = await gate.issue();
      });
      return { ...issued, ticket_id };
    }
    const refused = (ticket) => one("refused", () => gate.opens(ticket));

    test("issued and consumed: a line each, with one id, which is not the ticket", async () => {
      const { ticket, ticket_id } = await known();
      assert.match(ticket_id, UUID);
      const consumed = await one("consumed", () => gate.opens(ticket));
      assert.equal(consumed.ticket_id, ticket_id);
      assert.equal(consumed.level, "info");
      const times = gate.events().flatMap(({ ms }) => (ms === undefined ? [] : [ms]));
      assert.ok(times.length > 0, "no line says how long it took");
      for (const ms of times) assert.ok(Number.isInteger(ms) && ms >= 0 && ms < 10_000, `${ms} ms`);
    });

    test("used, expired and unknown: three reasons inside for one answer outside", async () => {
      const used = await known();
      await gate.opens(used.ticket);
      assert.equal((await refused(used.ticket)).reason, "used");
      const old = await known();
      await gate.edge({ clock: Date.parse(old.expires_at) });
      const expired = await refused(old.ticket);
      await gate.edge();
      assert.deepEqual([expired.reason, expired.ticket_id], ["expired", old.ticket_id]);
      const { home } = parts(used.ticket);
      for (const ticket of [strange(home), strange("zz9")]) {
        const unknown = await refused(ticket);
        assert.deepEqual([unknown.reason, unknown.ticket_id ?? null], ["unknown", null]);
        assert.equal(unknown.level, "info");
      }
    });

    test("a cheap check that fails is named by the code that the client got", async () => {
      const post = (body, headers) => () => gate.post(body, headers);
      for (const [code, act] of [
        ["method_not_allowed", () => gate.request({ method: "PUT", path: "/ws-ticket" })],
        ["method_not_allowed", () => gate.request({ method: "POST", path: "/ws" })],
        ["upgrade_required", () => gate.request({ path: "/ws" })],
        ["origin_refused", () => gate.upgrade(strange("k"), { headers: { Origin: "https://evil.example" } })],
        ["origin_refused", post(undefined, { Origin: "https://evil.example" })],
        ["ticket_missing", () => gate.upgrade("", { query: "" })],
        ["ticket_malformed", () => gate.upgrade("x")],
        ["ticket_repeated", () => gate.upgrade("", { query: "ticket=x&ticket=y" })],
        ["body_malformed", post("[]")],
        ["body_too_large", post("x".repeat(5000))],
        ["media_type_unsupported", post("{}", { "Content-Type": "text/plain" })],
      ]) {
        let answer;
        const event = await one("refused", async () => {
          answer = await act();
        });
        assert.deepEqual([event.reason, event.level], [code, "info"]);
        assert.equal(answer.json.code, code);
      }
    });

    test("every line of the log is one JSON object with an event and a level, and holds no ticket", async () => {
      gate.forgetLines();
      const issued = await Promise.all(Array.from({ length: 10 }, () => gate.issue({ sub: "alice" })));
      const nobody = strange(parts(issued[0].ticket).home);
      for (const { ticket } of issued) await gate.opens(ticket);
      for (const { ticket } of [...issued, { ticket: nobody }]) await gate.opens(ticket);
      await gate.opens("", { query: `ticket=${nobody}&ticket=${nobody}` });
      await gate.opens(nobody.slice(0, -1));
      await gate.eventually(is("issued"), 10);
      await gate.eventually(is("consumed"), 10);
      await gate.eventually(is("refused"), 13);
      for (const line of gate.lines()) {
        const event = JSON.parse(line);
        assert.ok(typeof event.event === "string" && LEVELS.includes(event.level), line);
        assert.ok(!line.includes("\n"), "one event, one line");
        for (const ticket of [...issued.map((each) => each.ticket), nobody]) {
          const { secret } = parts(ticket);
          for (let at = 0; at + 12 <= secret.length; at += 6) {
            assert.ok(!line.includes(secret.slice(at, at + 12)), `a piece of a ticket is in ${line}`);
          }
        }
      }
    });

    test("a quick operation is no warning", () => {
      assert.deepEqual(
        gate.events().filter(({ level }) => level !== "info"),
        [],
      );
    });
  });
}

describe("telemetry of what goes wrong", () => {
  const started = [];
  async function start(vars, without) {
    const gate = await startGate({ vars, without, edge: true });
    started.push(gate);
    return gate;
  }
  after(() => Promise.all(started.map((gate) => gate.close())));

  test("a refused caller: a reason of its own, and nothing of the token or the secret", async () => {
    const gate = await start({ TICKET_STORE: "kv", JWT_SECRET: SECRET });
    const claims = { sub: "recognisable-subject", exp: inSeconds(600) };
    const reasons = [];
    const tokens = [
      undefined,
      "not-a-token",
      mint(claims, { secret: "another-secret-of-thirty-two-byte" }),
      mint({ ...claims, exp: inSeconds(-600) }),
      mint(claims, { header: { alg: "HS512" }, signWith: "HS512" }),
    ];
    for (const token of tokens) {
      gate.forgetLines();
      assert.equal((await gate.post(undefined, token === undefined ? {} : bearer(token))).status, 401);
      const [event] = await gate.eventually(is("refused"));
      assert.ok(typeof event.reason === "string" && event.reason !== "", "no reason");
      reasons.push(event.reason);
      for (const line of gate.lines()) {
        const pieces = (token ?? "").split(".").filter((piece) => piece.length > 8);
        for (const text of [...pieces, SECRET, "recognisable"])
          assert.ok(!line.includes(text), `${text} is in ${line}`);
      }
    }
    const [missing, malformed, forged, expired] = reasons;
    assert.equal(new Set([missing, malformed, forged, expired]).size, 4, `not told apart: ${reasons}`);
    gate.forgetLines();
    await gate.post(undefined, bearer(good("recognisable-subject")));
    await gate.eventually(is("issued"));
    for (const line of gate.lines()) assert.ok(!line.includes(SECRET) && !line.includes("eyJ"), line);
  });

  test("a store that fails: store_failed, not info, with nothing of the ticket; and no consumed", async () => {
    const gate = await start({ ...DEVELOPMENT, TICKET_STORE: "kv" });
    const { ticket } = await gate.issue();
    const throws = { how: "throw" };
    for (const [act, plan] of [
      [() => gate.opens(ticket), { kv: { get: throws, getWithMetadata: throws } }],
      [() => gate.opens(ticket), { shard: { fetch: throws } }],
      [() => gate.post(), { kv: { put: throws } }],
    ]) {
      await gate.edge(plan);
      gate.forgetLines();
      await act();
      const [event] = await gate.eventually(is("store_failed"));
      assert.ok(["warn", "alert"].includes(event.level), event.level);
      assert.deepEqual(gate.events().filter(is("consumed")), []);
      for (const line of gate.lines()) assert.ok(!line.includes(parts(ticket).secret.slice(0, 12)), line);
    }
    await gate.edge();
    await (await gate.kv()).put(kvKey(ticket), "not a record");
    gate.forgetLines();
    assert.equal((await gate.upgrade(ticket)).status, 500);
    const [event] = await gate.eventually(({ level }) => level !== "info");
    assert.ok(!JSON.stringify(event).includes("not a record"));
  });

  test("an operation over 100 ms is a warning that says how long it took", async () => {
    const gate = await start({ ...DEVELOPMENT, TICKET_STORE: "kv" });
    const late = { how: "late", ms: 300 };
    const slow = ({ level, ms }) => level === "warn" && typeof ms === "number" && ms > 100 && ms <= TIMEOUT_MAX_MS;
    const { ticket } = await gate.issue();
    for (const [act, plan] of [
      [() => gate.issue(), { kv: { put: late } }],
      [() => gate.opens(ticket), { kv: { get: late, getWithMetadata: late } }],
      [async () => gate.opens((await gate.issue()).ticket), { shard: { fetch: late } }],
    ]) {
      await gate.edge(plan);
      gate.forgetLines();
      await act();
      await gate.eventually(slow);
    }
  });

  test("falling to memory in production is an alert, once a start and not once a request", async () => {
    const gate = await start({ JWT_SECRET: SECRET }, ["WS_TICKETS_KV"]);
    for (let i = 0; i < 5; i += 1) assert.equal((await gate.health()).status, "degraded");
    const [event] = await gate.eventually(is("fallback_to_memory"));
    assert.equal(event.level, "alert");
    await gate.post(undefined, bearer(good()));
    await gate.eventually(is("issued"));
    assert.equal(gate.events().filter(is("fallback_to_memory")).length, 1);
  });

  test("memory by choice in development is no alert", async () => {
    const gate = await start({ ...DEVELOPMENT, TICKET_STORE: "memory" });
    await gate.issue();
    await gate.eventually(is("issued"));
    assert.deepEqual(
      gate.events().filter(({ level }) => level === "alert"),
      [],
    );
  });

  test("a gate that is misconfigured says so, by name", async () => {
    const gate = await start({ JWT_SECRET: "recognisable-short", TICKET_TTL_SECONDS: "recognisable-ttl" });
    await gate.request({ path: "/health" });
    const [event] = await gate.eventually(({ level }) => level === "alert");
    const line = JSON.stringify(event);
    assert.ok(line.includes("JWT_SECRET") && line.includes("TICKET_TTL_SECONDS"), line);
    for (const each of gate.lines()) assert.ok(!each.includes("recognisable"), each);
  });
});
