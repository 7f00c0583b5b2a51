// Planted secrets where sessions are renewed and ended: tickets in frames and in bodies, the operator's tokens, what members say. None of it
// stands in a log line, an answer, `/health`, a shard or a room.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { control } from "./support/control.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { enter } from "./support/hub.js";
import { strange } from "./support/tickets.js";
import { Witness } from "./support/witness.js";

const witness = new Witness();
const [token, oldToken] = ["ADMIN_TOKEN", "ADMIN_TOKEN_PREVIOUS"].map((name) => witness.secret(name));
const vars = { ...DEVELOPMENT, TICKET_STORE: "durable", SESSION: "hub", REFUSE_WITH: "close" };
let gates;
let gate;
before(async () => {
  gates = await startGates([
    { vars: { ...vars, ADMIN_TOKEN: token, ADMIN_TOKEN_PREVIOUS: oldToken }, edge: true },
    { vars: { ...vars, ADMIN_TOKEN: witness.secret("a short token").slice(0, 31) } },
    { vars: { ...vars, ADMIN_TOKEN: token, REFUSE_WITH: witness.secret("a wrong word") } },
    { vars: { ...vars, ADMIN_TOKEN: token, ROOM_MEMBERS_MAX: witness.secret("a wrong number") } },
  ]);
  [gate] = gates;
});
after(() => gate?.close());

const ask = (path, body, by = token) => witness.see(`POST ${path}`, control(gate, path, body, by));
/** A ticket, planted. */
async function ticketFor(body) {
  const { ticket } = await gate.issue(body);
  return witness.plantTicket("a ticket", ticket);
}

test("a session is renewed and refused, and its members speak", async () => {
  const body = { sub: "alice", room: "r" };
  const [alice, bob] = [await enter(gate, body), await enter(gate, { sub: "bob", room: "r" })];
  const said = witness.secret("what a member says");
  alice.peer.send(said);
  assert.equal(JSON.parse(await bob.peer.next()).data, said);
  const made = witness.plantTicket("a made-up ticket", strange("d0"));
  for (const [ticket, type] of [
    [await ticketFor(body), "renewed"],
    [await ticketFor({ sub: "bob" }), "renew_refused"],
    [made, "renew_refused"],
    [witness.secret("no ticket"), "renew_refused"],
  ]) {
    alice.peer.send(JSON.stringify({ type: "renew", ticket }));
    const answer = await alice.peer.next();
    assert.equal(JSON.parse(answer).type, type);
    witness.keep("a frame", answer);
  }
  // With a store that fails in the middle of it.
  const late = await ticketFor(body);
  await gate.edge({ shard: { fetch: { how: "throw", says: late } } });
  alice.peer.send(JSON.stringify({ type: "renew", ticket: late }));
  witness.keep("a frame", await alice.peer.next());
  await gate.edge();
  assert.deepEqual(bob.peer.messages, []);
  // What is too long for a ticket is said to the others, as everything is: here it is the shape alone that is tried.
  const closed = await Promise.all([alice, bob].map(({ peer }) => peer.close(1000)));
  for (const { reason } of closed) witness.keep("a close", String(reason));
});

test("operators end, extend, list and revoke", async () => {
  await enter(gate, { sub: "carol", room: "c" });
  for (const by of [token, oldToken, witness.secret("a wrong token")]) {
    await ask("/ws-ticket/revoke", { ticket: await ticketFor() }, by);
    await ask("/sessions/list", { subject: "carol" }, by);
    await ask("/sessions/extend", { subject: "carol", seconds: 60 }, by);
    await ask("/sessions/end", { subject: "carol" }, by);
    await ask("/sessions/end", { subject: "carol", more: witness.secret("a member that there isn't") }, by);
  }
  const ticket = await ticketFor({ sub: "carol", room: "c" });
  await gate.edge({ shard: { fetch: { how: "throw", says: ticket } }, room: { ask: { how: "throw", says: ticket } } });
  await ask("/ws-ticket/revoke", { ticket });
  await ask("/sessions/end", { subject: "carol" });
  await gate.edge();
  assert.equal((await ask("/sessions/end", { subject: "carol" })).status, 200);
});

test("nothing came out", async () => {
  for (const wrong of gates.slice(1)) assert.equal((await witness.see("POST /ws-ticket", wrong.post())).status, 500);
  await witness.collect(gates);
  for (const id of await gate.worker.listDurableObjectIds("TICKET_ROOM")) {
    const storage = await gate.worker.getDurableObjectStorage("TICKET_ROOM", { id });
    for (const { name } of await storage.exec("SELECT name FROM sqlite_schema WHERE type = 'table'"))
      if (!/^(_cf_|__miniflare_|sqlite_)/.test(name))
        witness.keep("a room", JSON.stringify(await storage.exec(`SELECT * FROM "${name}"`)));
  }
  assert.deepEqual(witness.finds(), []);
  const codes = ["admin_refused", "body_malformed", "misconfigured", "store_unavailable"];
  assert.deepEqual([...witness.codes].sort(), codes);
  const { places, characters } = witness.searched;
  assert.ok(witness.planted > 15 && places > 40 && characters > 5000, JSON.stringify(witness.searched));
});
