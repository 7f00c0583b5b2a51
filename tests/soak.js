// `npm run soak`: what is given up at its deadline leaves nothing in the wasm's memory, however often. Every kind of `hangs.js`,
// 20,000 calls of each that hang; before and after, the bytes of the memory and the length of the table of JavaScript values.
//
// `npm run soak -- Redis Upstash` takes only the kinds whose names contain one of these; SOAK_CALLS is another number.
import assert from "node:assert/strict";
import { atRest, hang, kinds } from "./support/hangs.js";
import { startGates } from "./support/harness.js";

const CALLS = Number(process.env.SOAK_CALLS ?? 20_000);
/** What is made once is made by these, and the widest that a crowd makes of it. */
const WARM_UP = 1000;
const WIDTH = 100;
/** Bytes by which memory may grow: it is not compacted, and crowds aren't equally wide. A value that stays takes 40 or more. */
const SLACK = Math.max(262_144, CALLS * 20);
/**
 * By how much the table of values may be longer. It doubles when it is full, and never shrinks: its length is the widest that a
 * crowd ever was. All calls of a crowd are answered before the next one begins, so at most two are there at once, what is behind
 * the answers of the one and the next one itself: one doubling. The warm-up's crowds may have been half as wide as the widest that
 * a busy machine makes: one more. Values that stay are told by `taken`, exactly.
 */
const DOUBLINGS = 2;

const wanted = process.argv.slice(2);
const chosen = kinds.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
function refuse(why) {
  console.error(`ws-ticket: ${why}`);
  process.exit(1);
}
if (!(Number.isSafeInteger(CALLS) && CALLS > 0)) refuse("SOAK_CALLS is a number of calls, from 1");
if (chosen.length === 0) refuse(`no such kind; there are: ${kinds.map(({ name }) => name).join("; ")}`);

const held = [];
for (const kind of chosen) held.push({ kind, started: await kind.start() });
const gates = await startGates(held.map(({ started }) => ({ vars: started.vars, edge: true })));
const rows = [];
try {
  for (const [index, gate] of gates.entries()) {
    const { kind, started } = held[index];
    await hang(kind, { gate, started }, WARM_UP, WIDTH);
    const before = await atRest(gate, undefined, 25);
    const began = performance.now();
    const calls = await hang(kind, { gate, started }, CALLS, WIDTH);
    const after = await atRest(gate, before);
    rows.push({ kind, calls, before, after });
    gate.forgetLines();
    console.log(`  ${kind.name}: ${calls} calls in ${Math.round((performance.now() - began) / 1000)} s`);
  }
} finally {
  await gates[0].close();
  await Promise.all(held.map(({ started }) => started.close()));
}

const kib = (bytes) => Math.round(bytes / 1024);
console.log("\n| what hangs | calls | memory, KiB | slots | taken | timers |");
console.log("| --- | --- | --- | --- | --- | --- |");
for (const { kind, calls, before, after } of rows) {
  const figures = [`${kib(before.memory)} → ${kib(after.memory)}`, `${before.slots} → ${after.slots}`];
  console.log(
    `| ${[kind.name, calls, ...figures, `${before.live} → ${after.live}`, `0 → ${after.timers}`].join(" | ")} |`,
  );
}
for (const { kind, before, after } of rows) {
  assert.ok(after.live <= before.live, `${kind.name}: ${after.live - before.live} values are left`);
  const slots = before.slots * 2 ** DOUBLINGS;
  assert.ok(after.slots <= slots, `${kind.name}: the table has ${after.slots} slots, more than ${slots}`);
  assert.ok(after.memory - before.memory <= SLACK, `${kind.name}: memory has grown`);
  assert.equal(after.timers, 0, `${kind.name}: timers are left`);
}
console.log("\nsoak: nothing is left");
