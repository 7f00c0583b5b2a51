// A Redis that is not as the gate needs it: each reason by its name in the log and on `/health`, and no ticket that could never be
// consumed. Real servers: users with less than is needed, a cluster, a replica, full ones.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { until } from "./support/pace.js";
import { assertUnavailable } from "./support/problem.js";
import { startRedis } from "./support/redis-server.js";
import { strange } from "./support/tickets.js";

const USERS = [
  "min on >pw ~wst:* +set +getdel",
  "elsewhere on >pw ~wst:* +set +getdel +select",
  "no-select on >pw ~wst:* +set +getdel",
  "no-getdel on >pw ~wst:* +set",
  "no-set on >pw ~wst:* +getdel",
  "no-keys on >pw ~other:* +set +getdel",
  "off off >pw ~wst:* +set +getdel",
];
const OLD_USERS = [
  "min on >pw ~wst:* +set +eval +get +del",
  "no-eval on >pw ~wst:* +set +get +del",
  "no-del on >pw ~wst:* +set +eval +get",
  "no-get on >pw ~wst:* +set +eval +del",
];

const servers = {};
const start = async (name, options) => {
  servers[name] = await startRedis(options);
};

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A node of a cluster. Answers the port at which other nodes meet it; somebody else may have taken the one that was free. */
async function startNode(name, attempts = 5) {
  const port = await freePort();
  try {
    await start(name, { settings: ["cluster-enabled yes", `cluster-port ${port}`] });
    return port;
  } catch (error) {
    if (attempts === 1) throw error;
    return startNode(name, attempts - 1);
  }
}

async function clustered() {
  const ports = {};
  for (const name of ["one", "two", "alone", "half"]) ports[name] = await startNode(name);
  const { one, two, alone } = servers;
  await one.command("CLUSTER", "ADDSLOTSRANGE", 0, 8_191);
  await two.command("CLUSTER", "ADDSLOTSRANGE", 8_192, 16_383);
  await alone.command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
  await one.command("CLUSTER", "MEET", "127.0.0.1", new URL(two.url).port, ports.two);
  for (const server of [one, two, alone]) {
    await until(async () => /cluster_state:ok/.test(await server.command("CLUSTER", "INFO")), "the cluster is one");
  }
}

let gates;
/** What a gate is started with, and what it comes to: `undefined` where all is well. */
const cases = [
  { name: "the smallest user that suffices", url: () => as("plain", "min") },
  { name: "the same in another database", url: () => as("plain", "elsewhere", 3) },
  { name: "the smallest user of a server without GETDEL", url: () => as("old", "min") },
  { name: "a cluster of one node", url: () => servers.alone.url },
  { name: "a user that may not SELECT", url: () => as("plain", "no-select", 3), issue: ["redis.select", "noperm"] },
  { name: "a user that may not GETDEL", url: () => as("plain", "no-getdel"), issue: ["redis.getdel", "noperm"] },
  { name: "a user that may not SET", url: () => as("plain", "no-set"), issue: ["redis.set", "noperm"] },
  { name: "a user that may not have the keys", url: () => as("plain", "no-keys"), issue: ["redis.set", "noperm"] },
  { name: "a user that is off", url: () => as("plain", "off"), issue: ["redis.auth", "wrongpass"] },
  {
    name: "a server without GETDEL: a user that may not EVAL",
    url: () => as("old", "no-eval"),
    issue: ["redis.eval", "noperm"],
  },
  { name: "… that may not GET", url: () => as("old", "no-get"), issue: ["redis.eval", "noperm"] },
  { name: "… that may not DEL", url: () => as("old", "no-del"), issue: ["redis.eval", "noperm"] },
  {
    name: "a password for a server that has none",
    url: () => servers.open.urlFor({ password: "pw" }),
    issue: ["redis.auth", "auth_not_expected"],
  },
  { name: "no password", url: () => servers.locked.url.replace(/\/\/.*@/, "//"), issue: ["redis.set", "noauth"] },
  {
    name: "no such database",
    url: () => servers.open.urlFor({ database: 99 }),
    issue: ["redis.select", "no_database"],
  },
  { name: "a server without SET", url: () => servers.without.url, issue: ["redis.set", "unknown_command"] },
  { name: "neither GETDEL nor EVAL", url: () => servers.neither.url, issue: ["redis.eval", "unknown_command"] },
  { name: "a replica", url: () => servers.replica.url, issue: ["redis.set", "readonly"] },
  { name: "a full server", url: () => servers.full.url, issue: ["redis.set", "full"] },
  { name: "too few replicas", url: () => servers.few.url, issue: ["redis.set", "noreplicas"] },
  { name: "a replica of nobody", url: () => servers.orphan.url, issue: ["redis.set", "masterdown"] },
  { name: "a cluster that lacks slots", url: () => servers.half.url, issue: ["redis.set", "clusterdown"] },
  {
    name: "a database of a cluster",
    url: () => servers.alone.urlFor({ database: 1 }),
    issue: ["redis.select", "no_database"],
  },
];

