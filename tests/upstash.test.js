// What is special to the store `upstash` while all goes well: what it asks, and what the Redis then holds. The faults are in
// `upstash-faults.test.js`, the laws of every store in `laws.test.js`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { until } from "./support/pace.js";
import { assertUnavailable } from "./support/problem.js";
import { rounds } from "./support/race.js";
import { startRedis } from "./support/redis-server.js";
import { digest, parts, strange } from "./support/tickets.js";
import { startBridge } from "./support/upstash-bridge.js";

let redis;
let bridge;
let gate;
const gateOf = (vars) => {
  return startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "upstash", ...bridge.vars, ...vars } });
};
before(async () => {
  redis = await startRedis();
  bridge = await startBridge(redis.url, { token: "t0ken-of-the-bridge" });
  gate = await gateOf();
});
after(async () => {
  await gate?.close();
  await bridge?.close();
  await redis?.stop();
});

test("says what it is, and admits a ticket once, with one request for each operation but the first", async () => {
  const { status, store, guarantee, reach } = await gate.health();
  assert.deepEqual([status, store, guarantee, reach], ["ok", "upstash", "single-use", "global"]);
  bridge.forget();
  const { ticket } = await gate.issue({ sub: "alice", room: 'łobby ✓ "' });
  assert.equal(parts(ticket).home, "u");
  const socket = await gate.upgrade(ticket);
  assert.equal(socket.status, 101);
  const { subject, room } = await socket.message();
  assert.deepEqual([subject, room], ["alice", 'łobby ✓ "']);
  await socket.leave();
  for (const refused of [ticket, strange("u")]) assert.equal(await gate.opens(refused), 401);
  // The first ticket of an isolate comes with a probe, at the same time.
  const [first, ...later] = [bridge.commands.slice(0, 2).sort(), ...bridge.commands.slice(2)];
  assert.deepEqual([bridge.requests, first, later], [5, ["GETDEL", "SET"], ["GETDEL", "GETDEL", "GETDEL"]]);
  bridge.forget();
  await gate.issue();
  assert.deepEqual(bridge.commands, ["SET"]);
  for (const foreign of [strange("r"), strange("k")]) assert.equal(await gate.opens(foreign), 401);
  assert.equal(bridge.requests, 1, "a ticket of another home costs nothing");
});

test("what Redis holds can't be presented, ends with the ticket, and goes with it", async () => {
  await redis.flush();
  const { ticket, expires_in } = await gate.issue({ sub: "alice" });
  const [{ key, value, ttl }, ...more] = await redis.entries();
  assert.deepEqual([key, more], [`wst:${digest(ticket)}`, []]);
  assert.ok(ttl > expires_in - 5 && ttl <= expires_in, `${ttl} seconds`);
  for (const part of [ticket, parts(ticket).secret]) assert.ok(!(key + value).includes(part));
  assert.equal(await gate.opens(ticket), 101);
  assert.deepEqual(await redis.entries(), []);
  const brief = await gateOf({ TICKET_TTL_SECONDS: "1" });
  try {
    await brief.issue();
  } finally {
    await brief.close();
  }
  await until(async () => (await redis.entries()).length === 0, "it is forgotten");
});

test("fifty racing connections: exactly one", async () => {
  const issue = async () => (await gate.issue()).ticket;
  const { one, other } = await rounds({ count: 10, targets: [gate], connections: 50, issue });
  assert.deepEqual([one, other], [10, {}]);
});

test("a wrong token is an outage, not a refusal of the caller, and is said nowhere", async () => {
  const { ticket } = await gate.issue();
  const wrong = await gateOf({ UPSTASH_REDIS_REST_TOKEN: "an0ther-token" });
  try {
    assertUnavailable(await wrong.post());
    assertUnavailable(await wrong.upgrade(ticket));
    const failed = await wrong.eventually(({ event }) => event === "store_failed", 2);
    const seen = failed.map(({ operation, step, reason }) => [operation, step, reason]);
    assert.deepEqual(seen, [
      ["issue", "upstash.set", "wrongpass"],
      ["consume", "upstash.getdel", "wrongpass"],
    ]);
    const log = wrong.lines().join("\n");
    for (const word of ["an0ther-token", ticket]) assert.ok(!log.includes(word));
  } finally {
    await wrong.close();
  }
  assert.equal(await gate.opens(ticket), 101);
});

test("a record that can't be read is 500, and one of another kind no answer", async () => {
  const [corrupt, list] = [await gate.issue(), await gate.issue()];
  await redis.command("SET", `wst:${digest(corrupt.ticket)}`, "{}", "EX", 60);
  assert.equal((await gate.upgrade(corrupt.ticket)).json.code, "record_corrupt");
  await redis.command("DEL", `wst:${digest(list.ticket)}`);
  await redis.command("LPUSH", `wst:${digest(list.ticket)}`, "x");
  assert.equal(await gate.opens(list.ticket), 503);
});
