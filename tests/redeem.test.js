// POST /ws-ticket/redeem, and the entrypoint `Redeem`: whose ticket is this, answered yes once. The laws run through it too
// (`laws.test.js`); here is who may ask, what is answered, what may be asked again, and what the connecting browser's own words do.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { redis, upstash } from "./support/backing.js";
import { REDEEM_SECRET as SECRET } from "./support/doors.js";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { bearer, inSeconds, SECRET as JWT_SECRET, mint } from "./support/jwt.js";
import { assertMisconfigured, assertProblem, assertRefused, assertUnavailable } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { rows, SEAL_KEY } from "./support/rows.js";
import { strange } from "./support/tickets.js";
import { Witness } from "./support/witness.js";

report();

const APP = "https://app.example.com";
const BEFORE = "the secret before it, of 32 bytes or more";
const VARS = { ...DEVELOPMENT, TICKET_STORE: "durable", REDEEM_SECRET: SECRET };
const NOBODYS = '{"active":false}';
const attempt = () => randomUUID();
const ask = (ticket, more = {}) => ({ ticket, attempt: attempt(), ...more });

describe("who may ask", () => {
  let gates;
  before(async () => {
    gates = await startGates([
      { vars: { ...VARS, REDEEM_SECRET_PREVIOUS: BEFORE }, edge: true },
      { vars: { ...VARS, REDEEM_SECRET: "" }, edge: true },
    ]);
  });
  after(() => gates?.[0].close());

  test("one of two secrets, and nobody else; whoever is refused asks no store and burns nothing", async () => {
    const [gate] = gates;
    const { ticket } = await gate.issue();
    await gate.edge();
    for (const Authorization of [
      undefined,
      "",
      SECRET,
      `Basic ${Buffer.from(`x:${SECRET}`).toString("base64")}`,
      "Bearer",
      `Bearer ${SECRET}x`,
      `Bearer ${SECRET.slice(0, -1)}`,
      `Bearer ${SECRET.toUpperCase()}`,
      `Bearer ${ticket}`,
      `Bearer ${SECRET}, Bearer ${SECRET}`,
    ]) {
      const headers = Authorization === undefined ? {} : { Authorization };
      const answer = await gate.redeem(ask(ticket), { headers });
      assertProblem(answer, 401, "redeem_refused", { never: [SECRET, ticket] });
      assert.equal(answer.headers["www-authenticate"], "Bearer");
      refused();
    }
    assert.deepEqual(await gate.calls(), {});
    for (const secret of [SECRET, BEFORE]) {
      const answer = await gate.redeem(ask((await gate.issue()).ticket), { secret });
      assert.equal(answer.json.active, true);
    }
    assert.equal((await gate.redeem(ask(ticket), { secret: SECRET })).json.active, true);
  });

  test("without a secret there is no such route, by any method", async () => {
    const [, closed] = gates;
    const { ticket } = await closed.issue();
    assertProblem(await closed.redeem(ask(ticket), { secret: SECRET }), 404, "not_found");
    for (const path of ["/ws-ticket/redeem", "/ws-ticket/redeem/"])
      for (const method of ["GET", "POST", "PUT", "OPTIONS"])
        assertProblem(await closed.request({ method, path }), 404, "not_found");
    assert.equal(await closed.opens(ticket), 101);
  });

  test("a secret that is short, or another setting's too, stops the gate", async () => {
    for (const [vars, names] of [
      [{ REDEEM_SECRET: "short" }, ["REDEEM_SECRET"]],
      [{ REDEEM_SECRET: "", REDEEM_SECRET_PREVIOUS: BEFORE }, ["REDEEM_SECRET_PREVIOUS"]],
      [{ TICKET_KEY: SECRET }, ["REDEEM_SECRET", "TICKET_KEY"]],
    ]) {
      const gate = await startGate({ vars: { ...VARS, ...vars } });
      try {
        await assertMisconfigured(gate, names);
      } finally {
        await gate.close();
      }
    }
  });
});

