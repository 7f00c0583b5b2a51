// What is given up at its deadline leaves nothing behind: the wasm's memory lives as long as its isolate, and so does a future whose
// promise never settles. `npm run soak` is the long version.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { atRest, hang, kinds } from "./support/hangs.js";
import { startGate, startGates } from "./support/harness.js";

const CALLS = 120;
const WIDTH = 60;

describe("nothing is left in memory", { timeout: 280_000 }, () => {
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
      assert.ok(after.memory - before.memory <= 65_536, `memory has grown from ${before.memory} to ${after.memory}`);
      for (let tries = 0; (held[index].started.open?.() ?? 0) > 0; tries += 1) {
        assert.ok(tries < 500, "connections stay open");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
  }
});
