// The laws that every store is held to, 6 to 9: what becomes of a ticket when something fails. 1 to 5 are in `laws.js`.
import assert from "node:assert/strict";
import { dump, strings } from "./dump.js";
import { until } from "./pace.js";
import { assertRefused, assertUnavailable } from "./problem.js";
import { race } from "./race.js";
import { EVERYTHING_BROKEN, fail, heal } from "./rows.js";
import { digest, parts } from "./tickets.js";

async function noAnswerIsNotUnknown(held) {
  const { gate, row, health } = held;
  for (const fault of row.consumeOutages) {
    const { ticket } = await gate.issue();
    await fail(held, fault);
    const answer = await gate.upgrade(ticket);
    if (answer.status === 101) {
      assert.ok(fault.retried, `${fault.name}: admitted without an answer of the store`);
      await answer.leave();
    } else assertUnavailable(answer);
    await heal(held);
    const then = await gate.opens(ticket);
    assert.equal(then, answer.status === 101 ? 401 : 101, `${fault.name}: ${answer.status}, and healed ${then}`);
    assert.equal(await gate.opens(ticket), 401, `${fault.name}: a second admission`);
  }
  for (const fault of row.issueOutages) {
    await fail(held, fault);
    const answer = await gate.post();
    assertUnavailable(answer);
    assert.ok(!answer.text.includes("wst_"), `${fault.name}: a ticket was given out`);
    await heal(held);
    assert.equal(await gate.opens((await gate.issue()).ticket), 101, `${fault.name}: healed`);
  }
  if (row.stepsDown.length > 0) await stepsDown(held);
  // A store without edges answers right while everything else is down; the others were tried above.
  const faults = [row.issueOutages, row.stepsDown, row.consumeOutages];
  const needsNothing = faults.every((list) => list.length === 0);
  if (health.reach !== "isolate")
    assert.ok(!needsNothing, "a store of wider reach has edges; its row says how they fail");
  if (needsNothing) {
    await gate.edge(EVERYTHING_BROKEN);
    const { ticket } = await gate.issue();
    assert.equal(await gate.opens(ticket), 101);
    assertRefused(await gate.upgrade(ticket));
    assert.deepEqual(await gate.calls(), {}, "bindings that it does not need were called");
    await gate.edge();
  }
}

// A list goes on with a fresh ticket in another store, and says so. On a gate of its own: the store that failed then rests, and
// the other laws want to find it awake.
async function stepsDown({ row, start, backing }) {
  const gate = await start();
  const held = { gates: [gate], backing };
  try {
    gate.forgetLines();
    const home = parts((await gate.issue()).ticket).home;
    for (const fault of row.stepsDown) {
      await fail(held, fault);
      const { ticket } = await gate.issue();
      assert.notEqual(parts(ticket).home, home, fault.name);
      await heal(held);
      for (const expected of [101, 401]) assert.equal(await gate.opens(ticket), expected, fault.name);
    }
    // Told when it changes, and not again for each ticket: the first store rests all the while, or fails.
    const fell = await gate.eventually(({ event }) => event === "fell_back");
    assert.ok(fell.every(({ level }) => level === "alert"));
    assert.equal(fell.length, gate.events().filter(({ event }) => event === "recovered").length + 1);
  } finally {
    await gate.close();
  }
}

/** Waits until what hung no longer rests, by the ticket that found out. Answers how often that was admitted. */
async function awake(gate, ticket) {
  const answered = async () => [await gate.opens(ticket)].find((status) => status !== 503);
  return Number((await until(answered, "what hung is asked again", { every: 50 })) === 101);
}

async function lostReply(held) {
  const { gate, row } = held;
  // Lost inside: the store did it, and its answer never came.
  for (const fault of row.lostReplies) {
    const { ticket } = await gate.issue();
    await fail(held, fault);
    const answer = await gate.upgrade(ticket);
    await heal(held);
    if (answer.status === 101) await answer.leave();
    else assertUnavailable(answer);
    const { name, retried } = fault;
    if (retried) assert.equal(answer.status, 101, `${name}: asking again with the same attempt gives the same answer`);
    const later = [await gate.opens(ticket), await gate.opens(ticket)];
    const admitted = [answer.status, ...later].filter((status) => status === 101).length;
    assert.ok(admitted <= 1, `${name}: ${admitted} admissions`);
  }
  // The same in a race, and with every other fault as well: some of the racers ask again, and still one gets in at most.
  for (const fault of [...row.lostReplies, ...row.consumeOutages]) {
    const { ticket } = await gate.issue();
    await fail(held, fault);
    const { admitted } = await race({ targets: [gate], ticket, connections: 20 });
    await heal(held);
    const first = await awake(gate, ticket);
    const healed = await race({ targets: [gate], ticket, connections: 5 });
    assert.ok(
      admitted + first + healed.admitted <= 1,
      `${fault.name}: ${admitted} admissions in the race, ${first + healed.admitted} after it`,
    );
  }
  // Lost outside: the connection is cut before the client could read 101. Another one may get in only if that one did not.
  for (const cutAfter of [0, 1, 2, 5, 10]) {
    gate.forgetLines();
    const { ticket } = await gate.issue();
    const [{ ticket_id }] = await gate.eventually((event) => event.event === "issued");
    const cut = gate.upgrade(ticket, { signal: AbortSignal.timeout(cutAfter) });
    const first = await cut.then((answer) => answer.leave().then(() => answer.status)).catch(() => "cut");
    // What the gate has begun is done when something that began later is.
    const meanwhile = async () => assert.equal(await gate.opens((await gate.issue()).ticket), 101);
    await meanwhile();
    for (let again = 0; again < 2; again += 1) await gate.opens(ticket);
    const mine = (event) => event.event === "consumed" && event.ticket_id === ticket_id;
    await gate.eventually(mine);
    await meanwhile();
    assert.equal(gate.events().filter(mine).length, 1, `cut after ${cutAfter} ms (${first}): admitted more than once`);
  }
}