describe("what is answered", () => {
  let gates;
  let gate;
  let caller;
  before(async () => {
    const login = { IDENTITY: "jwt", JWT_SECRET, TICKET_CLAIMS: "name" };
    gates = await startGates([
      { vars: { ...VARS, ...login, ALLOWED_ORIGINS: APP, BIND: "cookie" }, edge: true, limits: { REFUSAL_LIMIT: 3 } },
      { main: "tests/fixtures/redeemer.js", binds: { GATE: "Redeem" } },
    ]);
    [gate, caller] = gates;
  });
  after(() => gate?.close());

  const token = (claims) => mint({ sub: "alice", exp: inSeconds(3600), ...claims });
  /** A ticket of a page's, with the cookie that came with it. */
  async function issue(body, claims) {
    const answer = await gate.post(body, { Origin: APP, ...bearer(token(claims)) });
    assert.equal(answer.status, 200, answer.text);
    return { ...answer.json, cookie: answer.headers["set-cookie"][0].split(";")[0] };
  }
  const redeem = (presented, more) => gate.redeem(presented, { secret: SECRET, ...more });
  /** The same by the binding: what it answers, or what it throws. */
  async function byBinding(presented) {
    const headers = { "Content-Type": "application/json" };
    const path = "/__edge-of-a-test";
    return (await caller.request({ method: "POST", path, headers, body: JSON.stringify(presented) })).json;
  }

  for (const [door, asked] of [
    ["POST", async (presented) => (await redeem(presented)).json],
    ["the binding", byBinding],
  ]) {
    test(`${door}: who it is, once; then nobody's`, async () => {
      const { ticket, cookie, expires_at } = await issue({ room: "lobby" }, { name: "Alice" });
      const presented = ask(ticket, { origin: APP, cookie });
      gate.forgetLines();
      const answer = await asked(presented);
      const { iat, jti, session_expires_at, ...rest } = answer;
      // The login's end, an hour from when it was signed.
      assert.ok(Math.abs(Date.parse(session_expires_at) - (Date.parse(expires_at) + 3300e3)) < 5000);
      const exp = Math.floor(Date.parse(expires_at) / 1000);
      const sid = presented.attempt;
      assert.deepEqual(rest, { active: true, sub: "alice", room: "lobby", claims: { name: "Alice" }, exp, sid });
      assert.equal(exp - iat, 300);
      assert.match(jti, /^[0-9a-f-]{36}$/);
      const [told] = await gate.eventually(({ event }) => event === "consumed");
      assert.deepEqual([told.ticket_id, told.session], [jti, sid]);
      // The reply was lost: the same server asks again for the same connection.
      assert.deepEqual(await asked(presented), answer);
      assert.equal(JSON.stringify(await asked({ ...presented, attempt: attempt() })), NOBODYS);
      const headers = { Origin: APP, Cookie: cookie };
      assertRefused(await gate.upgrade(ticket, { headers }));
    });

    test(`${door}: what a program gets who leaves the browser out, and a page's ticket that is presented so is burnt`, async () => {
      const bare = await gate.post(undefined, bearer(token()));
      const [own] = bare.headers["set-cookie"][0].split(";");
      assert.equal((await asked(ask(bare.json.ticket, { cookie: own }))).active, true);
      for (const wrong of [{}, { origin: APP }, { origin: null, cookie: "a=b" }]) {
        const { ticket, cookie } = await issue();
        assert.equal(JSON.stringify(await asked(ask(ticket, wrong))), NOBODYS);
        assert.equal(JSON.stringify(await asked(ask(ticket, { origin: APP, cookie }))), NOBODYS);
        refused(2);
      }
    });

    test(`${door}: an origin that isn't allowed burns nothing`, async () => {
      const { ticket, cookie } = await issue();
      for (const origin of ["https://evil.example", "null", "", `${APP}/`]) {
        assert.equal(JSON.stringify(await asked(ask(ticket, { origin, cookie }))), NOBODYS, origin);
        refused();
      }
      assert.equal((await asked(ask(ticket, { origin: APP, cookie }))).active, true);
    });

    test(`${door}: an outage is no "no"`, async () => {
      const { ticket, cookie } = await issue();
      const presented = ask(ticket, { origin: APP, cookie });
      await gate.edge({ shard: { fetch: { how: "throw" } } });
      if (door === "POST") assertUnavailable(await redeem(presented));
      else assert.match((await byBinding(presented)).thrown, /^store_unavailable: /);
      await gate.edge();
      assert.equal((await asked(presented)).active, true);
    });
  }

  test("a bad call is told so, asks no store and burns nothing", async () => {
    const { ticket, cookie } = await issue();
    await gate.edge();
    const good = ask(ticket, { origin: APP, cookie });
    for (const bad of [
      "",
      "[]",
      "null",
      JSON.stringify(ticket),
      { ticket },
      { attempt: attempt() },
      { ...good, attempt: "1" },
      { ...good, attempt: 1 },
      { ...good, ticket: [ticket] },
      { ...good, origin: 1 },
      { ...good, address: "not an address" },
      { ...good, more: true },
      JSON.stringify(good).slice(0, -1),
    ]) {
      assertProblem(await redeem(bad), 400, "body_malformed", { never: [ticket] });
      refused();
    }
    assertProblem(await redeem(good, { headers: { "Content-Type": "text/plain" } }), 415, "media_type_unsupported");
    assertProblem(await redeem({ ...good, cookie: "x".repeat(17_000) }), 413, "body_too_large");
    const bearing = { Authorization: `Bearer ${SECRET}` };
    for (const method of ["GET", "PUT", "OPTIONS"]) {
      const answer = await gate.request({ method, path: "/ws-ticket/redeem", headers: bearing });
      assertProblem(answer, 405, "method_not_allowed");
      assert.equal(answer.headers.allow, "POST");
    }
    assert.match((await byBinding({ ticket })).thrown, /^body_malformed: /);
    assert.match((await byBinding(null)).thrown, /^body_malformed: /);
    assert.match((await byBinding({ ...good, cookie: "x".repeat(17_000) })).thrown, /^body_too_large: /);
    assert.deepEqual(await gate.calls(), {});
    // A whole browser's cookies, and a long body at that.
    assert.equal((await redeem({ ...good, cookie: `${"a=b; ".repeat(2000)}${cookie}` })).json.active, true);
  });

  test("what is no ticket, or nobody's, is nobody's to the byte; the log knows why", async () => {
    const { ticket, cookie, expires_at } = await issue();
    const late = await issue();
    await redeem(ask(ticket, { origin: APP, cookie }));
    const answers = [];
    gate.forgetLines();
    for (const text of ["", "x", `${ticket}x`, strange("d0"), strange("zz9"), ticket])
      answers.push(await redeem(ask(text, { origin: APP, cookie })));
    await gate.edge({ clock: Date.parse(expires_at) + 60_000 });
    answers.push(await redeem(ask(late.ticket, { origin: APP, cookie: late.cookie })));
    await gate.edge();
    for (const { status, text, headers } of answers) {
      assert.deepEqual([status, text, headers["cache-control"]], [200, NOBODYS, "no-store"]);
      refused();
    }
    const told = await gate.eventually(({ event }) => event === "refused", answers.length);
    assert.ok(told.every(({ route, status }) => route === "redeem" && status === 200));
    const reasons = new Set(told.map(({ reason }) => reason));
    for (const reason of ["ticket_malformed", "forged", "used", "expired"]) assert.ok(reasons.has(reason), reason);
  });

  test("refusals count for the browser's address, which then waits before anything is looked at", async () => {
    const address = "203.0.113.77";
    const statuses = [];
    for (let time = 0; time < 5; time += 1) statuses.push((await redeem(ask(strange("d0"), { address }))).status);
    assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
    const { ticket, cookie } = await issue();
    const good = ask(ticket, { origin: APP, cookie });
    assertProblem(await redeem({ ...good, address }), 429, "rate_limited");
    assert.match((await byBinding({ ...good, address })).thrown, /^rate_limited: /);
    assert.equal((await redeem({ ...good, address: "2001:db8::1" })).json.active, true);
  });
});

