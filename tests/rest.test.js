// A store that hangs rests: after three calls in a row without an answer everybody else is told 503 at once, one call now and then
// finds out, and nothing is burnt meanwhile. The clock stands still where a test doesn't move it; deadlines are real.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { assertUnavailable } from "./support/problem.js";
import { startRedis } from "./support/redis-server.js";
import { startProxy } from "./support/tcp-proxy.js";
import { parts } from "./support/tickets.js";
import { startBridge } from "./support/upstash-bridge.js";

const hangs = { how: "hang" };
const settings = (store, vars) => ({ ...DEVELOPMENT, TICKET_STORE: store, STORE_TIMEOUT_MS: "300", ...vars });
const options = (store, vars) => ({ vars: settings(store, { TICKET_TTL_SECONDS: "3600", ...vars }), edge: true });
const hour = 3_600_000;
/** A moment that lies an hour after the last one that a test had: whatever rested has done so. */
let now = Date.now();

let redis;
let proxy;
let bridge;
let gates;
before(async () => {
  redis = await startRedis();
  proxy = await startProxy(redis.url);
  bridge = await startBridge(redis.url);
  gates = await startGates([
    options("kv", { TICKET_SHARDS: "2" }),
    options("durable", { TICKET_SHARDS: "2" }),
    options("redis", { REDIS_URL: proxy.url }),
    options("upstash", bridge.vars),
    options("redis,memory", { REDIS_URL: proxy.url }),
  ]);
});
beforeEach(async () => {
  now += hour;
  await proxy.heal();
  await bridge.heal();
});
after(async () => {
  await gates?.[0].close();
  await proxy?.close();
  await bridge?.close();
  await redis?.stop();
});

const clockOf = (gate, ms, plan = {}) => gate.edge({ ...plan, clock: now + ms });
const issue = async (gate, count) => {
  const tickets = [];
  for (let i = 0; i < count; i += 1) tickets.push((await gate.issue()).ticket);
  return tickets;
};

/** 503, and why: what telemetry says of the operation. */
async function why(gate, ask) {
  gate.forgetLines();
  const answer = await ask();
  assertUnavailable(answer);
  const [{ step, reason }] = await gate.eventually(({ event }) => event === "store_failed");
  return [step, reason, answer.headers["retry-after"]];
}

/** Each of these is asked and gives no answer; the third is one too many. */
async function hang(gate, tickets, step) {
  for (const ticket of tickets) assert.deepEqual(await why(gate, () => gate.upgrade(ticket)), [step, "timed_out", "1"]);
}

describe("kv+ledger", () => {
  test("a hung KV: 503 at once, one finds out, and no ticket is burnt", async () => {
    const [gate] = gates;
    await clockOf(gate, 0);
    const tickets = await issue(gate, 8);
    await clockOf(gate, 0, { kv: { get: hangs } });
    await hang(gate, tickets.slice(0, 3), "kv.get");
    await clockOf(gate, 0, { kv: { get: hangs } });
    for (const ticket of tickets)
      assert.deepEqual(await why(gate, () => gate.upgrade(ticket)), ["rest", "resting", "1"]);
    assert.deepEqual(await gate.calls(), {}, "nobody asks a store that rests");
    const { status, trouble } = await gate.health();
    assert.deepEqual(
      [status, trouble],
      ["degraded", [{ store: "kv+ledger", operation: "consume", reason: "resting" }]],
    );
    assert.equal((await gate.post()).status, 200, "issuing is another matter");
    // The rest is over: one call finds out, however many come.
    await clockOf(gate, 1_000, { kv: { get: hangs } });
    const answers = await Promise.all(tickets.map((ticket) => gate.upgrade(ticket)));
    for (const answer of answers) assertUnavailable(answer);
    assert.deepEqual(await gate.calls(), { "kv.get": 1 });
    // It was silent too, so the next rest is longer.
    await clockOf(gate, 1_000 + 1_001);
    assert.deepEqual(await why(gate, () => gate.upgrade(tickets[0])), ["rest", "resting", "1"]);
    await clockOf(gate, 1_000 + 2_000);
    for (const ticket of tickets) assert.deepEqual([await gate.opens(ticket), await gate.opens(ticket)], [101, 401]);
    assert.equal((await gate.health()).trouble, undefined);
  });

  test("issuing that hangs, or runs into a limit, stops no upgrade", async () => {
    const [gate] = gates;
    await clockOf(gate, 0);
    const tickets = await issue(gate, 4);
    await clockOf(gate, 0, { kv: { put: hangs } });
    for (let i = 0; i < 3; i += 1) assert.deepEqual(await why(gate, () => gate.post()), ["kv.put", "timed_out", "1"]);
    assert.deepEqual(await why(gate, () => gate.post()), ["rest", "resting", "1"]);
    for (const ticket of tickets) assert.equal(await gate.opens(ticket), 101);
    await clockOf(gate, 1_000, { kv: { put: { how: "throw", says: "429" } } });
    for (let i = 0; i < 5; i += 1) assert.deepEqual(await why(gate, () => gate.post()), ["kv.put", "failed", "1"]);
  });
});

