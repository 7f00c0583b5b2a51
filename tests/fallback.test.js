// Lists of stores and changes of the list: a fresh ticket at each step down, stores that rest, tickets that stay good.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { deadline, until } from "./support/pace.js";
import { assertRefused, assertUnavailable } from "./support/problem.js";

const throws = { how: "throw" };
const NO_KV_WRITES = { kv: { put: throws } };
const is = (name) => (event) => event.event === name;
const homeOf = ({ ticket }) => ticket.split("_")[1];

describe("TICKET_STORE=kv,durable,memory", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv,durable,memory" }, edge: true });
  });
  after(() => gate?.close());

  /** Issues at a moment; the edge's plan holds from then on. */
  const issueAt = async (clock, plan) => {
    await gate.edge({ ...plan, clock });
    return homeOf(await gate.issue());
  };

  test("the health shows the list, the weakest promise and the narrowest reach", async () => {
    const { status, store, guarantee, reach } = await gate.health();
    assert.deepEqual(
      { status, store, guarantee, reach },
      { status: "ok", store: "fallback(kv+ledger, durable, memory)", guarantee: "single-use", reach: "isolate" },
    );
  });

  test("each step down is a fresh ticket in the next store; each change of store is told once", async () => {
    const now = Date.now();
    const noShards = { ...NO_KV_WRITES, shard: { fetch: throws } };
    gate.forgetLines();
    for (const [seconds, plan, home] of [
      [0, {}, /^k$/],
      [0, NO_KV_WRITES, /^d\d/],
      [0, NO_KV_WRITES, /^d\d/],
      [0, {}, /^d\d/],
      [0, noShards, /^m$/],
      [0, noShards, /^m$/],
      [0, noShards, /^m$/],
      // Both have rested.
      [100, NO_KV_WRITES, /^d\d/],
      [200, {}, /^k$/],
      [200, {}, /^k$/],
      [200, NO_KV_WRITES, /^d\d/],
    ]) {
      assert.match(await issueAt(now + seconds * 1_000, plan), home);
    }
    // The tickets' own lines are the last of each request, so that nothing is missed when all are there.
    await gate.eventually(is("issued"), 11);
    const told = gate.events().filter(({ event }) => event === "fell_back" || event === "recovered");
    assert.deepEqual(
      told.map(({ event, store, level }) => [event, store, level]),
      [
        ["fell_back", "durable", "alert"],
        ["fell_back", "memory", "alert"],
        ["fell_back", "durable", "alert"],
        ["recovered", "kv+ledger", "info"],
        ["fell_back", "durable", "alert"],
      ],
    );
    const issued = gate.events().filter(is("issued"));
    const ids = [1, 4, 7, 8, 10].map((at) => issued[at].ticket_id);
    assert.deepEqual(
      told.map(({ ticket_id }) => ticket_id),
      ids,
    );
  });

  test("a store that failed rests for 1 s, then 2, 4, … and is asked again; a success ends it", async () => {
    let now = Date.now() + 3_600_000;
    assert.equal(await issueAt(now, {}), "k");
    for (const rest of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      assert.match(await issueAt(now, NO_KV_WRITES), /^d/, "it fails and rests");
      assert.match(await issueAt(now + rest - 1, {}), /^d/, `it still rests after ${rest - 1} ms`);
      assert.deepEqual(await gate.calls().then((calls) => calls["kv.put"]), undefined, "and is left alone");
      now += rest;
    }
    assert.equal(await issueAt(now, {}), "k", "it is asked again");
    assert.match(await issueAt(now, NO_KV_WRITES), /^d/);
    assert.equal(await issueAt(now + 1_000, {}), "k", "the next rest is short again");
  });

  test("a rest begins when the store has failed, and requests that failed together count once", async () => {
    const timeout = String(deadline(1500));
    const slow = await startGate({
      vars: { ...DEVELOPMENT, TICKET_STORE: "kv,durable", STORE_TIMEOUT_MS: timeout },
      edge: true,
    });
    try {
      const hanging = { kv: { put: { how: "hang" } } };
      const asked = Date.now();
      await slow.edge({ ...hanging, clock: asked });
      const issuing = Promise.all(Array.from({ length: 6 }, () => slow.issue()));
      await until(async () => (await slow.calls())["kv.put"] === 6, "all six wait for the store");
      const failed = asked + 60_000;
      await slow.edge({ ...hanging, clock: failed });
      for (const home of (await issuing).map(homeOf)) assert.match(home, /^d/);
      // It hung for longer than its first rest lasts, and rests all the same: nobody waits for it now.
      await slow.edge({ ...hanging, clock: failed + 999 });
      assert.match(homeOf(await slow.issue()), /^d/);
      assert.equal((await slow.calls())["kv.put"], undefined);
      // Six failures at once are one: it rests for a second, not for half a minute.
      await slow.edge({ clock: failed + 1_000 });
      assert.equal(homeOf(await slow.issue()), "k");
    } finally {
      await slow.close();
    }
  });

  test("a write that happened and then failed leaves no second ticket that anybody has", async () => {
    const now = Date.now() + 7_200_000;
    await gate.edge({ clock: now, kv: { put: { how: "lost" } } });
    const issued = await gate.issue();
    await gate.edge({ clock: now });
    assert.match(homeOf(issued), /^d/);
    for (const expected of [101, 401]) assert.equal(await gate.opens(issued.ticket), expected);
  });

  test("a ticket whose home is down is an outage, whatever else is up", async () => {
    const now = Date.now() + 10_800_000;
    await gate.edge({ clock: now });
    const { ticket } = await gate.issue();
    await gate.edge({ clock: now, kv: { get: throws } });
    assertUnavailable(await gate.upgrade(ticket));
    await gate.edge({ clock: now });
    for (const expected of [101, 401]) assert.equal(await gate.opens(ticket), expected);
  });
});

