// The store `sealed`: tickets that carry their grant in themselves. The laws hold it to what every store owes; here is what is its own.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { dump } from "./support/dump.js";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { bearer, inSeconds, mint, SECRET } from "./support/jwt.js";
import { assertMisconfigured, assertProblem, assertRefused } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { SEAL_KEY } from "./support/rows.js";
import { altered, parts, SEALED, strange } from "./support/tickets.js";

report();

const APP = "https://app.example.com";
const VARS = { ...DEVELOPMENT, TICKET_STORE: "sealed", SEAL_KEY };
const ANOTHER = "another key to seal tickets with, as long";
/** More than a ticket of 512 characters can carry. */
const LARGE = { sub: "s".repeat(256), room: "r".repeat(128) };

describe("what a sealed ticket carries", () => {
  let gates;
  let gate;
  before(async () => {
    const jwt = { IDENTITY: "jwt", JWT_SECRET: SECRET, TICKET_CLAIMS: "name,roles", ALLOWED_ORIGINS: APP };
    gates = await startGates([
      { vars: VARS, edge: true },
      // Another isolate, as in another part of the world: it has the key, and the same shards.
      { vars: VARS, edge: true, shares: true },
      { vars: { ...VARS, ...jwt, BIND: "cookie", TICKET_CARRIAGE: "subprotocol", TICKET_KEY: ANOTHER }, edge: true },
    ]);
    gate = gates[0];
  });
  after(() => gate?.close());

  test("to issue it nothing is asked and nothing is kept; any isolate opens it at once", async () => {
    await gate.edge();
    const before = JSON.stringify(await dump(gate));
    const { ticket, url } = await gate.issue({ sub: "alice", room: "lobby" });
    assert.deepEqual(await gate.calls(), {});
    assert.equal(JSON.stringify(await dump(gate)), before);
    assert.ok(url.endsWith(`?ticket=${ticket}`));
    await gates[1].edge();
    const answer = await gates[1].upgrade(ticket);
    assert.equal(answer.status, 101);
    const { subject, room } = await answer.message();
    assert.deepEqual([subject, room], ["alice", "lobby"]);
    await answer.leave();
    assert.deepEqual(await gates[1].calls(), { "shard.fetch": 1 });
    for (const other of gates.slice(0, 2)) assertRefused(await other.upgrade(ticket));
  });

  test("its length tells the contents to 32 bytes, and nothing of them can be read", async () => {
    const length = async (sub) => (await gate.issue({ sub })).ticket.length;
    // A step of 32 bytes is 43 characters or 42; within one, all are as long.
    const lengths = await Promise.all(Array.from({ length: 64 }, (_, n) => length("s".repeat(n + 1))));
    assert.ok(new Set(lengths).size <= 3, `${[...new Set(lengths)]}`);
    const { ticket } = await gate.issue({ sub: "alice-in-the-clear" });
    const bytes = Buffer.from(parts(ticket).secret, "base64url").toString("latin1");
    for (const text of ["alice", "clear", "http"]) assert.ok(!bytes.includes(text));
    const [one, two] = [await gate.issue({ sub: "a" }), await gate.issue({ sub: "a" })];
    // Version and key are the same; from the nonce on nothing is.
    const [first, second] = [one, two].map(({ ticket }) => Buffer.from(parts(ticket).secret, "base64url"));
    assert.deepEqual(first.subarray(0, 5), second.subarray(0, 5));
    const same = [...first.subarray(5)].filter((byte, at) => byte === second[at + 5]).length;
    assert.ok(same < 12, `${same} bytes of two tickets are the same`);
  });

  test("the login's claims, the origin and the cookie, in a subprotocol; the check is its own", async () => {
    const strict = gates[2];
    const claims = { name: "Alice Example", roles: ["admin", "editor"] };
    const token = mint({ sub: "auth0|507f1f77bcf86cd799439011", exp: inSeconds(600), ...claims });
    const issue = async () => {
      const answer = await strict.post({ room: "team-42/general" }, { Origin: APP, ...bearer(token) });
      assert.equal(answer.status, 200, answer.text);
      const { ticket, protocols } = answer.json;
      assert.ok(ticket.length <= 512 && parts(ticket).home === SEALED, `${ticket.length} characters`);
      assert.deepEqual(protocols, ["ws-ticket.v1", ticket]);
      return { ticket, Cookie: answer.headers["set-cookie"][0].split(";")[0] };
    };
    const open = ({ ticket, ...headers }) =>
      strict.upgrade("", { query: "", headers: { "Sec-WebSocket-Protocol": `ws-ticket.v1, ${ticket}`, ...headers } });
    const good = await issue();
    const answer = await open({ ...good, Origin: APP });
    assert.equal(answer.status, 101);
    const welcome = await answer.message();
    assert.deepEqual(welcome.claims, claims);
    await answer.leave();
    // Burnt by who presents it from elsewhere.
    for (const wrong of [{ Origin: "" }, { Cookie: "" }]) {
      const other = await issue();
      const without = Object.fromEntries(Object.entries({ ...other, Origin: APP, ...wrong }).filter(([, v]) => v));
      assertRefused(await open(without));
      assertRefused(await open({ ...other, Origin: APP }));
      refused(2);
    }
  });

  test("one that has expired costs no call, however often it comes", async () => {
    const now = Date.now();
    await gate.edge({ clock: now });
    const { ticket, expires_in } = await gate.issue();
    await gate.edge({ clock: now + expires_in * 1000 });
    gate.forgetLines();
    for (let again = 0; again < 5; again += 1) assertRefused(await gate.upgrade(ticket));
    assert.deepEqual(await gate.calls(), {});
    const events = await gate.eventually(({ event }) => event === "refused", 5);
    assert.deepEqual([...new Set(events.map(({ reason }) => reason))], ["expired"]);
    await gate.edge();
  });

  test("what nobody sealed costs no call, and is told as forged", async () => {
    await gate.edge();
    gate.forgetLines();
    const { ticket } = await gate.issue();
    for (const other of [
      strange(SEALED),
      altered(ticket, 0),
      altered(ticket, 3),
      altered(ticket, 60),
      altered(ticket, 100),
    ])
      assertRefused(await gate.upgrade(other));
    assert.deepEqual(await gate.calls(), {});
    const told = await gate.eventually(({ event }) => event === "refused", 5);
    assert.deepEqual([...new Set(told.map(({ reason }) => reason))], ["forged"]);
    const asked = gate.events().filter(({ operation }) => operation === "consume");
    assert.deepEqual([...new Set(asked.map(({ outcome }) => outcome))], ["forged"]);
    assert.equal(await gate.opens(ticket), 101);
  });
});

