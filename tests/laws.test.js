// The laws of the stores, in real workerd, through the public routes: every law on every row, none left out.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGate } from "./support/harness.js";
import { laws } from "./support/laws.js";
import { lawsOfFaults } from "./support/laws-faults.js";
import { heal, ROW_MEMBERS, rows } from "./support/rows.js";

const all = [...laws, ...lawsOfFaults];

test("the laws are numbered 1 to 9, there are eight rows, and every row says all that they ask for", () => {
  assert.equal(rows.length, 8);
  assert.deepEqual(
    all.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  for (const row of rows) assert.deepEqual(Object.keys(row).sort(), [...ROW_MEMBERS].sort(), row.name);
});

for (const row of rows) {
  describe(row.name, () => {
    const held = { row };
    held.start = (vars) => startGate({ vars: { ...row.vars, ...held.backing?.vars, ...vars }, edge: true });

    before(async () => {
      held.backing = await row.back?.();
      held.gate = await held.start();
      held.gates = [held.gate];
      held.health = await held.gate.health();
      assert.equal(held.health.store, row.shows);
    });
    after(async () => {
      await held.gate?.close();
      await held.backing?.close();
    });

    for (const { number, name, hold } of all) {
      test(`law ${number}: ${name}`, async () => {
        await heal(held);
        await hold(held);
      });
    }
  });
}
