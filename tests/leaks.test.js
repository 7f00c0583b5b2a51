// What is given up at its deadline leaves nothing behind: the wasm's memory lives as long as its isolate, and so does a future whose
// promise never settles. `npm run soak` is the long version.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { atRest, hang, kinds } from "./support/hangs.js";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { until } from "./support/pace.js";
import { assertProblem } from "./support/problem.js";

const CALLS = 120;
const WIDTH = 60;

describe("nothing is left in memory", () => {
  const held = [];
  before(async () => {
    for (const kind of kinds) held.push({ kind, started: await kind.start() });
    const gates = await startGates(held.map(({ started }) => ({ vars: started.vars, edge: true })));
    for (const [index, gate] of gates.entries()) held[index].gate = gate;
  });
  after(async () => {
    await held[0]?.gate?.close();
    await Promise.all(held.map(({ started }) => started.close()));
  });

  for (const [index, kind] of kinds.entries()) {
    test(kind.name, async () => {
      const { gate } = held[index];
      // What is made once, and the widest that a crowd makes of it.
      await hang(kind, held[index], WIDTH, WIDTH);
      const before = await atRest(gate, undefined, 10);
      await hang(kind, held[index], CALLS, WIDTH);
      const after = await atRest(gate, before);
      assert.ok(after.live <= before.live, `${after.live - before.live} values are left of ${CALLS} calls`);
      assert.equal(after.timers, 0, "timers are left");
      await until(() => !held[index].started.open?.(), "no connection stays open");
    });
  }
});

describe("a request", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "durable" }, edge: true });
  });
  after(() => gate?.close());

  // Otherwise what its client hangs up on is cut off in the middle, in production; workerd alone goes on.
  test("hands an answer that waits to waitUntil, so that it is done to its end whoever hangs up", async () => {
    await gate.edge();
    const { kept } = await gate.holding();
    const { ticket } = await gate.issue();
    assert.equal(await gate.opens(ticket), 101);
    assert.equal((await gate.upgrade(ticket)).status, 401);
    assert.equal((await gate.holding()).kept - kept, 3);
    // What is answered at once is done to its end by then.
    assert.equal((await gate.request({ path: "/nowhere" })).status, 404);
    assert.equal((await gate.holding()).kept - kept, 3);
  });

  test("leaves no timer behind, and an open echo holds the one that ends it", async () => {
    const { ticket } = await gate.issue();
    const session = await gate.upgrade(ticket);
    assert.equal(session.status, 101);
    await session.message();
    assert.equal((await gate.holding()).timers, 1);
    await session.leave();
    await gate.quiet();
  });

  test("leaves nothing when its sockets are closed, or cut", async () => {
    const cut = async (session) => {
      session.socket.destroy();
      await session.closed;
    };
    const sessions = async (leave) => {
      const open = async () => {
        const session = await gate.upgrade((await gate.issue()).ticket);
        await session.message();
        await leave(session);
      };
      await Promise.all(Array.from({ length: 30 }, open));
    };
    await sessions((session) => session.leave());
    const before = await atRest(gate, undefined, 10);
    for (const leave of [(session) => session.leave(), cut]) {
      await sessions(leave);
      const { live } = await atRest(gate, before);
      assert.ok(live <= before.live, `${live - before.live} values are left of 30 sockets`);
    }
  });

  test("leaves nothing of bodies that are too long, or stop in the middle", async () => {
    const long = ["a".repeat(4000), "b".repeat(4000)];
    const json = { "Content-Type": "application/json" };
    const post = (options) => gate.request({ method: "POST", path: "/ws-ticket", headers: json, ...options });
    const all = (one) => Promise.all(Array.from({ length: 30 }, one));
    const stop = async () => {
      const controller = new AbortController();
      const sent = post({
        headers: { ...json, "Content-Length": "100" },
        body: ['{"sub":'],
        signal: controller.signal,
      });
      setTimeout(() => controller.abort(), 50);
      await assert.rejects(sent);
    };
    await all(() => post({ body: long }));
    const before = await atRest(gate, undefined, 10);
    for (const answer of await all(() => post({ body: long }))) assert.equal(answer.status, 413);
    gate.forgetLines();
    await all(stop);
    const { live } = await atRest(gate, before);
    assert.ok(live <= before.live, `${live - before.live} values are left of 60 bodies`);
    // Whoever hangs up is no fault of the gate, and raises no alarm.
    await gate.eventually(({ event, reason }) => event === "refused" && reason === "body_malformed", 30);
    assert.deepEqual(
      gate.events().filter(({ level }) => level === "alert"),
      [],
    );
  });

  test("whose answer can't be made is answered 500 all the same, and the log says so without its error", async () => {
    await gate.edge({ platform: ["answer"] });
    gate.forgetLines();
    assertProblem(await gate.request({ path: "/nowhere" }), 500, "internal_error", { never: ["Network"] });
    const [event] = await gate.eventually(({ event }) => event === "internal_error");
    assert.deepEqual([event.level, event.route], ["alert", "answer"]);
    assert.doesNotMatch(gate.lines().join("\n"), /Network/);
    await gate.edge();
  });
});
