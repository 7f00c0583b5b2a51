// The laws of the stores, in real workerd, through the public routes: every law on every row, none left out.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGate } from "./support/harness.js";
import { laws } from "./support/laws.js";
import { lawsOfFaults } from "./support/laws-faults.js";
import { ROW_MEMBERS, rows } from "./support/rows.js";

const all = [...laws, ...lawsOfFaults];

test("the laws are numbered 1 to 9, and every row says all that they ask for", () => {
  assert.deepEqual(
    all.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  for (const row of rows) assert.deepEqual(Object.keys(row).sort(), [...ROW_MEMBERS].sort(), row.name);
});

for (const row of rows) {
  describe(row.name, () => {
    const start = (vars) => startGate({ vars: { ...row.vars, ...vars }, edge: true });
    const held = { row, start };

    before(async () => {
      held.gate = await start();
      held.health = await held.gate.health();
      assert.equal(held.health.store, row.name);
    });
    after(() => held.gate?.close());

    for (const { number, name, hold } of all) {
      test(`law ${number}: ${name}`, { timeout: 60_000 }, async () => {
        await held.gate.edge();
        await hold(held);
      });
    }
  });
}