/** The stores that know an attempt again; the others have forgotten the ticket with the first answer. */
const REPEATS = {
  memory: false,
  "kv+ledger": true,
  durable: true,
  "sealed+ledger": true,
  redis: false,
  upstash: false,
};

for (const row of rows.filter(({ name }) => name in REPEATS)) {
  test(`asking again with the same attempt, ${row.name}`, async () => {
    const backing = await { redis, upstash }[row.name]?.();
    const gate = await startGate({ vars: { ...row.vars, ...backing?.vars, REDEEM_SECRET: SECRET }, edge: true });
    try {
      const { ticket } = await gate.issue();
      const presented = ask(ticket);
      const [first, again] = [
        await gate.redeem(presented, { secret: SECRET }),
        await gate.redeem(presented, { secret: SECRET }),
      ];
      assert.equal(first.json.active, true);
      assert.equal(again.text, REPEATS[row.name] ? first.text : NOBODYS);
      // The upgrade's attempts are the gate's own: nobody comes in by knowing this one.
      assertRefused(await gate.upgrade(ticket));
    } finally {
      await gate.close();
      await backing?.close();
    }
  });
}

test("two doors race for one ticket, and one opens", async () => {
  for (const store of ["durable", "kv", "sealed", "memory"]) {
    const vars = { ...VARS, TICKET_STORE: store, SEAL_KEY };
    const gates = await startGates([
      { vars, edge: true },
      { vars, edge: true, shares: true },
    ]);
    const reach = store === "memory" ? gates.slice(0, 1) : gates;
    try {
      for (let round = 0; round < 20; round += 1) {
        const { ticket } = await gates[0].issue();
        const asked = Array.from({ length: 20 }, async (_, n) => {
          const gate = reach[n % reach.length];
          if (n % 4 < 2) return Number((await gate.opens(ticket)) === 101);
          return Number((await gate.redeem(ask(ticket), { secret: SECRET })).json.active);
        });
        const admitted = (await Promise.all(asked)).reduce((all, one) => all + one, 0);
        assert.equal(admitted, 1, store);
      }
    } finally {
      await gates[0].close();
    }
  }
});

