// What is no pair of operations: memory over many tickets, how often stores are asked, and how long a process takes to its first
// answer.
import { load } from "./load.js";
import { median } from "./pairs.js";
import { start } from "./process.js";
import { gate, wrapped } from "./sides.js";

const LOOKS = 20;
const TICKETS = 20;

/** Bytes of the process after each twentieth of `count` tickets, none of which is ever used. They expire after a second. */
export async function memoryOver(count) {
  const server = await start(gate("memory", { TICKET_STORE: "memory", TICKET_TTL_SECONDS: "1" }));
  try {
    const looks = [];
    for (let look = 0; look < LOOKS; look += 1) {
      await load(server, { operation: "issue", count: count / LOOKS, width: 16 });
      looks.push(server.memory());
    }
    return looks;
  } finally {
    await server.stop();
  }
}

/** How often each binding of a store is asked for a ticket that is used: `{ name, asked: { "kv.put": 1 } }` for each side. */
export async function operations(sides) {
  const all = [];
  for (const side of sides) {
    const server = await start(wrapped(side, side.name, {}));
    try {
      const asked = async () => (await fetch(`http://127.0.0.1:${server.port}/__operations`)).json();
      await asked();
      await load(server, { operation: "lifecycle", count: TICKETS, width: 1 });
      const counts = Object.entries(await asked()).map(([name, count]) => [name, count / TICKETS]);
      all.push({ name: side.name, asked: Object.fromEntries(counts) });
    } finally {
      await server.stop();
    }
  }
  return all;
}

async function firstAnswer(side) {
  const server = await start(side);
  try {
    const began = performance.now();
    const answer = await fetch(`http://127.0.0.1:${server.port}/nowhere`);
    await answer.text();
    return server.startedIn + performance.now() - began;
  } finally {
    await server.stop();
  }
}

/** Milliseconds from the start of a process to its first answer: ours and theirs, in turns. */
export async function startUp(ours, theirs, rounds) {
  const times = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, side] of [ours, theirs].entries()) times[at].push(await firstAnswer(side));
  }
  const [a, b] = times.map(median);
  return { ours: a, theirs: b, more: median(times[0].map((ms, at) => ms - times[1][at])) };
}
