// What is special to the store `redis` while all goes well: how it logs in, what it says on the wire, what the Redis then holds.
// The faults are in `redis-faults.test.js`, the laws of every store in `laws.test.js`.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { until } from "./support/pace.js";
import { rounds } from "./support/race.js";
import { startRedis } from "./support/redis-server.js";
import { startProxy } from "./support/tcp-proxy.js";
import { digest, parts, strange } from "./support/tickets.js";

const gateOf = (url, vars) => startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "redis", REDIS_URL: url, ...vars } });

/** Runs `act` with a gate, and ends the gate however that goes. */
async function withGate(url, act, vars) {
  const gate = await gateOf(url, vars);
  try {
    return await act(gate);
  } finally {
    await gate.close();
  }
}

describe("redis", () => {
  let redis;
  let proxy;
  let gate;
  before(async () => {
    redis = await startRedis();
    proxy = await startProxy(redis.url);
    gate = await gateOf(proxy.url);
  });
  after(async () => {
    await gate?.close();
    await proxy?.close();
    await redis?.stop();
  });

  test("says what it is, and admits a ticket once", async () => {
    const { status, store, guarantee, reach } = await gate.health();
    assert.deepEqual([status, store, guarantee, reach], ["ok", "redis", "single-use", "global"]);
    const { ticket } = await gate.issue({ sub: "alice", room: "łobby ✓" });
    assert.equal(parts(ticket).home, "r");
    const socket = await gate.upgrade(ticket);
    assert.equal(socket.status, 101);
    const { subject, room } = await socket.message();
    assert.deepEqual([subject, room], ["alice", "łobby ✓"]);
    assert.equal(await gate.opens(ticket), 401);
    await socket.leave();
  });

  test("asks once for each operation, on a connection of its own that does not outlive it", async () => {
    proxy.forget();
    const { ticket } = await gate.issue();
    const socket = await gate.upgrade(ticket);
    assert.equal(socket.status, 101);
    assert.deepEqual([proxy.connections, proxy.commands], [2, ["SET", "GETDEL"]]);
    await until(() => proxy.open === 0, "no connection to Redis stays open as long as the WebSocket");
    await socket.leave();
    for (const unknown of [strange("r"), ticket]) assert.equal(await gate.opens(unknown), 401);
    assert.deepEqual(proxy.commands, ["SET", "GETDEL", "GETDEL", "GETDEL"]);
    for (const foreign of [strange("u"), strange("k"), strange("zz9")]) assert.equal(await gate.opens(foreign), 401);
    assert.equal(proxy.commands.length, 4, "a ticket of another home costs nothing");
  });

  test("what Redis holds can't be presented, ends with the ticket, and goes with it", async () => {
    await redis.flush();
    const { ticket, expires_in } = await gate.issue({ sub: "alice" });
    const entries = await redis.entries();
    assert.equal(entries.length, 1);
    const [{ key, value, ttl }] = entries;
    assert.equal(key, `wst:${digest(ticket)}`);
    assert.ok(ttl > expires_in - 5 && ttl <= expires_in, `${ttl} seconds`);
    assert.equal(JSON.parse(value).subject, "alice");
    const { home, secret } = parts(ticket);
    for (const part of [ticket, secret]) assert.ok(!(key + value).includes(part));
    for (const text of [key, value, digest(ticket), `wst_${home}_${digest(ticket)}`]) {
      assert.notEqual(await gate.opens(encodeURIComponent(text)), 101);
    }
    assert.equal(await gate.opens(ticket), 101);
    assert.deepEqual(await redis.entries(), []);
  });

  test("a ticket of one second is held no longer", async () => {
    await withGate(redis.url, (brief) => brief.issue(), { TICKET_TTL_SECONDS: "1" });
    await until(async () => (await redis.entries()).length === 0, "it is forgotten");
  });

  test("fifty racing connections: exactly one", async () => {
    const issue = async () => (await gate.issue()).ticket;
    const { one, other } = await rounds({ count: 10, targets: [gate], connections: 50, issue });
    assert.deepEqual([one, other], [10, {}]);
  });

  test("a record that can't be read is 500, and one of another kind no answer", async () => {
    const corrupt = await gate.issue();
    await redis.command("SET", `wst:${digest(corrupt.ticket)}`, "{}", "EX", 60);
    assert.equal((await gate.upgrade(corrupt.ticket)).json.code, "record_corrupt");
    const list = await gate.issue();
    await redis.command("DEL", `wst:${digest(list.ticket)}`);
    await redis.command("LPUSH", `wst:${digest(list.ticket)}`, "x");
    assert.equal(await gate.opens(list.ticket), 503);
  });
});

