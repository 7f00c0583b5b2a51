// `npm run torture`: the race for hours, in minutes. Every row of `rows.js`, many rounds of a hundred connections that present one
// ticket at the same moment, across two isolates where the store's reach allows, a third of the rounds with a fault. After
// each round all is healed and a few more connections try the same ticket. Single-use means: never more than one of all.
//
// `npm run torture -- durable redis` takes only those rows; TORTURE_ROUNDS (1000) and TORTURE_CONNECTIONS (100) the numbers;
// TORTURE_DOOR=redeem presents the tickets there instead of at /ws.
import assert from "node:assert/strict";
import os from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { DOORS } from "./support/doors.js";
import { startGates } from "./support/harness.js";
import { race } from "./support/race.js";
import { fail, heal, rows } from "./support/rows.js";

const ROUNDS = Number(process.env.TORTURE_ROUNDS ?? 1000);
const CONNECTIONS = Number(process.env.TORTURE_CONNECTIONS ?? 100);
const LATECOMERS = 3;
/** Short, so that rounds in which nothing answers end soon. */
const TIMEOUT_MS = 300;

const wanted = process.argv.slice(2);
const chosen = rows.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
function refuse(why) {
  console.error(`ws-ticket: ${why}`);
  process.exit(1);
}
for (const [name, count] of Object.entries({ TORTURE_ROUNDS: ROUNDS, TORTURE_CONNECTIONS: CONNECTIONS })) {
  if (!(Number.isSafeInteger(count) && count > 0)) refuse(`${name} is a number from 1`);
}
const door = DOORS.find(({ name }) => name === (process.env.TORTURE_DOOR ?? "/ws"));
if (door === undefined) refuse(`TORTURE_DOOR is one of: ${DOORS.map(({ name }) => name).join("; ")}`);
if (chosen.length === 0) refuse(`no such row; there are: ${rows.map(({ name }) => name).join("; ")}`);

/** Fault by fault, all of a row's in turn. The faults of issuing belong to the laws: here the ticket is out already. */
const faultsOf = (row) => [...row.consumeOutages, ...row.lostReplies];

async function torture(row) {
  const backing = await row.back?.();
  const vars = { ...row.vars, ...door.vars, ...backing?.vars, STORE_TIMEOUT_MS: String(TIMEOUT_MS) };
  const apart = row.vars.TICKET_STORE.includes("memory") ? [{}] : [{}, { shares: true }];
  const gates = (await startGates(apart.map((options) => ({ ...options, vars, edge: true })))).map(door.through);
  const held = { gates, backing };
  const total = { row, isolates: gates.length, rounds: 0, faults: 0, one: 0, none: 0, noneUnfaulted: 0, several: 0 };
  const began = performance.now();
  try {
    const { guarantee } = await gates[0].health();
    total.guarantee = guarantee;
    const faults = faultsOf(row);
    for (let round = 0; round < ROUNDS; round += 1) {
      const { ticket } = await gates[round % gates.length].issue();
      const fault = round % 3 === 2 && faults.length > 0 ? faults[Math.floor(round / 3) % faults.length] : undefined;
      if (fault) await fail(held, fault);
      const raced = await race({ targets: gates, ticket, connections: CONNECTIONS });
      if (fault) await heal(held);
      // What hung rests for a while; whoever presents the ticket until then is refused.
      const waited = fault ? await awake(gates, ticket) : 0;
      const late = await race({ targets: gates, ticket, connections: LATECOMERS });
      const admitted = raced.admitted + waited + late.admitted;
      total.rounds += 1;
      if (fault) total.faults += 1;
      total[admitted === 1 ? "one" : admitted === 0 ? "none" : "several"] += 1;
      if (!fault && admitted === 0) total.noneUnfaulted += 1;
      if (admitted > 1) console.log(`  ${row.name}: ${admitted} admitted, fault: ${fault?.name ?? "none"}`);
      total.seconds = Math.round((performance.now() - began) / 1000);
      if (total.rounds % 50 === 0) progress(total);
    }
  } finally {
    await gates[0].close();
    await backing?.close();
  }
  return total;
}

/** Waits until each gate has an answer for the ticket. Answers how often it was admitted. */
async function awake(gates, ticket) {
  let admitted = 0;
  for (const gate of gates) {
    let status = await gate.opens(ticket);
    for (; status === 503; status = await gate.opens(ticket)) await sleep(50);
    admitted += Number(status === 101);
  }
  return admitted;
}

function progress({ row, rounds, seconds, one, none, several }) {
  console.log(
    `  ${row.name}: ${rounds} of ${ROUNDS} rounds in ${seconds} s; one ${one}, none ${none}, more ${several}`,
  );
}

const totals = [];
for (const row of chosen) totals.push(await torture(row));

const cpu = `${os.cpus().length} × ${os.cpus()[0].model}`;
console.log(
  `\n${new Date().toISOString().slice(0, 10)}, ${os.platform()}, ${cpu}; ${CONNECTIONS} connections a round at ${door.name}`,
);
console.log("\n| store | isolates | rounds | with a fault | admitted exactly one | none | more than one | seconds |");
console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
for (const { row, isolates, rounds, faults, one, none, several, seconds } of totals) {
  console.log(`| ${[`\`${row.name}\``, isolates, rounds, faults, one, none, several, seconds].join(" | ")} |`);
}

for (const { row, guarantee, several, noneUnfaulted } of totals) {
  assert.equal(guarantee, "single-use", row.name);
  assert.equal(several, 0, `${row.name}: ${several} rounds admitted more than one`);
  assert.equal(noneUnfaulted, 0, `${row.name}: ${noneUnfaulted} rounds without a fault admitted none`);
}
console.log("\ntorture: no ticket was admitted twice");
