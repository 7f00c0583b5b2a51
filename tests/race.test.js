// The race: a hundred connections present one ticket at the same moment, seventy-five times over.
//
// What the rounds are about is in the table that is printed at the end. KV alone is there for contrast: it is refused unless it is
// asked for, and then it can let several in. `npm run torture` is the long version.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { deadline } from "./support/pace.js";
import { assertProblem } from "./support/problem.js";
import { rounds } from "./support/race.js";

const ROUNDS = 75;
const CONNECTIONS = 100;
const CONTRAST_ROUNDS = 20;
/** Asked after a refusal only, for each of the thousands. */
const without = ["REFUSAL_LIMIT"];
const summary = [];

after((context) => {
  const lines = summary.map(({ name, total }) => {
    const rate = Math.round(total.connections / total.seconds);
    const columns = [
      name.padEnd(26),
      total.rounds,
      total.one,
      total.none,
      total.several,
      total.worst,
      total.seconds.toFixed(1),
      rate,
    ];
    return columns.map((column) => String(column).padStart(7)).join(" ");
  });
  const head = ["store".padEnd(26), "rounds", "one", "none", "several", "worst", "seconds", "conn/s"];
  context.diagnostic([head.map((column) => column.padStart(7)).join(" "), ...lines].join("\n"));
});

async function race(name, gates, count) {
  const issue = async (round) => (await gates[round % gates.length].issue()).ticket;
  const total = await rounds({ count, targets: gates, connections: CONNECTIONS, issue });
  summary.push({ name, total });
  return total;
}

function exactlyOne(total) {
  assert.equal(total.rounds, ROUNDS);
  assert.equal(total.connections, ROUNDS * CONNECTIONS);
  assert.deepEqual(total.other, {}, "every connection was admitted or refused with 401");
  assert.deepEqual([total.one, total.none, total.several], [ROUNDS, 0, 0], `worst round: ${total.worst} admitted`);
}

test(`memory: exactly one of ${CONNECTIONS} in each of ${ROUNDS} rounds`, async () => {
  const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "memory" }, without });
  try {
    const health = await gate.health();
    assert.equal(health.guarantee, "single-use");
    exactlyOne(await race(health.store, [gate], ROUNDS));
  } finally {
    await gate.close();
  }
});

test(`two isolates on kv: exactly one of ${CONNECTIONS} in each of ${ROUNDS} rounds`, async () => {
  const vars = { ...DEVELOPMENT, TICKET_STORE: "kv" };
  const gates = await startGates([
    { vars, without },
    { vars, without, shares: true },
  ]);
  try {
    const { store, reach } = await gates[1].health();
    assert.equal(reach, "global");
    exactlyOne(await race(`${store}, two isolates`, gates, ROUNDS));
    // They are two, and they do share: memory of one is nothing to the other, KV and the shards are.
    for (const [one, other] of [gates, [...gates].reverse()]) {
      const { ticket } = await one.issue();
      assert.equal(await other.opens(ticket), 101);
      assert.equal(await one.opens(ticket), 401);
    }
  } finally {
    await gates[0].close();
  }
});

test("two isolates on memory do not share: that is what their reach says", async () => {
  const vars = { ...DEVELOPMENT, TICKET_STORE: "memory" };
  const [one, other] = await startGates([{ vars }, { vars, shares: true }]);
  try {
    assert.equal((await one.health()).reach, "isolate");
    const { ticket } = await one.issue();
    assert.equal(await other.opens(ticket), 401);
    assert.equal(await one.opens(ticket), 101);
  } finally {
    await one.close();
  }
});

test("KV alone is refused, and says what would allow it", async () => {
  const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv" }, without: ["TICKET_SHARD"] });
  try {
    const answer = await gate.request({ path: "/health" });
    assert.equal(answer.status, 500);
    for (const name of ["TICKET_SHARD", "ALLOW_BEST_EFFORT"]) assert.ok(answer.text.includes(name), name);
    assertProblem(await gate.post(), 500, "misconfigured");
  } finally {
    await gate.close();
  }
});

test("KV alone, when it is asked for, admits all who read before the first delete: that is why it is refused", async () => {
  const vars = { ...DEVELOPMENT, TICKET_STORE: "kv", ALLOW_BEST_EFFORT: "true" };
  const gate = await startGate({ vars, without: ["TICKET_SHARD", ...without], edge: true });
  try {
    assert.equal((await gate.health()).guarantee, "best-effort");
    // As it comes: nobody knows how many, but one at least.
    const total = await race("kv alone", [gate], CONTRAST_ROUNDS);
    assert.deepEqual(total.other, {});
    assert.equal(total.none, 0, "at least one gets in");
    // And with deletes that take their time, which KV may.
    const { ticket } = await gate.issue();
    await gate.edge({ kv: { delete: { how: "late", ms: deadline(1000) } } });
    const admitted = await Promise.all([1, 2, 3].map(() => gate.opens(ticket)));
    assert.deepEqual(admitted, [101, 101, 101], "is KV alone single-use now?");
    assert.equal(await gate.opens(ticket), 401, "once it is deleted it is gone");
  } finally {
    await gate.close();
  }
});