function as(server, user, database) {
  return servers[server].urlFor({ user, password: "pw", database });
}

before(async () => {
  await clustered();
  await Promise.all([
    start("plain", { users: USERS }),
    start("old", { users: OLD_USERS, without: ["GETDEL"] }),
    start("open"),
    start("locked", { password: "pw" }),
    start("without", { without: ["SET"] }),
    start("neither", { without: ["GETDEL", "EVAL"] }),
    start("replica", { settings: ["replicaof 127.0.0.1 1"] }),
    start("orphan", { settings: ["replicaof 127.0.0.1 1", "replica-read-only no"] }),
    start("full", { settings: ["maxmemory 1", "maxmemory-policy noeviction"] }),
    start("few", { settings: ["min-replicas-to-write 1"] }),
  ]);
  await servers.orphan.command("CONFIG", "SET", "replica-serve-stale-data", "no");
  const urls = [...cases.map(({ url }) => url()), servers.one.url];
  const vars = { ...DEVELOPMENT, TICKET_STORE: "redis" };
  gates = await startGates(urls.map((url) => ({ vars: { ...vars, REDIS_URL: url } })));
});
after(async () => {
  await gates?.[0].close();
  await Promise.all(Object.values(servers).map((server) => server.stop()));
});

describe("a Redis that is", () => {
  for (const [at, { name, issue }] of cases.entries()) {
    test(name, async () => {
      const gate = gates[at];
      if (issue === undefined) {
        for (let i = 0; i < 5; i += 1) {
          const { ticket } = await gate.issue();
          assert.deepEqual([await gate.opens(ticket), await gate.opens(ticket)], [101, 401]);
        }
        const { status, trouble } = await gate.health();
        assert.deepEqual([status, trouble], ["ok", undefined]);
        return;
      }
      gate.forgetLines();
      assertUnavailable(await gate.post());
      const [{ step, reason, level }] = await gate.eventually(({ event }) => event === "store_failed");
      assert.deepEqual([step, reason, level], [...issue, "warn"]);
      const { status, trouble } = await gate.health();
      assert.deepEqual([status, trouble], ["degraded", [{ store: "redis", operation: "issue", reason }]]);
    });
  }

  test("a cluster of two nodes, behind nothing that makes one of them: no ticket, ever", async () => {
    const gate = gates.at(-1);
    const seen = new Set();
    for (let i = 0; i < 20; i += 1) {
      gate.forgetLines();
      assertUnavailable(await gate.post());
      const [{ step, reason }] = await gate.eventually(({ event }) => event === "store_failed");
      assert.equal(reason, "moved");
      seen.add(step);
    }
    assert.ok(
      [...seen].every((step) => ["redis.set", "redis.getdel"].includes(step)),
      [...seen].join(),
    );
    assert.ok([401, 503].includes(await gate.opens(strange("r"))));
    const { status, trouble } = await gate.health();
    assert.equal(status, "degraded");
    assert.deepEqual(trouble[0], { store: "redis", operation: "issue", reason: "moved" });
  });
});

test("what was found out is found out again when the server has changed", async () => {
  const gate = gates[0];
  const { ticket } = await gate.issue();
  await servers.plain.command("ACL", "SETUSER", "min", "-getdel");
  gate.forgetLines();
  assertUnavailable(await gate.upgrade(ticket));
  const [{ reason }] = await gate.eventually(({ event }) => event === "store_failed");
  assert.equal(reason, "noperm");
  assertUnavailable(await gate.post());
  const { trouble } = await gate.health();
  assert.deepEqual(
    trouble.map(({ operation, reason }) => [operation, reason]),
    [
      ["issue", "noperm"],
      ["consume", "noperm"],
    ],
  );
  await servers.plain.command("ACL", "SETUSER", "min", "+getdel");
  for (const each of [ticket, (await gate.issue()).ticket]) {
    assert.deepEqual([await gate.opens(each), await gate.opens(each)], [101, 401]);
  }
  assert.equal((await gate.health()).status, "ok");
});