for (const [at, store, step] of [
  [0, "kv+ledger", "shard.claim"],
  [1, "durable", "shard.take"],
]) {
  test(`${store}: a shard that hangs rests alone`, async () => {
    const gate = gates[at];
    await clockOf(gate, 0);
    // Of several subjects: each has its own shard. Twelve of one come first, so that its shard is one that has enough.
    const subs = Array.from({ length: 32 }, (_, n) => (n < 12 ? "first" : `subject-${n}`));
    const tickets = [];
    for (const sub of subs) tickets.push((await gate.issue({ sub })).ticket);
    const shardOf = async (ticket) => {
      const { home } = parts(ticket);
      if (store === "durable") return home.slice(1);
      const { digest } = await import("./support/tickets.js");
      return JSON.parse(await (await gate.kv()).get(`wst:${digest(ticket)}`)).shard;
    };
    const shards = await Promise.all(tickets.map(shardOf));
    const ofShard = (wanted) => tickets.filter((_, i) => shards[i] === wanted);
    const [hung, other] = [...new Set(shards)];
    assert.ok(ofShard(hung).length >= 5 && ofShard(other).length >= 1, `${shards}`);
    await clockOf(gate, 0, { shard: { fetch: { ...hangs, only: `shard-${hung}` } } });
    await hang(gate, ofShard(hung).slice(0, 3), step);
    assert.deepEqual(await why(gate, () => gate.upgrade(ofShard(hung)[3])), ["rest", "resting", "1"]);
    for (const ticket of ofShard(other))
      assert.deepEqual([await gate.opens(ticket), await gate.opens(ticket)], [101, 401]);
    // An answer of another shard is none of the one that hangs.
    assert.deepEqual(await why(gate, () => gate.upgrade(ofShard(hung)[3])), ["rest", "resting", "1"]);
    await clockOf(gate, 1_000);
    // Those that were on their way when it hung may have been done: at most once.
    for (const ticket of ofShard(hung).slice(3)) assert.equal(await gate.opens(ticket), 101);
    for (const ticket of ofShard(hung)) assert.ok([101, 401].includes(await gate.opens(ticket)));
    for (const ticket of tickets) assert.equal(await gate.opens(ticket), 401);
  });
}

for (const [at, store, steps, front] of [
  [2, "redis", ["redis.set", "redis.getdel"], () => proxy],
  [3, "upstash", ["upstash.set", "upstash.getdel"], () => bridge],
]) {
  test(`${store}: one server, so that either operation tells of the other`, async () => {
    const gate = gates[at];
    await clockOf(gate, 0);
    const tickets = await issue(gate, 4);
    await front().fault("hang");
    assert.deepEqual(await why(gate, () => gate.post()), [steps[0], "timed_out", "1"]);
    await hang(gate, tickets.slice(0, 2), steps[1]);
    front().forget();
    for (const ask of [() => gate.post(), () => gate.upgrade(tickets[3])])
      assert.deepEqual(await why(gate, ask), ["rest", "resting", "1"]);
    assert.equal(front().connections ?? front().requests, 0);
    await front().heal();
    await clockOf(gate, 1_000);
    for (const ticket of tickets) assert.deepEqual([await gate.opens(ticket), await gate.opens(ticket)], [101, 401]);
    assert.equal((await gate.post()).status, 200);
  });
}

test("in a list, the next store issues at once", async () => {
  const gate = gates[4];
  await clockOf(gate, 0);
  const [ticket] = await issue(gate, 1);
  await proxy.fault("hang");
  for (let i = 0; i < 3; i += 1)
    assert.deepEqual(await why(gate, () => gate.upgrade(ticket)), ["redis.getdel", "timed_out", "1"]);
  proxy.forget();
  for (let i = 0; i < 5; i += 1) assert.equal(parts((await gate.issue()).ticket).home, "m");
  assert.equal(proxy.connections, 0);
  await proxy.heal();
  await clockOf(gate, 1_000);
  assert.equal(parts((await gate.issue()).ticket).home, "r");
  assert.equal(await gate.opens(ticket), 101);
});