test("planted secrets: neither the secret, nor a ticket, nor a cookie comes out", async () => {
  const witness = new Witness();
  const [secret, old] = [witness.secret("REDEEM_SECRET"), witness.secret("REDEEM_SECRET_PREVIOUS")];
  const gates = await startGates([
    {
      vars: { ...VARS, REDEEM_SECRET: secret, REDEEM_SECRET_PREVIOUS: old, BIND: "cookie", ALLOWED_ORIGINS: APP },
      edge: true,
    },
    { vars: { ...VARS, REDEEM_SECRET: `"${secret}"`, REDEEM_SECRET_PREVIOUS: old.slice(0, 31) } },
  ]);
  const [gate, broken] = gates;
  try {
    const see = (asking) => witness.see("POST /ws-ticket/redeem", asking);
    for (const wrong of [witness.secret("a wrong secret"), secret.slice(1), undefined]) {
      const { ticket } = (await witness.see("POST /ws-ticket", gate.post(undefined, { Origin: APP }))).json;
      await see(gate.redeem(ask(ticket), { secret: wrong }));
      await see(gate.redeem(ask(ticket, { cookie: `x=${witness.secret("a cookie")}` }), { secret }));
      await see(gate.redeem(ask(ticket, { more: witness.secret("a member") }), { secret }));
      await see(gate.redeem(`{"ticket":"${ticket}`, { secret: old }));
      await gate.edge({ shard: { fetch: { how: "throw", says: witness.secret("an error's text") } } });
      await see(gate.redeem(ask(ticket, { origin: APP }), { secret }));
      await gate.edge();
      await see(gate.redeem(ask(ticket), { secret }));
      await see(broken.redeem(ask(ticket), { secret }));
      const [uri, cookie] = [`/socket?ticket=${ticket}&x=${witness.secret("a parameter")}`, witness.secret("a cookie")];
      const proxied = { Authorization: `Bearer ${wrong ?? secret}`, "X-Original-URI": uri, "X-Request-ID": attempt() };
      const auth = { path: "/ws-ticket/auth", headers: { ...proxied, Cookie: `x=${cookie}`, Origin: APP } };
      for (const at of [gate, broken]) await witness.see("GET /ws-ticket/auth", at.request(auth));
    }
    await witness.collect(gates);
    assert.deepEqual(witness.finds(), []);
  } finally {
    await gate.close();
  }
});
