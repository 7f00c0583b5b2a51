// What is remembered of an end and of a session, for how long, and by whom: shards of other versions, other numbers of shards, other
// subjects, and a session that was prolonged.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { control, TOKEN } from "./support/control.js";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { enter, silent } from "./support/hub.js";
import { assertProblem, assertRefused } from "./support/problem.js";
import { startRedis } from "./support/redis-server.js";
import { rows } from "./support/rows.js";

const REVOKED = [4401, "session_revoked"];
const ADMIN = { ADMIN_TOKEN: TOKEN };
const how = ({ code, reason }) => [code, reason];

describe("what is remembered of a session", () => {
  for (const row of rows.filter(({ name }) => ["memory", "durable", "redis", "upstash"].includes(name))) {
    test(`lasts as long as it can be prolonged, ${row.name}`, async () => {
      const backing = await row.back?.();
      const vars = { ...row.vars, ...backing?.vars, SESSION: "hub", SESSION_MAX_SECONDS: "4", ...ADMIN };
      const gate = await startGate({ vars });
      try {
        const { peer, welcome } = await enter(gate, { sub: "alice", room: "long" });
        const first = Date.parse(welcome.session_expires_at);
        const moved = await control(gate, "/sessions/extend", { subject: "alice", seconds: 3600 });
        assert.deepEqual(moved.json, { sessions: 1 });
        const { type, session_expires_at } = JSON.parse(await peer.next());
        assert.equal(type, "renewed");
        assert.equal(Date.parse(session_expires_at) - first, 4000, "twice the longest session, and no longer");
        while (Date.now() < first + 1000) await new Promise((resolve) => setTimeout(resolve, 100));
        assert.deepEqual((await control(gate, "/sessions/end", { subject: "alice" })).json, { sessions: 1 });
        assert.deepEqual(how(await peer.closed), REVOKED);
      } finally {
        await gate.close();
        await backing?.close();
      }
    });
  }

  test("an end of one subject leaves the ends of others in memory", async () => {
    const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "memory", SESSION: "hub", ...ADMIN } });
    try {
      const { ticket } = await gate.issue({ sub: "alice" });
      await control(gate, "/sessions/end", { subject: "alice" });
      await control(gate, "/sessions/end", { subject: "bob", block_seconds: 86_400 });
      assertRefused(await gate.upgrade(ticket));
    } finally {
      await gate.close();
    }
  });

  test("a ticket that has expired is not said to be revoked", async () => {
    const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv", ...ADMIN }, edge: true });
    try {
      const [{ ticket }, now] = [await gate.issue({ sub: "alice" }), Date.now()];
      await gate.edge({ clock: now + 300_001 });
      const { status, json } = await control(gate, "/ws-ticket/revoke", { ticket });
      assert.deepEqual([status, json], [200, { revoked: false }]);
    } finally {
      await gate.close();
    }
  });

  test("whoever was in more rooms than are closed at once is out of all, asked again and again", async () => {
    const vars = { ...DEVELOPMENT, TICKET_STORE: "durable", SESSION: "hub", ...ADMIN };
    const gate = await startGate({ vars, without: ["ISSUE_LIMIT", "REFUSAL_LIMIT"] });
    try {
      const members = [];
      for (let n = 0; n < 510; n += 1) {
        const member = await enter(gate, { sub: "alice", room: `room-${n}` });
        if (n % 50 === 0) members.push(member.peer);
        else await member.peer.close();
      }
      const { ticket } = await gate.issue({ sub: "alice" });
      let asked = 0;
      for (; members.some(({ ws }) => ws.readyState === WebSocket.OPEN); asked += 1) {
        assert.ok(asked < 20);
        // On a machine that is slow enough one of 500 rooms may not answer in time.
        const ended = await control(gate, "/sessions/end", { subject: "alice" });
        assert.equal(ended.status, 503);
        assert.ok(["store_unavailable", "room_unavailable"].includes(ended.json.code));
      }
      assert.ok(asked > 0);
      for (const { closed } of members) assert.deepEqual(how(await closed), REVOKED);
      assertRefused(await gate.upgrade(ticket));
    } finally {
      await gate.close();
    }
  });

  test("a Redis user who may do less than a ticket needs is found out before there is a ticket", async () => {
    const may = "~wst:* +set +eval +get +del +pexpireat +sadd +smembers +expire +ttl";
    const redis = await startRedis({
      users: [`all on >secret ${may}`, `less on >secret ${may.replace(" +sadd", "")}`],
    });
    const vars = (user) => ({
      ...DEVELOPMENT,
      TICKET_STORE: "redis",
      REDIS_URL: redis.urlFor({ user, password: "secret" }),
      SESSION: "hub",
      ...ADMIN,
    });
    const [less, all] = await startGates([{ vars: vars("less") }, { vars: vars("all") }]);
    try {
      const refused = await less.request({ method: "POST", path: "/ws-ticket", json: { sub: "alice" } });
      assertProblem(refused, 503, "store_unavailable");
      assert.equal(await all.opens((await all.issue({ sub: "alice" })).ticket), 101);
    } finally {
      await less.close();
      await redis.stop();
    }
  });
});

