// Rooms: who hears whom and in which form, what a room takes and what it doesn't, awake and asleep.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { enter, silent } from "./support/hub.js";
import { assertProblem } from "./support/problem.js";

const MIB = 1024 * 1024;
const HUB = { ...DEVELOPMENT, TICKET_STORE: "durable", SESSION: "hub" };

async function frames(peer, count) {
  const all = [];
  while (all.length < count) all.push(JSON.parse(await peer.next()));
  return all;
}

describe("a room", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: HUB, edge: true });
  });
  after(() => gate?.close());

  test("begins with a welcome, and says so in /health", async () => {
    const { peer, welcome } = await enter(gate, { sub: "alice", room: "lobby" });
    assert.deepEqual([welcome.type, welcome.subject, welcome.room], ["welcome", "alice", "lobby"]);
    assert.equal((await gate.health()).session, "hub");
    await peer.close();
  });

  test("hands each text on to the others, once, with who says it; and nobody hears themselves or another room", async () => {
    const [a, b, c] = await Promise.all(["a", "b", "c"].map((sub) => enter(gate, { sub, room: "red" })));
    const other = await enter(gate, { sub: "a", room: "blue" });
    for (const data of ["hello", "", "爱丽丝 🦊\0", '{"type":"welcome"}', "x".repeat(70_000)]) {
      a.peer.send(data);
      const expected = { type: "message", session: a.welcome.session, subject: "a", data };
      for (const { peer } of [b, c]) assert.deepEqual(JSON.parse(await peer.next()), expected);
    }
    b.peer.send("back");
    assert.equal(JSON.parse(await a.peer.next()).subject, "b");
    assert.equal(JSON.parse(await c.peer.next()).subject, "b");
    await silent(a, b, c, other);
  });

  test("hands bytes on as they are, and texts in the order in which they came", async () => {
    const [a, b] = await Promise.all(["a", "b"].map((sub) => enter(gate, { sub, room: "bytes" })));
    for (const size of [0, 1, 65_536, 900_000]) {
      const bytes = randomBytes(size);
      a.peer.send(bytes);
      assert.deepEqual(Buffer.from(await b.peer.next()), bytes);
    }
    const texts = Array.from({ length: 300 }, (_, n) => `${n}`);
    for (const text of texts) a.peer.send(text);
    assert.deepEqual(
      (await frames(b.peer, 300)).map(({ data }) => data),
      texts,
    );
    await silent(a, b);
  });

  test("leaves an app's own subprotocol alone: no welcome, and messages as they were sent", async () => {
    const own = await enter(gate, { sub: "own", room: "mixed" });
    const app = await enter(gate, { sub: "app", room: "mixed" }, ["graphql-transport-ws"]);
    assert.equal(app.peer.ws.protocol, "graphql-transport-ws");
    own.peer.send("from own");
    assert.equal(await app.peer.next(), "from own", "the first frame of all");
    app.peer.send('{"type":"renew","ticket":"x"}');
    assert.equal(JSON.parse(await own.peer.next()).data, '{"type":"renew","ticket":"x"}', "the app's own words");
    await silent(own, app);
  });

  test("is the subject's own without a room in the ticket: other sockets of hers, and nobody else's", async () => {
    const [one, two, bob, named] = await Promise.all([
      enter(gate, { sub: "alice" }),
      enter(gate, { sub: "alice" }),
      enter(gate, { sub: "bob" }),
      enter(gate, { sub: "bob", room: "alice" }),
    ]);
    one.peer.send("mine");
    assert.equal(JSON.parse(await two.peer.next()).data, "mine");
    await silent(one, two, bob, named);
  });

  test("answers a ping, to the sender alone, also while it sleeps", async () => {
    const [a, b] = await Promise.all(["a", "b"].map((sub) => enter(gate, { sub, room: "ping" })));
    a.peer.send("ws-ticket:ping");
    assert.equal(await a.peer.next(), "ws-ticket:pong");
    await gate.evict("TICKET_ROOM");
    a.peer.send("ws-ticket:ping");
    assert.equal(await a.peer.next(), "ws-ticket:pong");
    await silent(a, b);
  });

  test("knows its members after a sleep, and who has left", async () => {
    const [a, b, c] = await Promise.all(["a", "b", "c"].map((sub) => enter(gate, { sub, room: "sleepers" })));
    await gate.evict("TICKET_ROOM");
    await c.peer.close(1000, "bye");
    await gate.evict("TICKET_ROOM");
    a.peer.send("awake");
    const heard = JSON.parse(await b.peer.next());
    assert.deepEqual([heard.subject, heard.session, heard.data], ["a", a.welcome.session, "awake"]);
    await silent(a, b);
  });

  test("answers a close with its own code and reason", async () => {
    for (const [code, reason] of [
      [1000, "done"],
      [4999, "r".repeat(123)],
    ]) {
      const { peer } = await enter(gate, { sub: "a", room: "close" });
      const closed = await peer.close(code, reason);
      assert.deepEqual([closed.code, closed.reason, closed.wasClean], [code, reason, true]);
    }
  });

  test("takes a message of 1 MiB, and none that is larger", async () => {
    const [a, b] = await Promise.all(["a", "b"].map((sub) => enter(gate, { sub, room: "large" })));
    a.peer.send("é".repeat(MIB / 2));
    assert.equal(JSON.parse(await b.peer.next()).data.length, MIB / 2);
    const more = await enter(gate, { sub: "c", room: "large" });
    more.peer.send(Buffer.alloc(MIB + 1));
    const { code, reason } = await more.peer.closed;
    assert.deepEqual([code, reason], [1009, "message_too_large"]);
    await silent(a, b);
  });

  test("takes 512 messages at once and 128 a second more", async () => {
    const start = Date.now();
    await gate.edge({ clock: start });
    const [a, b] = await Promise.all(["a", "b"].map((sub) => enter(gate, { sub, room: "many" })));
    for (let n = 0; n < 512; n += 1) a.peer.send("m");
    await frames(b.peer, 512);
    await gate.edge({ clock: start + 1000 });
    for (let n = 0; n < 129; n += 1) a.peer.send("m");
    await frames(b.peer, 128);
    const { code, reason } = await a.peer.closed;
    assert.deepEqual([code, reason], [4429, "rate_limited"]);
    await silent(b);
    await gate.edge();
  });

  test("lets go of a member that says nothing while 4 MiB are sent to it, and of none that pings", async () => {
    const start = Date.now();
    await gate.edge({ clock: start, tick: 4000 });
    const names = ["sender", "pinging", "mute"];
    const [sender, pinging, mute] = await Promise.all(names.map((sub) => enter(gate, { sub, room: "deaf" })));
    for (let n = 0; n < 6; n += 1) {
      sender.peer.send(Buffer.alloc(MIB));
      assert.equal((await pinging.peer.next()).byteLength, MIB);
      pinging.peer.send("ws-ticket:ping");
      assert.equal(await pinging.peer.next(), "ws-ticket:pong");
    }
    const { code, reason } = await mute.peer.closed;
    assert.deepEqual([code, reason, mute.peer.messages.length], [4408, "session_unheard", 4]);
    await gate.edge();
  });

  test("a member that was cut off leaves the others in order", async () => {
    const stays = await enter(gate, { sub: "stays", room: "cut" });
    for (let n = 0; n < 5; n += 1) {
      const admitted = await gate.upgrade((await gate.issue({ sub: `cut${n}`, room: "cut" })).ticket);
      await admitted.message();
      admitted.socket.resetAndDestroy();
    }
    const talks = await enter(gate, { sub: "talks", room: "cut" });
    for (let n = 0; n < 20; n += 1) talks.peer.send(`${n}`);
    assert.equal((await frames(stays.peer, 20)).length, 20);
    await silent(stays, talks);
  });
});

test("a full room is a clear refusal, and has a place again when somebody has left", async () => {
  const gate = await startGate({ vars: { ...HUB, ROOM_MEMBERS_MAX: "2" } });
  try {
    const [a, b] = await Promise.all(["a", "b"].map((sub) => enter(gate, { sub, room: "small" })));
    const { ticket } = await gate.issue({ sub: "c", room: "small" });
    const answer = await gate.upgrade(ticket);
    assertProblem(answer, 503, "room_full");
    assert.equal(answer.headers["retry-after"], "30");
    assert.equal(await gate.opens(ticket), 401, "the ticket is used up");
    await enter(gate, { sub: "c", room: "other" });
    await a.peer.close();
    const c = await enter(gate, { sub: "c", room: "small" });
    b.peer.send("hi");
    assert.equal(JSON.parse(await c.peer.next()).data, "hi");
  } finally {
    await gate.close();
  }
});

test("a gate without the binding says what is missing", async () => {
  const gate = await startGate({ vars: HUB, without: ["TICKET_ROOM"] });
  try {
    const { problems } = await gate.health();
    assert.deepEqual(
      problems.map(({ name }) => name),
      ["SESSION"],
    );
  } finally {
    await gate.close();
  }
});