test("a server without GETDEL: a script, found out once, with the first ticket", async () => {
  const redis = await startRedis({ without: ["GETDEL"] });
  const proxy = await startProxy(redis.url);
  try {
    await withGate(proxy.url, async (gate) => {
      const tickets = [];
      proxy.forget();
      for (let i = 0; i < 4; i += 1) tickets.push((await gate.issue()).ticket);
      const sets = ["SET", ...Array(4).fill("GETDEL"), ...Array(4).fill("EVAL"), "SET", "SET", "SET"];
      assert.deepEqual([proxy.commands, proxy.connections], [sets, 4]);
      proxy.forget();
      for (const ticket of tickets) assert.equal(await gate.opens(ticket), 101);
      for (const ticket of tickets) assert.equal(await gate.opens(ticket), 401);
      assert.deepEqual([proxy.commands, proxy.connections], [Array(8).fill("EVAL"), 8]);
      assert.deepEqual(await redis.entries(), []);
      const issue = async () => (await gate.issue()).ticket;
      const { one, other } = await rounds({ count: 10, targets: [gate], connections: 50, issue });
      assert.deepEqual([one, other], [10, {}]);
    });
    // The first ticket of an isolate, raced for: each of those who find out asks again for itself.
    await withGate(proxy.url, async (gate) => {
      const issue = async () => (await gate.issue()).ticket;
      const { one, other } = await rounds({ count: 1, targets: [gate], connections: 50, issue });
      assert.deepEqual([one, other], [1, {}]);
    });
  } finally {
    await proxy.close();
    await redis.stop();
  }
});

describe("logging in", () => {
  const password = "pä ss:/@?#%w";
  let redis;
  let proxy;
  before(async () => {
    redis = await startRedis({
      password: "the-default",
      users: [`alice on >other-word ~wst:* +@all`, "reader on >reader-word ~* +@all -getdel"],
    });
    await redis.command("ACL", "SETUSER", "b:o@b", "on", `>${password}`, "~wst:*", "+@all");
    proxy = await startProxy(redis.url);
  });
  after(async () => {
    await proxy?.close();
    await redis?.stop();
  });

  const urlFor = (login) => {
    const [url, target] = [new URL(redis.urlFor(login)), new URL(proxy.url)];
    url.port = target.port;
    return url.href;
  };
  /** An isolate's first ticket, with what proves that tickets can be consumed, all of it in one trip. */
  const FIRST = ["SET", "GETDEL", "GETDEL", "GETDEL", "GETDEL"];
  const good = [
    { name: "by password", login: { password: "the-default" }, commands: ["AUTH", ...FIRST] },
    { name: "as a user", login: { user: "alice", password: "other-word" }, commands: ["AUTH", ...FIRST] },
    { name: "with signs in it", login: { user: "b:o@b", password }, commands: ["AUTH", ...FIRST] },
    {
      name: "to another database",
      login: { user: "alice", password: "other-word", database: 3 },
      commands: ["AUTH", "SELECT", ...FIRST],
    },
  ];
  for (const { name, login, commands } of good) {
    test(name, async () => {
      await withGate(urlFor(login), async (gate) => {
        proxy.forget();
        const { ticket } = await gate.issue();
        assert.deepEqual([proxy.connections, proxy.commands], [1, commands]);
        const { database = 0 } = login;
        for (const other of [0, 3]) assert.equal((await redis.entries(other)).length, other === database ? 1 : 0);
        assert.deepEqual([await gate.opens(ticket), await gate.opens(ticket)], [101, 401]);
      });
    });
  }

  const bad = [
    { name: "a wrong password", login: { password: "wr0ng-word" }, step: "redis.auth", why: "wrongpass" },
    {
      name: "a user's wrong password",
      login: { user: "alice", password: "wr0ng-word" },
      step: "redis.auth",
      why: "wrongpass",
    },
    {
      name: "an unknown user",
      login: { user: "mallory", password: "wr0ng-word" },
      step: "redis.auth",
      why: "wrongpass",
    },
    { name: "no password", login: {}, step: "redis.getdel", why: "noauth" },
    {
      name: "a database that is not there",
      login: { password: "the-default", database: 99 },
      step: "redis.select",
      why: "no_database",
      // The command went out with the SELECT, and was done where the connection began.
      burns: true,
    },
    {
      name: "a user who may not",
      login: { user: "reader", password: "reader-word" },
      step: "redis.getdel",
      why: "noperm",
    },
  ];
  for (const { name, login, step, why, burns } of bad) {
    test(`${name} is an outage, not "unknown"`, async () => {
      await withGate(urlFor({ password: "the-default" }), async (right) => {
        const { ticket } = await right.issue();
        await withGate(urlFor(login), async (wrong) => {
          assert.equal((await wrong.post()).status, 503);
          const answer = await wrong.upgrade(ticket);
          assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "1"]);
          const [{ reason }] = await wrong.eventually((event) => event.operation === "consume" && event.step === step);
          assert.equal(reason, why);
          const log = wrong.lines().join("\n");
          for (const word of ["wr0ng-word", "the-default", "reader-word", ticket]) assert.ok(!log.includes(word));
        });
        assert.equal(await right.opens(ticket), burns ? 401 : 101);
      });
      await redis.flush();
    });
  }
});