test("all stores rest: all are tried, for one may be back", async () => {
  const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv,durable" }, edge: true });
  try {
    const clock = Date.now();
    await gate.edge({ ...NO_KV_WRITES, shard: { fetch: throws }, clock });
    for (let again = 0; again < 3; again += 1) assertUnavailable(await gate.post());
    await gate.edge({ clock });
    assert.equal(homeOf(await gate.issue()), "k", "the moment it is back");
  } finally {
    await gate.close();
  }
});

test("what is consumed follows the ticket, not the list: no change of it refuses a live ticket", async () => {
  const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv" } });
  try {
    const [kv, used] = [await gate.issue(), await gate.issue()];
    assert.equal(await gate.opens(used.ticket), 101);
    await gate.redeploy({ TICKET_STORE: "durable" });
    assert.equal((await gate.health()).store, "durable");
    assertRefused(await gate.upgrade(used.ticket));
    const [durable] = [await gate.issue()];
    for (const expected of [101, 401]) assert.equal(await gate.opens(kv.ticket), expected, "issued by kv");
    await gate.redeploy({ TICKET_STORE: "kv,memory" });
    for (const expected of [101, 401]) assert.equal(await gate.opens(durable.ticket), expected, "issued by durable");
  } finally {
    await gate.close();
  }
});

test("a used ticket of the ledger's days stays shut when the ledger is taken away", async () => {
  const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv" } });
  try {
    const { ticket } = await gate.issue();
    assert.equal(await gate.opens(ticket), 101);
    gate.config.durable_objects.bindings = [];
    await gate.redeploy({ ALLOW_BEST_EFFORT: "true" });
    assert.equal((await gate.health()).store, "kv");
    assertUnavailable(await gate.upgrade(ticket));
    assert.equal(await gate.opens((await gate.issue()).ticket), 101);
  } finally {
    await gate.close();
  }
});

test("a list is settings like any other: all that is wrong is named at once, without a value", async () => {
  const vars = {
    TICKET_STORE: "kv,reddis",
    REDIS_URL: "rediss://",
    UPSTASH_REDIS_REST_URL: "https://planted-secret.upstash.io",
    TICKET_SHARDS: "0",
    STORE_TIMEOUT_MS: "0",
  };
  const gate = await startGate({ vars: { ...DEVELOPMENT, ...vars } });
  try {
    const answer = await gate.request({ path: "/health" });
    assert.equal(answer.status, 500);
    const names = answer.json.problems.map(({ name }) => name).sort();
    const expected = ["REDIS_URL", "STORE_TIMEOUT_MS", "TICKET_SHARDS", "TICKET_STORE", "UPSTASH_REDIS_REST_TOKEN"];
    assert.deepEqual(names, expected);
    assert.ok(!answer.text.includes("planted-secret") && !answer.text.includes("reddis"));
  } finally {
    await gate.close();
  }
});