test("a session that opened after the number of shards was changed is ended by a gate of before it, too", async () => {
  const vars = { ...DEVELOPMENT, TICKET_STORE: "kv", SESSION: "hub", ...ADMIN };
  const [changed, before] = await startGates([
    { vars: { ...vars, TICKET_SHARDS: "7", TICKET_SHARDS_PREVIOUS: "1" } },
    { vars: { ...vars, TICKET_SHARDS: "1" }, shares: true },
  ]);
  try {
    for (let n = 0; n < 6; n += 1) {
      const { peer } = await enter(changed, { sub: `back-${n}` });
      const ended = await control(before, "/sessions/end", { subject: `back-${n}` });
      assert.deepEqual(ended.json, { sessions: 1 });
      assert.deepEqual(how(await peer.closed), REVOKED);
    }
  } finally {
    await changed.close();
  }
});

describe("versions meet", () => {
  let [gate, changed] = [];
  before(async () => {
    const vars = { ...DEVELOPMENT, TICKET_STORE: "kv", SESSION: "hub", ...ADMIN, TICKET_SHARDS: "1" };
    [gate, changed] = await startGates([
      { vars, edge: true },
      { vars: { ...vars, TICKET_SHARDS: "7", TICKET_SHARDS_PREVIOUS: "1" }, edge: true, shares: true },
    ]);
  });
  after(() => gate?.close());

  test("a gate that doesn't say whose ticket it claims is refused while an end is remembered, and not before", async () => {
    const { TICKET_SHARD } = await gate.worker.getEnv();
    const claim = async () => {
      const path = `/claim/${randomUUID()}/${randomUUID()}/${Date.now() + 60_000}`;
      return (await TICKET_SHARD.get(TICKET_SHARD.idFromName("shard-0")).fetch(`https://shard${path}`)).status;
    };
    assert.equal(await claim(), 230);
    await control(gate, "/sessions/end", { subject: "somebody" });
    assert.equal(await claim(), 234);
    const { ticket } = await gate.issue({ sub: "somebody else" });
    assert.equal(await gate.opens(ticket), 101);
  });

  test("a shard that can't remember where a session is opens none", async () => {
    const { ticket } = await gate.issue({ sub: "unremembered" });
    await gate.edge({ shard: { fetch: { how: "answer", status: 230 } } });
    assertRefused(await gate.upgrade(ticket));
    await gate.edge();
  });

  test("an end that was told before the number of shards was changed holds for tickets of after it", async () => {
    // Told to the one shard that there was; a block, since tickets of after it would else open.
    for (let n = 0; n < 6; n += 1) {
      const sub = `blocked-${n}`;
      assert.equal((await control(gate, "/sessions/end", { subject: sub, block_seconds: 60 })).status, 200);
      assertRefused(await changed.upgrade((await changed.issue({ sub })).ticket));
    }
  });

  test("a room that is asked what it doesn't know ends nobody", async () => {
    const member = await enter(gate, { sub: "alice", room: "asked" });
    const { TICKET_ROOM } = await gate.worker.getEnv();
    const room = TICKET_ROOM.getByName(`room-${createHash("sha256").update("room:asked").digest("hex")}`);
    for (const ask of ["end", "endTicket", "extend", "list"]) await assert.rejects(room[ask]({ newer: 1 }), ask);
    assert.equal((await room.list({})).length, 1);
    await silent(member);
  });

  test("a shard that knows no ends makes an end fail, and nothing is said to be ended", async () => {
    await gate.edge({ shard: { fetch: { how: "answer", status: 234 } } });
    const ended = await control(gate, "/sessions/end", { subject: "alice" });
    assertProblem(ended, 503, "store_unavailable");
    await gate.edge();
  });

  test("one shard that gives no answer makes it fail, too; asked again it holds", async () => {
    const { ticket } = await gate.issue({ sub: "hugo" });
    for (const how of ["throw", "lost"]) {
      await gate.edge({ shard: { fetch: { how, only: "shard-0weur" } } });
      assertProblem(await control(gate, "/sessions/end", { subject: "hugo" }), 503, "store_unavailable");
    }
    await gate.edge();
    assert.equal((await control(gate, "/sessions/end", { subject: "hugo" })).status, 200);
    assertRefused(await gate.upgrade(ticket));
  });

  test("tickets from before a change of the number of shards are ended as well, and open otherwise", async () => {
    for (let n = 0; n < 6; n += 1) {
      const sub = `mover-${n}`;
      const [one, two] = [await gate.issue({ sub }), await gate.issue({ sub })];
      assert.equal(await changed.opens(one.ticket), 101);
      assert.equal((await control(changed, "/sessions/end", { subject: sub })).status, 200);
      assertRefused(await changed.upgrade(two.ticket));
    }
  });

  test("an end asks one shard in each of twelve regions, and writes a row in each", async () => {
    await gate.edge();
    const before = (await gate.shardRows()).filter(({ table }) => table === "ends").length;
    await control(gate, "/sessions/end", { subject: "counted" });
    assert.deepEqual(await gate.calls(), { "shard.fetch": 12 });
    assert.equal((await gate.shardRows()).filter(({ table }) => table === "ends").length - before, 12);
  });

  test("what is remembered of an end is forgotten when no ticket can be alive that it means", async () => {
    const far = Date.now() + 2 * 3_600_000;
    await gate.edge({ clock: far });
    await gate.shardAlarms({ run: true });
    assert.deepEqual(
      (await gate.shardRows()).filter(({ table }) => table === "ends"),
      [],
    );
    await gate.edge();
  });
});

test("behind an upstream or an echo the tickets end, and the sockets are said to be out of reach", async () => {
  const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "durable", SESSION: "echo", ...ADMIN } });
  try {
    const { ticket } = await gate.issue({ sub: "alice" });
    assert.deepEqual((await control(gate, "/sessions/end", { subject: "alice" })).json, { sessions: null });
    assertRefused(await gate.upgrade(ticket));
  } finally {
    await gate.close();
  }
});