describe("a change of keys", () => {
  test("in two steps refuses nobody; a key that is gone opens nothing", async () => {
    const gate = await startGate({ vars: VARS, edge: true });
    try {
      const before = [await gate.issue(), await gate.issue()];
      await gate.redeploy({ SEAL_KEY: ANOTHER, SEAL_KEY_PREVIOUS: SEAL_KEY });
      assert.equal(await gate.opens(before[0].ticket), 101);
      const fresh = [await gate.issue(), await gate.issue()];
      assert.equal(await gate.opens(fresh[0].ticket), 101);
      await gate.redeploy({ SEAL_KEY: ANOTHER, SEAL_KEY_PREVIOUS: "" });
      await gate.edge();
      assertRefused(await gate.upgrade(before[1].ticket));
      assert.deepEqual(await gate.calls(), {});
      assert.equal(await gate.opens(fresh[1].ticket), 101);
      assertRefused(await gate.upgrade(before[0].ticket));
      // Out of the list, with its key still there: tickets that are out open, and no other is sealed.
      const out = await gate.issue();
      await gate.redeploy({ TICKET_STORE: "memory" });
      assert.notEqual(parts((await gate.issue()).ticket).home, SEALED);
      for (const status of [101, 401]) assert.equal(await gate.opens(out.ticket), status);
    } finally {
      await gate.close();
    }
  });
});

describe("what doesn't fit", () => {
  test("is refused where nothing else is named, and is no failure of the store", async () => {
    const gate = await startGate({ vars: VARS, edge: true });
    try {
      await gate.edge();
      const answer = await gate.post(LARGE);
      assertProblem(answer, 422, "grant_too_large");
      assert.deepEqual(await gate.calls(), {});
      const [asked] = await gate.eventually(({ event, operation }) => event === "store" && operation === "issue");
      assert.deepEqual([asked.outcome, asked.level], ["too_large", "info"]);
      assert.equal((await gate.health()).status, "ok");
      assert.equal(await gate.opens((await gate.issue()).ticket), 101);
    } finally {
      await gate.close();
    }
  });

  test("goes to the next store of the list, for as often as it comes, and nobody is alarmed", async () => {
    const gate = await startGate({ vars: { ...VARS, TICKET_STORE: "sealed,durable" }, edge: true });
    try {
      for (let again = 0; again < 3; again += 1) {
        const [large, small] = [await gate.issue(LARGE), await gate.issue()];
        assert.match(parts(large.ticket).home, /^d/);
        assert.equal(parts(small.ticket).home, SEALED);
        const answer = await gate.upgrade(large.ticket);
        assert.equal(answer.status, 101);
        const { subject, room } = await answer.message();
        assert.deepEqual({ sub: subject, room }, LARGE);
        await answer.leave();
        assertRefused(await gate.upgrade(large.ticket));
        for (const status of [101, 401]) assert.equal(await gate.opens(small.ticket), status);
      }
      const loud = gate.events().filter(({ level }) => level !== "info");
      assert.deepEqual(loud, []);
      // While the second is down too, another time may be better.
      await gate.edge({ shard: { fetch: { how: "throw" } } });
      assertProblem(await gate.post(LARGE), 503, "store_unavailable");
    } finally {
      await gate.close();
    }
  });
});

test("settings that can't work stop the gate, and say what would", async () => {
  for (const [vars, names, without] of [
    [{ SEAL_KEY: undefined }, ["SEAL_KEY"]],
    [{}, ["TICKET_SHARD"], ["TICKET_SHARD"]],
    [{ SEAL_KEY: "short" }, ["SEAL_KEY"]],
    [{ TICKET_KEY: SEAL_KEY }, ["SEAL_KEY", "TICKET_KEY"]],
    [{ SEAL_KEY_PREVIOUS: "short" }, ["SEAL_KEY_PREVIOUS"]],
    [{ SEAL_KEY: undefined, SEAL_KEY_PREVIOUS: ANOTHER, TICKET_STORE: "memory" }, ["SEAL_KEY_PREVIOUS"]],
  ]) {
    const gate = await startGate({ vars: { ...VARS, ...vars }, without });
    try {
      await assertMisconfigured(gate, names);
    } finally {
      await gate.close();
    }
  }
});
