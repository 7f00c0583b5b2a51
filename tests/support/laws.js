// The laws that every store is held to, 1 to 5: what a ticket is, with every part in order. 6 to 9 are in `laws-faults.js`.
//
// A law is a plain function of `{ gate, row, health, start }`: a gate with `faulty-entry.js` in front, its row of `rows.js`,
// what it says of itself, and a way to start another gate of the same row. What is required follows from the guarantee that the
// gate declares, never from a store's name.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { assertRefused } from "./problem.js";
import { rounds } from "./race.js";
import { altered, parts, strange, TICKET } from "./tickets.js";

async function admitsOne({ gate }) {
  const { ticket } = await gate.issue({ sub: "alice", room: "lobby" });
  assert.match(ticket, TICKET);
  const first = await gate.upgrade(ticket);
  assert.equal(first.status, 101);
  const welcome = await first.message();
  assert.deepEqual([welcome.subject, welcome.room], ["alice", "lobby"]);
  assertRefused(await gate.upgrade(ticket));
  await first.leave();
  for (let again = 0; again < 3; again += 1) assertRefused(await gate.upgrade(ticket));
}

async function unknownAdmitsNone({ gate }) {
  const { ticket } = await gate.issue();
  const { home } = parts(ticket);
  const unknown = [strange(home), strange(home), strange("zz9"), strange("0")];
  for (const index of [0, 20, 41]) unknown.push(altered(ticket, index));
  const texts = new Set();
  for (const other of unknown) {
    const answer = await gate.upgrade(other);
    assertRefused(answer);
    texts.add(answer.text);
  }
  assert.equal(texts.size, 1, "unknown tickets are refused with different words");
  assert.equal(await gate.opens(ticket), 101, "the known ticket beside them");
}

async function racing({ gate, health }) {
  const options = { targets: [gate], connections: 30, issue: async () => (await gate.issue()).ticket };
  const total = await rounds({ count: 20, ...options });
  assert.deepEqual(total.other, {}, "every connection is admitted or refused with 401");
  assert.equal(total.none, 0, "some rounds admitted none");
  if (health.guarantee === "single-use") assert.equal(total.several, 0, `as many as ${total.worst} got in`);
}

async function expires({ gate, start }) {
  // With the clock standing still: to the millisecond, wherever in the second the ticket was issued.
  for (const offset of [0, 1, 250, 999]) {
    const now = Math.floor(Date.now() / 1000) * 1000 + offset;
    await gate.edge({ clock: now });
    const [early, late] = [await gate.issue(), await gate.issue()];
    const end = now + early.expires_in * 1000;
    assert.equal(Date.parse(early.expires_at), end, "expires_at and expires_in agree");
    await gate.edge({ clock: end - 1 });
    assert.equal(await gate.opens(early.ticket), 101, "one millisecond before its end");
    await gate.edge({ clock: end });
    assertRefused(await gate.upgrade(late.ticket));
    await gate.edge({ clock: now });
    assert.equal(await gate.opens(early.ticket), 401, "used stays used, whatever the clock says");
  }
  await gate.edge();
  // And with a real second, the shortest life there is: a floor of the platform can't be seen.
  const brief = await start({ TICKET_TTL_SECONDS: "1" });
  try {
    const [early, late] = [await brief.issue(), await brief.issue()];
    assert.equal(early.expires_in, 1);
    const status = await brief.opens(early.ticket);
    // On a busy machine the second may have passed meanwhile.
    if (Date.now() < Date.parse(early.expires_at)) assert.equal(status, 101, "alive before its end");
    await sleep(Math.max(0, Date.parse(late.expires_at) + 5 - Date.now()));
    assertRefused(await brief.upgrade(late.ticket));
  } finally {
    await brief.close();
  }
}

async function doNotTouch({ gate }) {
  const names = Array.from({ length: 24 }, (_, i) => (i % 3 === 0 ? "same" : `user-${i}`));
  const issued = await Promise.all(names.map(async (sub, i) => gate.issue({ sub, room: `room-${i}` })));
  assert.equal(new Set(issued.map(({ ticket }) => ticket)).size, names.length, "a ticket was given out twice");
  // Every second one is used, together; the others are untouched by that, and open afterwards in another order.
  const open = async (i) => {
    const answer = await gate.upgrade(issued[i].ticket);
    assert.equal(answer.status, 101, `ticket ${i}`);
    const { subject, room } = await answer.message();
    await answer.leave();
    assert.deepEqual([subject, room], [names[i], `room-${i}`]);
  };
  const all = names.map((_, i) => i);
  await Promise.all(all.filter((i) => i % 2 === 0).map(open));
  for (const i of all.filter((i) => i % 2 === 1).reverse()) await open(i);
  for (const i of all) assert.equal(await gate.opens(issued[i].ticket), 401);
}

export const laws = [
  { number: 1, name: "a ticket admits one connection", hold: admitsOne },
  { number: 2, name: "an unknown ticket admits none", hold: unknownAdmitsNone },
  { number: 3, name: "racing connections: exactly one is admitted", hold: racing },
  { number: 4, name: "an expired ticket admits none, at the same millisecond in every store", hold: expires },
  { number: 5, name: "tickets do not touch each other", hold: doNotTouch },
];
