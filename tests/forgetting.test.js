// What a shard forgets, and when: never before a ticket can be of no use, whatever the clocks say that differ by less than the
// margin; and nothing is admitted again because it was forgotten. With clocks that stand still, one for the shard and one for the gate.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { assertRefused } from "./support/problem.js";
import { strange } from "./support/tickets.js";

/** Expiry times that share a table, and how much longer than its ticket a record is kept. In milliseconds. */
const BUCKET = 300_000;
const MARGIN = 10_000;
const HOUR = 3_600_000;
/** The beginning of a bucket, a day ahead: no alarm comes by itself while the tests run. */
const START = Math.ceil((Date.now() + 24 * HOUR) / BUCKET) * BUCKET;

for (const [store, forgotten] of [
  ["durable", "unknown"],
  ["kv", "expired"],
]) {
  describe(`what a shard forgets, TICKET_STORE=${store}`, () => {
    /** The Worker in which the shards are, and one that asks them: each has its own clock. */
    let shard;
    let gate;
    before(async () => {
      const vars = { ...DEVELOPMENT, TICKET_STORE: store, TICKET_SHARDS: "1", TICKET_TTL_SECONDS: "3600" };
      [shard, gate] = await startGates([
        { vars, edge: true },
        { vars, edge: true, shares: true },
      ]);
    });
    after(() => shard?.close());

    async function clocks(ofShard, ofGate = ofShard) {
      await shard.edge({ clock: ofShard });
      await gate.edge({ clock: ofGate });
    }
    /** A ticket that expires then. */
    async function ticketUntil(end) {
      await clocks(end - HOUR);
      return (await gate.issue()).ticket;
    }
    async function refusedAs(ticket, ...reasons) {
      gate.forgetLines();
      assertRefused(await gate.upgrade(ticket));
      const [{ reason }] = await gate.eventually(({ event }) => event === "refused");
      assert.ok(reasons.includes(reason), `refused as ${reason}, not as ${reasons}`);
    }
    const tables = async () => [...new Set((await shard.shardRows()).map(({ table }) => table))].sort();
    const table = (end) => `tickets_${Math.floor(end / BUCKET)}`;
    const alarm = async (options) => (await shard.shardAlarms(options)).find((at) => at !== null) ?? null;

    test("nothing before its time, and what is forgotten admits nobody", async () => {
      // The last millisecond of one bucket, and some time in the next.
      const [first, second] = [START + HOUR - 1, START + HOUR + BUCKET / 2];
      const ends = first + 1 + MARGIN;
      const [used, late, never] = [await ticketUntil(first), await ticketUntil(first), await ticketUntil(first)];
      const [next, last] = [await ticketUntil(second), await ticketUntil(second)];
      assert.equal(await gate.opens(used), 101);
      assert.equal(await gate.opens(next), 101);
      assert.deepEqual(await tables(), [table(first), table(second)]);
      assert.equal(await alarm(), ends, "the alarm comes when the first table is of no more use");
      // However often and however early an alarm comes, and in whatever instance of the object.
      for (const now of [START, first - 1, first, first + 1, first + MARGIN - 1]) {
        await clocks(now, first - 1);
        await shard.evict();
        assert.equal(await alarm({ run: true }), ends, `at ${now - first}`);
        await refusedAs(used, "used");
        await refusedAs(next, "used");
      }
      // A gate whose clock lags behind the shard's by less than the margin: a good ticket is good, once.
      assert.equal(await gate.opens(late), 101);
      await refusedAs(late, "used");
      // From here on a claim may be forgotten; the table is there for one millisecond more.
      await clocks(first + MARGIN, first - 1);
      await alarm({ run: true });
      await refusedAs(used, "used", "expired");
      await clocks(ends, first - 1);
      assert.equal(await alarm({ run: true }), ends + BUCKET, "the next table's");
      assert.deepEqual(await tables(), [table(second)]);
      for (const ticket of [used, late, never]) await refusedAs(ticket, forgotten);
      await shard.evict();
      for (const ticket of [used, late, never]) await refusedAs(ticket, forgotten);
      // The other bucket's tickets aren't touched by that.
      await refusedAs(next, "used");
      assert.equal(await gate.opens(last), 101);
      await refusedAs(last, "used");
      await clocks(ends + BUCKET, second - 1);
      assert.equal(await alarm({ run: true }), ends + BUCKET, "it was set again for nothing");
      assert.deepEqual(await shard.shardRows(), []);
      for (const ticket of [next, last, used]) await refusedAs(ticket, forgotten);
    });

    test("an hour's tickets, in as many tables as there can be, open once each", async () => {
      const ends = Array.from({ length: 12 }, (_, i) => START + 2 * HOUR + i * BUCKET);
      const tickets = [];
      for (const end of ends) tickets.push(await ticketUntil(end), await ticketUntil(end + BUCKET - 1));
      const order = tickets.map((_, i) => (i * 7) % tickets.length);
      for (const i of order) assert.equal(await gate.opens(tickets[i]), 101, `ticket ${i}`);
      assert.deepEqual(await tables(), [...new Set(ends.map(table))]);
      for (const i of order) await refusedAs(tickets[i], "used");
    });

    test("an alarm looks at no ticket, and drops what is over whole", async () => {
      const before = await tables();
      assert.ok(before.length >= 12);
      await clocks(START + 2 * HOUR + 3 * BUCKET + MARGIN);
      await alarm({ run: true });
      const statements = await shard.statements();
      const dropped = before.slice(0, 3).map((name) => `DROP TABLE "${name}"`);
      assert.deepEqual(
        statements.filter((statement) => !statement.includes("sqlite_master")),
        dropped,
      );
      assert.deepEqual(await tables(), before.slice(3));
    });

    test("a ticket costs few statements, one that nobody issued fewer, in however many tables", async () => {
      if (store !== "durable") return assert.equal((await tables()).length, 9, "tickets are looked for in KV");
      const end = START + 5 * HOUR;
      const [old, fresh] = [await ticketUntil(end - 3 * BUCKET), await ticketUntil(end)];
      const home = fresh.split("_")[1];
      const cost = async (ticket, status) => {
        await clocks(end - HOUR);
        assert.equal(await gate.opens(ticket), status);
        return (await shard.statements()).length;
      };
      await cost(strange(home), 401);
      // Each instance looks once whether somebody's sessions were ended.
      await cost(await ticketUntil(end), 101);
      assert.ok((await tables()).length >= 11);
      assert.equal(await cost(strange(home), 401), 2, "nobody's");
      assert.equal(await cost(fresh, 101), 1, "in the newest table");
      assert.equal(await cost(fresh, 401), 2, "used");
      assert.equal(await cost(old, 101), 3, "in an older table");
      assert.equal(await cost(old, 401), 3, "used, in an older table");
    });
  });
}
