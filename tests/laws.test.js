// The laws of the stores, in real workerd, through the public routes: every law on every row at both doors, none left out.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DOORS } from "./support/doors.js";
import { startGate } from "./support/harness.js";
import { laws } from "./support/laws.js";
import { lawsOfFaults } from "./support/laws-faults.js";
import { heal, ROW_MEMBERS, rows } from "./support/rows.js";

const all = [...laws, ...lawsOfFaults];
// `npm test -- --quick` takes some rows only.
const wanted = process.env.LAWS_ROWS?.split(",");
const chosen = rows.filter(({ name }) => wanted === undefined || wanted.includes(name));
/** Much of what a row does is waiting for what hangs. With a server that all share, each looks at what is in it, so they take turns. */
const SIDE_BY_SIDE = process.env.REDIS_URL ? 1 : 3;

test("the laws are numbered 1 to 9, there are ten rows, and every row says all that they ask for", () => {
  assert.equal(rows.length, 10);
  assert.deepEqual(
    all.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.ok(chosen.length >= 2 && chosen.length === (wanted ?? rows).length, `no such rows: ${wanted}`);
  for (const row of rows) assert.deepEqual(Object.keys(row).sort(), [...ROW_MEMBERS].sort(), row.name);
});

describe("the laws", { concurrency: SIDE_BY_SIDE }, () => {
  for (const [row, door] of chosen.flatMap((row) => DOORS.map((door) => [row, door]))) {
    describe(`${row.name}, ${door.name}`, { concurrency: 1 }, () => {
      const held = { row };
      held.start = async (vars) => {
        const all = { ...row.vars, ...door.vars, ...held.backing?.vars, ...vars };
        return door.through(await startGate({ vars: all, edge: true }));
      };

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
});
