// `npm run torture -- --ends`: ending sessions while everything else goes on. Every row of `rows.js`; in each round somebody asks for
// tickets, opens a socket in a room where others speak, and is ended meanwhile. Once the end has been answered, none of the tickets from
// before opens anything, at either of two isolates, and nothing that is said later reaches the socket.
//
// `npm run torture -- --ends durable redis` takes only those rows; TORTURE_ROUNDS (10000) is how many rounds, TORTURE_LANES (12) how many
// go on at once.
import assert from "node:assert/strict";
import { control, TOKEN } from "./support/control.js";
import { startGates } from "./support/harness.js";
import { enter } from "./support/hub.js";
import { Peer } from "./support/peer.js";
import { rows } from "./support/rows.js";

const ROUNDS = Number(process.env.TORTURE_ROUNDS ?? 10_000);
const LANES = Number(process.env.TORTURE_LANES ?? 12);
const wanted = process.argv.slice(2);
const chosen = rows.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (chosen.length === 0) {
  console.error(`ws-ticket: no such row; there are: ${rows.map(({ name }) => name).join("; ")}`);
  process.exit(1);
}

async function torture(row) {
  const backing = await row.back?.();
  const vars = {
    ...row.vars,
    ...backing?.vars,
    STORE_TIMEOUT_MS: "30000",
    SESSION: "hub",
    ADMIN_TOKEN: TOKEN,
  };
  const apart = row.vars.TICKET_STORE.includes("memory") ? [{}] : [{}, { shares: true }];
  const gates = await startGates(apart.map((options) => ({ ...options, vars })));
  const total = { row, rounds: 0, opened: 0, refused: 0, exceptions: 0, began: performance.now() };
  const except = (what) => {
    total.exceptions += 1;
    console.log(`  ${row.name}: ${what}`);
  };
  let next = 0;

  async function lane(number) {
    const room = `lane-${number}`;
    let { peer: speaker } = await enter(gates[0], { sub: `speaker-${number}`, room });
    let said = 0;
    while (next < ROUNDS) {
      const round = next;
      next += 1;
      const sub = `r-${round}`;
      const gate = (at) => gates[(round + at) % gates.length];
      const [one, two] = await Promise.all([gate(0).issue({ sub, room }), gate(1).issue({ sub, room })]);
      const peer = new Peer(one.url, [], gate(0).headers);
      const opened = new Promise((resolve) =>
        peer.ws.once("open", () => resolve(true)).once("close", () => resolve(false)),
      );
      const late = gate(1).issue({ sub, room });
      // Anywhere between the first packet and long after the welcome.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
      let ticket;
      late.then((issued) => (ticket = issued.ticket));
      const ended = await control(gate(0), "/sessions/end", { subject: sub });
      const issued = ticket;
      if (ended.status !== 200) except(`an end was answered ${ended.status}`);
      said += 1;
      const after = `after ${round}`;
      speaker.send(after);
      for (const tried of [two.ticket, issued].filter((tried) => tried !== undefined))
        if ((await gate(1).opens(tried)) !== 401) except(`round ${round}: a ticket opens after its end`);
      const { code } = await peer.closed;
      if (![1006, 4401].includes(code)) except(`round ${round}: closed with ${code}`);
      if (peer.messages.some((message) => message.includes(after))) except(`round ${round}: heard what came later`);
      total[(await opened) ? "opened" : "refused"] += 1;
      total.rounds += 1;
      if (total.rounds % 500 === 0) progress(total);
      if (speaker.ws.readyState !== 1 || said % 200 === 0) {
        await speaker.close();
        ({ peer: speaker } = await enter(gates[0], { sub: `speaker-${number}-${round}`, room }));
      }
    }
    await speaker.close();
  }

  try {
    await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  } finally {
    await gates[0].close();
    await backing?.close();
  }
  total.seconds = Math.round((performance.now() - total.began) / 1000);
  return total;
}

function progress({ row, rounds, opened, exceptions, began }) {
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(
    `  ${row.name}: ${rounds} of ${ROUNDS} rounds in ${seconds} s; ${opened} opened, ${exceptions} exceptions`,
  );
}

const totals = [];
for (const row of chosen) totals.push(await torture(row));
console.log(
  "\n| store | rounds | the socket was open | it was refused | exceptions | seconds |\n| --- | --- | --- | --- | --- | --- |",
);
for (const { row, rounds, opened, refused, exceptions, seconds } of totals)
  console.log(`| \`${row.name}\` | ${rounds} | ${opened} | ${refused} | ${exceptions} | ${seconds} |`);
for (const { row, rounds, opened, refused, exceptions } of totals) {
  assert.equal(exceptions, 0, `${row.name}: ${exceptions} exceptions`);
  assert.equal(rounds, ROUNDS, row.name);
  assert.ok(opened > 0 && refused > 0, `${row.name}: the race is always decided the same way`);
}
console.log("\ntorture: nothing passed an end");