async function heldCantBePresented({ start, backing }) {
  // A gate of its own, where all that is held is known.
  const gate = await start();
  try {
    await presentAll(gate, backing);
  } finally {
    await gate.close();
  }
}

async function presentAll(gate, backing) {
  const used = await gate.issue({ sub: "used" });
  assert.equal(await gate.opens(used.ticket), 101);
  const live = await gate.issue({ sub: "live" });
  const at = Date.now();
  const held = await dump(gate, backing);
  const text = JSON.stringify(held);
  const { home } = parts(live.ticket);
  for (const { ticket } of [used, live]) {
    assert.ok(!text.includes(parts(ticket).secret), "a store holds the secret of a ticket");
    const bytes = Buffer.from(parts(ticket).secret, "base64url");
    for (const form of ["hex", "base64"])
      assert.ok(!text.includes(bytes.toString(form)), `the secret is held in ${form}`);
  }
  // Everything that is held, as it is and dressed up as a ticket.
  const texts = new Set([digest(live.ticket), ...strings(held)]);
  for (const text of texts) {
    const hexes = text.match(/[0-9a-f]{64}/g) ?? [];
    const dressed = hexes.map((hex) => `wst_${home}_${Buffer.from(hex, "hex").toString("base64url")}`);
    for (const presented of [text, `wst_${home}_${text}`, ...hexes, ...dressed]) {
      const status = await gate.opens("", { query: `ticket=${encodeURIComponent(presented)}` });
      assert.ok(status === 400 || status === 401, `${presented} is answered ${status}`);
    }
  }
  assert.equal(await gate.opens(live.ticket), 101, "none of that burned the ticket");
  await holdsNothingAfterwards(gate, [used, live], held.onServer, at);
}

/** `onServer` is what the server held at the moment `at`, or a little later. */
async function holdsNothingAfterwards(gate, issued, onServer, at) {
  const end = Math.max(...issued.map(({ expires_at }) => Date.parse(expires_at)));
  const floor = 60_000;
  for (const { name, expiration } of await gate.kvEntries()) {
    assert.ok(
      expiration * 1000 <= Math.max(end, Date.now() + floor) + 1000,
      `${name} is held longer than its ticket lives`,
    );
  }
  for (const { key, ttl } of onServer) {
    assert.ok(ttl >= 0 && at + ttl * 1000 <= end + 2000, `${key} is held for ${ttl} s`);
  }
  const hour = 3_600_000;
  for (const at of await gate.shardAlarms()) {
    assert.ok(at === null || at <= end + hour, "a shard cleans up more than an hour after the last ticket's end");
  }
  const holding = new Set((await gate.shardRows()).map(({ shard }) => shard));
  const alarms = await gate.shardAlarms();
  assert.equal(alarms.filter((at) => at !== null).length >= holding.size, true, "a shard with rows has no alarm");
  await gate.edge({ clock: end + 2 * hour });
  await gate.shardAlarms({ run: true });
  const left = await gate.shardRows();
  await gate.edge();
  assert.deepEqual(left, [], "a shard still holds something of tickets that ended two hours ago");
}

async function evictedStillKnows({ gate, row, health }) {
  const global = health.reach.startsWith("global");
  const [used, live, later] = [await gate.issue(), await gate.issue(), await gate.issue()];
  assert.equal(await gate.opens(used.ticket), 101);
  await gate.evict();
  assertRefused(await gate.upgrade(used.ticket));
  assert.equal(await gate.opens(live.ticket), 101, "evicted");
  await gate.evict();
  assertRefused(await gate.upgrade(live.ticket));
  // A deploy starts every isolate afresh. What reaches no further than an isolate is lost: refused, and never admitted twice.
  for (const vars of [{}, row.changed]) {
    await gate.redeploy(vars);
    assertRefused(await gate.upgrade(used.ticket));
    assertRefused(await gate.upgrade(live.ticket));
  }
  const afterwards = await gate.opens(later.ticket);
  assert.ok(afterwards === 101 || (afterwards === 401 && !global), `issued before the deploy: ${afterwards}`);
  assertRefused(await gate.upgrade(later.ticket));
  assert.equal(await gate.opens((await gate.issue()).ticket), 101, "issued after the deploy");
}

export const lawsOfFaults = [
  { number: 6, name: 'no answer is not "unknown": 503, and nothing is admitted', hold: noAnswerIsNotUnknown },
  { number: 7, name: "a lost reply never admits two", hold: lostReply },
  {
    number: 8,
    name: "what a store holds can't be presented; when the TTL has passed it holds nothing",
    hold: heldCantBePresented,
  },
  {
    number: 9,
    name: "an evicted, restarted or redeployed store of global reach still knows its tickets",
    hold: evictedStillKnows,
  },
];
