// What happens to a ticket of the store `redis` when the network or the server fails: never two admissions, and an outage is
// told as one. Real faults: a proxy that loses replies, servers that are killed, full, or read-only.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { deadline, until } from "./support/pace.js";
import { assertUnavailable } from "./support/problem.js";
import { startRedis } from "./support/redis-server.js";
import { startProxy } from "./support/tcp-proxy.js";

const TIMEOUT_MS = deadline(300);
const gateOf = (url, vars) => {
  const settings = { TICKET_STORE: "redis", REDIS_URL: url, STORE_TIMEOUT_MS: String(TIMEOUT_MS) };
  return startGate({ vars: { ...DEVELOPMENT, ...settings, ...vars } });
};

/** Asserts a 503. Answers what telemetry says of it: the step that failed, and why. */
async function unavailable(gate, ask) {
  gate.forgetLines();
  assertUnavailable(await ask());
  const [{ step, reason }] = await gate.eventually(({ event }) => event === "store_failed");
  return [step, reason];
}

const html = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>";
// Whether the ticket is gone afterwards, and what telemetry says: only where nothing more can come is the deadline waited for.
const faults = [
  { name: "the port is closed", mode: "refuse", reason: "unreachable" },
  { name: "nothing is answered", mode: "hang", reason: "timed_out" },
  { name: "the connection ends before the command", mode: "cut", reason: "disconnected" },
  { name: "the answer is HTML", mode: "answer", bytes: html, reason: "malformed" },
  { name: "the answer is noise", mode: "answer", bytes: Buffer.from("00ff17c0ffee0d0a", "hex"), reason: "malformed" },
  { name: "the answer has another form", mode: "answer", bytes: ":1\r\n", reason: "malformed" },
  { name: "there is a reply too many", mode: "answer", bytes: "$-1\r\n$-1\r\n", reason: "malformed" },
  { name: "an error is endless", mode: "answer", bytes: `-${"x".repeat(80_000)}`, reason: "malformed" },
  { name: "a value is endless", mode: "answer", bytes: `$90000\r\n${"x".repeat(80_000)}`, reason: "malformed" },
  { name: "arrays are nested deep", mode: "answer", bytes: "*1\r\n".repeat(15_000), reason: "malformed" },
  { name: "an array has billions", mode: "answer", bytes: "*4000000000\r\n", reason: "malformed" },
  { name: "a value doesn't end", mode: "answer", bytes: "$300\r\n{", reason: "timed_out" },
  { name: "the reply is lost", mode: "lose", burns: true, reason: "disconnected" },
  { name: "the reply never comes", mode: "mute", burns: true, reason: "timed_out" },
  { name: "half of the reply is lost", mode: "half", burns: true, reason: "disconnected" },
  { name: "the reply comes too late", mode: "slow", ms: 4 * TIMEOUT_MS, burns: true, reason: "timed_out" },
];

for (const without of [[], ["GETDEL"]]) {
  describe(without.length > 0 ? "redis without GETDEL, when" : "redis, when", () => {
    let redis;
    let proxy;
    let gate;
    before(async () => {
      redis = await startRedis({ without });
      proxy = await startProxy(redis.url);
      gate = await gateOf(proxy.url);
    });
    beforeEach(() => proxy.heal());
    after(async () => {
      await gate?.close();
      await proxy?.close();
      await redis?.stop();
    });

    test("all is well", async () => {
      const { ticket } = await gate.issue();
      assert.deepEqual([await gate.opens(ticket), await gate.opens(ticket)], [101, 401]);
    });

    const steps = ["redis.set", without.length > 0 ? "redis.eval" : "redis.getdel"];
    for (const { name, mode, burns, reason, ...options } of faults) {
      test(name, async () => {
        const { ticket } = await gate.issue();
        await proxy.fault(mode, options);
        const seen = [await unavailable(gate, () => gate.post())];
        seen.push(await unavailable(gate, () => gate.upgrade(ticket)));
        assert.deepEqual(
          seen,
          steps.map((step) => [mode === "refuse" ? "redis.connect" : step, reason]),
        );
        await proxy.heal();
        assert.equal(await gate.opens(ticket), burns ? 401 : 101);
        assert.equal(await gate.opens(ticket), 401);
        const { ticket: next } = await gate.issue();
        assert.equal(await gate.opens(next), 101, "after the fault all is well");
      });
    }

    test("a SET is told that there is such a key: no ticket", async () => {
      await proxy.fault("answer", { bytes: "$-1\r\n" });
      assert.deepEqual(await unavailable(gate, () => gate.post()), ["redis.set", "failed"]);
    });

    test("the reply comes late, or byte by byte: no harm", async () => {
      for (const [mode, ms] of [
        ["slow", TIMEOUT_MS / 4],
        ["trickle", 0],
      ]) {
        await proxy.fault(mode, { ms });
        const { ticket } = await gate.issue();
        assert.deepEqual([await gate.opens(ticket), await gate.opens(ticket)], [101, 401], mode);
      }
    });

    test("one reply of fifty is lost: at most one admission", async () => {
      for (let round = 0; round < 5; round += 1) {
        const { ticket } = await gate.issue();
        await proxy.fault("lose", { times: 1 });
        const answers = await Promise.all(Array.from({ length: 50 }, () => gate.opens(ticket)));
        await proxy.heal();
        const count = (status) => answers.filter((answer) => answer === status).length;
        assert.ok(count(101) <= 1 && count(101) + count(401) + count(503) === 50, answers.join());
      }
    });

    test("nothing of it stays open, and nothing is thrown", async () => {
      assert.equal(proxy.open, 0);
      const strange = gate.lines().filter((line) => !line.trimStart().startsWith('{"event"'));
      assert.deepEqual(
        strange.filter((line) => /uncaught|unhandled|panic|error:/i.test(line)),
        [],
      );
    });
  });
}

