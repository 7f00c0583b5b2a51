// `npm run cost`: what it says is right to the cent, how it says it, and what it refuses. That a ticket takes what it counts with is
// tests/cost.test.js's to show.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { STORES } from "../scripts/cost/operations.js";
import { month } from "../scripts/cost/sum.js";
import { documents } from "../scripts/cost-tables.js";

const SCRIPT = fileURLToPath(new URL("../scripts/cost.js", import.meta.url));
const cost = (...args) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
};
const cents = (bill) => bill.dollars.toFixed(2);

// Worked out by hand, from the same pages.
for (const [store, small, large] of [
  ["kv", "25.00", "321.80"],
  ["durable", "5.75", "40.65"],
  ["kv+ledger", "15.30", "181.15"],
  ["sealed+ledger", "5.30", "26.15"],
  ["upstash", "17.00", "141.80"],
  ["redis", "5.00", "21.80"],
])
  test(`${store}: $${small} at 100,000 tickets a day, $${large} at 1,000,000`, () => {
    assert.deepEqual([cents(month(store, 1e5)), cents(month(store, 1e6))], [small, large]);
  });

test("the free plans end where the first of them does", () => {
  const ends = Object.keys(STORES).map((store) => [store, month(store, 1).freePlan.ticketsPerDay]);
  assert.deepEqual(Object.fromEntries(ends), {
    kv: 1000,
    "kv+ledger": 1000,
    durable: 50_000,
    "sealed+ledger": 50_000,
    upstash: 16_666 / 2,
    redis: 50_000,
    memory: 50_000,
  });
});

test("rooms and logs come on top", () => {
  const [plain, rooms, logs] = [{}, { roomMessages: 40 }, { logs: true }].map((more) => month("durable", 1e7, more));
  // 300M sessions: a connection and two requests each, at $0.15 for 1M.
  assert.equal((rooms.dollars - plain.dollars).toFixed(2), (300 * 3 * 0.15).toFixed(2));
  const written = logs.lines.find(({ what }) => what === "logBytes").quantity;
  assert.equal((logs.dollars - plain.dollars).toFixed(2), (((written - 50e9) / 1e9) * 0.25).toFixed(2));
});

test("a monitor comes on top, by isolates, and never by more than there is to tell", () => {
  const of = (isolates, tickets = 1e6) => month("durable", tickets, { isolates });
  const quantity = (bill, name) => bill.lines.find(({ what }) => what === name)?.quantity;
  const plain = month("durable", 1e6);
  // Ten isolates, each every 5 s; a row every 10 s; in memory all day.
  assert.equal(quantity(of(10), "objectRequests") - quantity(plain, "objectRequests"), 10 * 17_280 * 30);
  assert.equal(quantity(of(10), "rowsWritten") - quantity(plain, "rowsWritten"), 8_640 * 30);
  assert.equal(quantity(of(10), "objectSeconds").toFixed(), "331776");
  assert.equal((of(10).dollars - plain.dollars).toFixed(2), (5.184 * 0.15 + 0.2592).toFixed(2));
  // A hundred tickets a day are two hundred batches at most.
  assert.equal(quantity(of(1000, 100), "objectRequests"), (2 * 100 + 200) * 30);
  assert.equal(of(1).freePlan.ticketsPerDay, (100_000 - 17_280) / 2);
  assert.deepEqual(month("redis", 1e6, { isolates: 10 }).freePlan, { ticketsPerDay: 0, by: "object requests" });
  assert.equal(month("redis", 1e6, { isolates: 1 }).freePlan.ticketsPerDay, 50_000);
});

test("it shows each step, or a table, or JSON", () => {
  const { status, stdout } = cost("--tickets-per-day", "1000000", "--store", "durable");
  assert.equal(status, 0);
  assert.match(stdout, /durable, 1,000,000 tickets a day: \$40\.65/);
  const steps = [...stdout.matchAll(/^ +\$([\d.]+) {2}/gm)].map(([, dollars]) => Number(dollars));
  assert.equal(steps.reduce((sum, dollars) => sum + dollars, 0).toFixed(2), "40.65");
  assert.match(
    cost("--tickets-per-day", "1,2", "--format", "markdown").stdout,
    /^\| store \| 1 tickets a day \| 2 tickets/,
  );
  const { months } = JSON.parse(cost("--tickets-per-day", "1000000", "--format", "json").stdout);
  assert.deepEqual(
    months.map(({ store }) => store),
    Object.keys(STORES),
  );
});

test("what it can't count with is refused in a line, with what it wants", () => {
  for (const [args, said] of [
    [[], "how many tickets a day?"],
    [["--tickets-per-day", "many"], "whole number"],
    [["--tickets-per-day", "-1"], "tickets-per-day"],
    [["--tickets-per-day", "1e6"], "whole number"],
    [["--tickets-per-day", "1000000000000"], "whole number"],
    [["--tickets-per-day", "1", "--store", "toString"], "one of kv, kv+ledger"],
    [["--tickets-per-day", "1", "--format", "xml"], "table, json or markdown"],
    [["--tickets-per-day", "1", "--room-messages", "x"], "--room-messages"],
    [["--tickets-per-day", "1", "--isolates", "-"], "--isolates"],
    [["--bogus"], "--bogus"],
    [["1000"], "1000"],
  ]) {
    const { status, stdout, stderr } = cost(...args);
    assert.deepEqual([status, stdout], [1, ""], args.join(" "));
    assert.ok(stderr.startsWith("ws-ticket: ") && stderr.includes(said), `${args.join(" ")}: ${stderr}`);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

test("the documents' tables are what it says, in both languages", () => {
  const all = documents();
  assert.ok(all.length >= 2);
  for (const { file, text, wanted } of all) assert.equal(text, wanted, file);
});
