// The echo's bounds: it ends when the session must end, and takes no more than it says.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { Peer } from "./support/peer.js";

const MIB = 1024 * 1024;
const MOST = 4 * MIB;

describe("the echo", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "memory", SESSION: "echo" }, edge: true });
  });
  after(() => gate?.close());

  async function open() {
    const peer = new Peer((await gate.issue()).url);
    const welcome = JSON.parse(await peer.next());
    return { peer, endsAt: Date.parse(welcome.session_expires_at) };
  }

  test("sends nothing back from the session's end on, to the millisecond, and closes with 4408", async () => {
    const start = Math.floor(Date.now() / 1000) * 1000;
    await gate.edge({ clock: start });
    const { peer, endsAt } = await open();
    assert.equal(endsAt, start + 43_200_000);
    await gate.edge({ clock: endsAt - 1 });
    peer.send("last");
    assert.equal(await peer.next(), "last");
    await gate.edge({ clock: endsAt });
    peer.send("late");
    peer.send("later");
    const { code, reason } = await peer.closed;
    assert.deepEqual([code, reason, peer.messages], [4408, "session_expired", []]);
    await gate.edge();
  });

  test("takes a message of 4 MiB, and closes with 1009 at one byte more, in whatever form", async () => {
    const texts = ["x".repeat(MOST), "é".repeat(MOST / 2), "🦊".repeat(MOST / 4)];
    for (const message of [Buffer.alloc(MOST), ...texts]) {
      const { peer } = await open();
      peer.send(message);
      assert.equal(Buffer.byteLength(await peer.next()), MOST);
      await peer.close();
    }
    for (const message of [Buffer.alloc(MOST + 1), ...texts.map((text) => `${text}x`)]) {
      const { peer } = await open();
      peer.send(message);
      const { code, reason } = await peer.closed;
      assert.deepEqual([code, reason, peer.messages], [1009, "message_too_large", []]);
    }
  });

  test("takes 4096 messages at once and 1024 a second more, and closes with 4429 at one more", async () => {
    const start = Date.now();
    await gate.edge({ clock: start });
    const { peer } = await open();
    const send = async (count) => {
      for (let sent = 0; sent < count; sent += 1) peer.send("m");
      for (let got = 0; got < count; got += 1) assert.equal(await peer.next(), "m");
    };
    await send(4096);
    await gate.edge({ clock: start + 1000 });
    await send(1024);
    peer.send("m");
    const { code, reason } = await peer.closed;
    assert.deepEqual([code, reason, peer.messages], [4429, "rate_limited", []]);
    await gate.edge();
  });

  test("takes 64 MiB in all: a client that never reads can't fill the isolate", async () => {
    // Each look at the clock finds it four seconds later.
    await gate.edge({ clock: Date.now(), tick: 4000 });
    const { peer } = await open();
    for (let sent = 0; sent < 16; sent += 1) {
      peer.send(Buffer.alloc(MOST));
      assert.equal((await peer.next()).byteLength, MOST);
    }
    peer.send("x");
    const { code, reason } = await peer.closed;
    assert.deepEqual([code, reason], [4429, "rate_limited"]);
    await gate.edge();
  });

  test("a clock that is set back gives no more", async () => {
    const start = Date.now();
    await gate.edge({ clock: start });
    const { peer } = await open();
    peer.send(Buffer.alloc(MOST));
    await peer.next();
    await gate.edge({ clock: start - 3_600_000 });
    peer.send("x");
    assert.equal((await peer.closed).code, 4429);
    await gate.edge();
  });
});

test("a session ends by itself, silent or not", async () => {
  const vars = { ...DEVELOPMENT, TICKET_STORE: "memory", SESSION: "echo", SESSION_MAX_SECONDS: "2" };
  const gate = await startGate({ vars });
  try {
    const peer = new Peer((await gate.issue()).url);
    const { session_expires_at: end } = JSON.parse(await peer.next());
    const { code, reason } = await peer.closed;
    assert.deepEqual([code, reason], [4408, "session_expired"]);
    assert.ok(Date.now() >= Date.parse(end));
  } finally {
    await gate.close();
  }
});