test("the server is killed between issue and consume, and comes back with what it has on disk", async () => {
  const redis = await startRedis({ settings: ["appendonly yes", "appendfsync always"] });
  const gate = await gateOf(redis.url);
  try {
    const [used, alive] = [await gate.issue(), await gate.issue()];
    assert.equal(await gate.opens(used.ticket), 101);
    await redis.kill();
    for (let again = 0; again < 3; again += 1) {
      assert.deepEqual(await unavailable(gate, () => gate.upgrade(alive.ticket)), ["redis.connect", "unreachable"]);
    }
    await redis.start();
    assert.deepEqual([await gate.opens(used.ticket), await gate.opens(alive.ticket)], [401, 101]);
    assert.equal(await gate.opens(alive.ticket), 401);
  } finally {
    await gate.close();
    await redis.stop();
  }
});

test("the server stands still: no answer, and afterwards at most one admission", async () => {
  const redis = await startRedis();
  const gate = await gateOf(redis.url);
  try {
    const [asked, rested] = [await gate.issue(), await gate.issue()];
    redis.pause();
    assert.deepEqual(await unavailable(gate, () => gate.post()), ["redis.set", "timed_out"]);
    assert.deepEqual(await unavailable(gate, () => gate.upgrade(asked.ticket)), ["redis.getdel", "timed_out"]);
    redis.resume();
    assert.deepEqual([await gate.opens(rested.ticket), await gate.opens(rested.ticket)], [101, 401]);
    // It may find the command in what it had not read, although nobody waits for the reply any more.
    assert.ok([101, 401].includes(await gate.opens(asked.ticket)));
    assert.equal(await gate.opens(asked.ticket), 401);
  } finally {
    await gate.close();
    await redis.stop();
  }
});

test("no connection is to be had: the first half of the deadline is for that", async () => {
  // A server that stands still with a full queue: the kernel takes no more, as a firewall that drops.
  const redis = await startRedis({ settings: ["tcp-backlog 1"] });
  const gate = await gateOf(redis.url);
  const waiting = [];
  try {
    redis.pause();
    for (let i = 0; i < 4; i += 1) waiting.push(redis.connect().catch(() => undefined));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(await unavailable(gate, () => gate.post()), ["redis.connect", "timed_out"]);
  } finally {
    redis.resume();
    for (const client of await Promise.all(waiting)) client?.close();
    await gate.close();
    await redis.stop();
  }
});

const states = [
  { name: "out of memory", settings: ["maxmemory 1", "maxmemory-policy noeviction"], reason: "full" },
  { name: "a replica", settings: ["replicaof 127.0.0.1 1"], reason: "readonly" },
  { name: "too few replicas", settings: ["min-replicas-to-write 1"], reason: "noreplicas" },
];
for (const { name, settings, reason } of states) {
  test(`a server that refuses to write (${name}) is an outage, and says why`, async () => {
    const redis = await startRedis({ settings });
    const gate = await gateOf(redis.url);
    try {
      assert.deepEqual(await unavailable(gate, () => gate.post()), ["redis.set", reason]);
    } finally {
      await gate.close();
      await redis.stop();
    }
  });
}

test("a server with too many clients refuses, and the ticket stays", async () => {
  const redis = await startRedis({ settings: ["maxclients 2"] });
  const gate = await gateOf(redis.url);
  try {
    const { ticket } = await gate.issue();
    const others = [await redis.connect(), await redis.connect()];
    for (const other of others) await other.command("PING");
    const [, reason] = await unavailable(gate, () => gate.upgrade(ticket));
    // It says so and closes at once, which may be noticed before what it said is read.
    assert.match(reason, /^(limit_reached|disconnected)$/);
    for (const other of others) other.close();
    const answered = async () => [await gate.opens(ticket)].find((status) => status !== 503);
    assert.equal(await until(answered, "a client that is gone is one less"), 101);
  } finally {
    await gate.close();
    await redis.stop();
  }
});
