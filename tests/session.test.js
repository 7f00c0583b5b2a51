// The socket after the upgrade: the welcome, the echo of text and bytes as they were, and a close that both sides agree on.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { Peer } from "./support/peer.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

describe("the session", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "memory" } });
  });
  after(() => gate?.close());

  /** An open socket whose welcome was read. */
  async function open(body) {
    const issued = await gate.issue(body);
    const socket = new Peer(issued.url);
    const welcome = JSON.parse(await socket.next());
    return { socket, welcome, issued };
  }

  async function echoes(socket, message) {
    socket.send(message);
    const answer = await socket.next();
    if (typeof message === "string") assert.equal(answer, message);
    else {
      assert.ok(answer instanceof ArrayBuffer, "bytes came back as text");
      const difference = Buffer.compare(Buffer.from(answer), Buffer.from(message));
      assert.equal(difference, 0, `${message.byteLength} bytes came back as ${answer.byteLength} others`);
    }
  }

  test("the first message is the welcome, with just what the protocol names", async () => {
    const { socket, welcome } = await open({ sub: "alice", room: "lobby" });
    const members = ["expires_at", "room", "session", "session_expires_at", "subject", "type"];
    assert.deepEqual(Object.keys(welcome).sort(), members);
    assert.equal(welcome.type, "welcome");
    assert.match(welcome.session, UUID);
    assert.equal(welcome.subject, "alice");
    assert.equal(welcome.room, "lobby");
    assert.match(welcome.expires_at, UTC);
    await socket.close();
  });

  test("without a room, the welcome says that there is none; two sessions are two", async () => {
    const [one, two] = [await open(), await open()];
    assert.equal(one.welcome.room, null);
    assert.notEqual(one.welcome.session, two.welcome.session);
    await Promise.all([one.socket.close(), two.socket.close()]);
  });

  test("the welcome does not hold the ticket", async () => {
    const { socket, welcome, issued } = await open();
    assert.ok(!JSON.stringify(welcome).includes(issued.ticket));
    await socket.close();
  });

  test("the welcome comes first, even when the client talks at once", async () => {
    for (let round = 0; round < 10; round += 1) {
      const { url } = await gate.issue();
      const socket = new Peer(url);
      socket.ws.addEventListener("open", () => socket.send("early"));
      assert.equal(JSON.parse(await socket.next()).type, "welcome");
      assert.equal(await socket.next(), "early");
      await socket.close();
    }
  });

  test("a ping that the ticket's answer names is answered; whatever else is like it comes back", async () => {
    const { socket, issued } = await open();
    assert.equal(issued.ping, "ws-ticket:ping");
    socket.send(issued.ping);
    assert.equal(await socket.next(), "ws-ticket:pong");
    for (const text of [
      "ws-ticket:pong",
      "ws-ticket:ping ",
      " ws-ticket:ping",
      "WS-TICKET:PING",
      "ws-ticket:ping\0",
      "ping",
    ]) {
      await echoes(socket, text);
    }
    await echoes(socket, Buffer.from(issued.ping));
    await socket.close();
  });

  test("text comes back as it was", async () => {
    const { socket } = await open();
    for (const text of [
      "a",
      "",
      "line\nbreak\r\n\0",
      "爱丽丝 🦊 é é ‮ \u{10ffff}",
      '{"type":"welcome"}',
      "x".repeat(100_000),
    ]) {
      await echoes(socket, text);
    }
    await echoes(socket, "🦊".repeat(200_000));
    await socket.close();
  });

  test("bytes come back as bytes, as they were", async () => {
    const { socket } = await open();
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (const bytes of [new Uint8Array(0), new Uint8Array([0]), new Uint8Array([0xff]), every])
      await echoes(socket, bytes);
    for (const size of [125, 126, 65_535, 65_536, 1_048_576]) await echoes(socket, randomBytes(size));
    await socket.close();
  });

  test("an empty text and no bytes at all are told apart", async () => {
    const { socket } = await open();
    for (let round = 0; round < 3; round += 1) {
      await echoes(socket, "");
      await echoes(socket, new Uint8Array(0));
    }
    await socket.close();
  });

  test("many messages come back in order, text and bytes mixed, none lost", async () => {
    const { socket } = await open();
    const sent = Array.from({ length: 2000 }, (_, i) => (i % 3 === 0 ? Buffer.from(`bytes ${i}`) : `text ${i}`));
    for (const message of sent) socket.send(message);
    for (const message of sent) {
      const answer = await socket.next();
      if (typeof message === "string") assert.equal(answer, message);
      else assert.equal(Buffer.from(answer).toString(), message.toString());
    }
    await socket.close();
  });

  test("sessions do not hear each other", async () => {
    const sockets = await Promise.all(Array.from({ length: 10 }, () => open()));
    await Promise.all(sockets.map(({ socket }, i) => echoes(socket, `only ${i}`)));
    await Promise.all(sockets.map(({ socket }) => socket.close()));
    for (const { socket } of sockets) assert.deepEqual(socket.messages, []);
  });

  for (const [code, reason] of [
    [1000, "done"],
    [1000, ""],
    [4001, "bye 再见"],
    [4999, "r".repeat(123)],
  ]) {
    test(`a close with ${code} and ${Buffer.byteLength(reason)} bytes of reason is answered alike`, async () => {
      const { socket } = await open();
      const closed = await socket.close(code, reason);
      assert.deepEqual([closed.code, closed.reason, closed.wasClean], [code, reason, true]);
    });
  }

  test("a close without a code is clean, too", async () => {
    const { socket } = await open();
    const closed = await socket.close();
    assert.equal(closed.wasClean, true);
    assert.ok([1000, 1005].includes(closed.code), `code ${closed.code}`);
  });

  test("messages sent before a close are answered before it", async () => {
    const { socket } = await open();
    for (let i = 0; i < 20; i += 1) socket.send(`last ${i}`);
    for (let i = 0; i < 20; i += 1) assert.equal(await socket.next(), `last ${i}`);
    await socket.close(1000, "done");
    assert.deepEqual(socket.messages, []);
  });

  test("a connection that is torn away leaves the gate in order", async () => {
    for (let round = 0; round < 5; round += 1) {
      const { ticket } = await gate.issue();
      const admitted = await gate.upgrade(ticket);
      assert.equal((await admitted.message()).type, "welcome");
      admitted.socket.resetAndDestroy();
    }
    const { socket } = await open();
    await echoes(socket, "still here");
    await socket.close();
    const broken = gate.lines().filter((line) => /panic|unreachable|RuntimeError|Reinitializ/i.test(line));
    assert.deepEqual(broken, []);
  });
});
