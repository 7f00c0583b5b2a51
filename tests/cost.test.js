// What a ticket costs: which bindings are called, how often, and how many rows a claim writes. The prices in the documentation
// follow from these numbers.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { LOG_BYTES, STORES } from "../scripts/cost/operations.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { SEAL_KEY } from "./support/rows.js";
import { strange } from "./support/tickets.js";

const PRICES = [
  {
    vars: { TICKET_STORE: "memory" },
    costs: { issue: {}, admit: {}, used: {}, unknown: {} },
  },
  {
    vars: { TICKET_STORE: "kv" },
    costs: {
      issue: { "kv.put": 1 },
      admit: { "kv.get": 1, "shard.fetch": 1 },
      used: { "kv.get": 1, "shard.fetch": 1 },
      unknown: { "kv.get": 1 },
    },
  },
  {
    vars: { TICKET_STORE: "durable" },
    costs: {
      issue: { "shard.fetch": 1 },
      admit: { "shard.fetch": 1 },
      used: { "shard.fetch": 1 },
      unknown: { "shard.fetch": 1 },
    },
  },
  {
    vars: { TICKET_STORE: "sealed", SEAL_KEY },
    costs: { issue: {}, admit: { "shard.fetch": 1 }, used: { "shard.fetch": 1 }, unknown: {} },
  },
];

for (const { vars, costs } of PRICES) {
  describe(`what a ticket costs with TICKET_STORE=${vars.TICKET_STORE}`, () => {
    let gate;
    before(async () => {
      gate = await startGate({ vars: { ...DEVELOPMENT, ...vars, TICKET_SHARDS: "4" }, edge: true });
    });
    after(() => gate?.close());

    async function costOf(act) {
      await gate.edge();
      await act();
      return gate.calls();
    }

    test("calls of bindings", async () => {
      let issued;
      const issue = await costOf(async () => {
        issued = await gate.issue();
      });
      const { ticket } = issued;
      const home = ticket.split("_")[1];
      const admit = await costOf(async () => assert.equal(await gate.opens(ticket), 101));
      const used = await costOf(async () => assert.equal(await gate.opens(ticket), 401));
      const unknown = await costOf(async () => assert.equal(await gate.opens(strange(home)), 401));
      assert.deepEqual({ issue, admit, used, unknown }, costs);
      assert.deepEqual(await costOf(() => gate.health()), {}, "/health is asked often, and costs nothing");
    });

    test("what `npm run cost` counts with", async () => {
      // What a first ticket makes in its shard, others find.
      await gate.opens((await gate.issue({ sub: "alice" })).ticket);
      await gate.edge();
      gate.forgetLines();
      await gate.opens((await gate.issue({ sub: "alice" })).ticket);
      const { "kv.put": kvWrites, "kv.get": kvReads, "shard.fetch": objectRequests, ...others } = await gate.calls();
      assert.deepEqual(others, {});
      const rowsWritten = (await gate.statements()).filter((text) => /^(INSERT|UPDATE)/.test(text)).length || undefined;
      const counted = { kvWrites, kvReads, objectRequests, rowsWritten };
      const { store } = await gate.health();
      assert.deepEqual(JSON.parse(JSON.stringify(counted)), STORES[store]);
      const bytes = gate.lines().reduce((sum, line) => sum + Buffer.byteLength(line), 0);
      assert.ok(Math.abs(bytes - LOG_BYTES) < 60, `${bytes} bytes of logs a ticket`);
    });

    test("one row a claim, spread over the shards that were asked for", async () => {
      const before = await gate.shardRows();
      const count = 40;
      const issued = await Promise.all(Array.from({ length: count }, (_, n) => gate.issue({ sub: `subject-${n}` })));
      for (const { ticket } of issued)
        for (const expected of [101, 401]) assert.equal(await gate.opens(ticket), expected);
      const rows = (await gate.shardRows()).slice(before.length);
      if (costs.admit["shard.fetch"] === undefined) return assert.deepEqual(rows, []);
      assert.equal(rows.length, count);
      const shards = new Set(rows.map(({ shard }) => shard));
      assert.ok(shards.size <= 4, `${shards.size} shards, and 4 were asked for`);
      assert.ok(shards.size >= 2, "forty subjects on a single shard of four");
    });

    test("all tickets of a subject are one shard's, so that her end is one row in each region", async () => {
      const before = await gate.shardRows();
      for (let count = 0; count < 8; count += 1) await gate.opens((await gate.issue({ sub: "alice" })).ticket);
      const rows = (await gate.shardRows()).filter(({ row }) => !before.some((old) => isDeepStrictEqual(old.row, row)));
      assert.equal(new Set(rows.map(({ shard }) => shard)).size, costs.admit["shard.fetch"] === undefined ? 0 : 1);
    });
  });
}
