// A thousand sockets in one room: each message arrives once at each other, also after the object was thrown out of memory; and each ends
// on time, together.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { enter } from "./support/hub.js";

const COUNT = 1000;
const HOUR = 3_600_000;

test("a room of a thousand sockets that sleeps", async (t) => {
  const vars = { ...DEVELOPMENT, TICKET_STORE: "durable", SESSION: "hub", SESSION_MAX_SECONDS: "3600" };
  const gate = await startGate({ vars, edge: true });
  try {
    const start = Math.ceil(Date.now() / 1000) * 1000;
    await gate.edge({ clock: start });
    const members = [];
    while (members.length < COUNT) {
      const sub = (n) => `m${members.length + n}`;
      const some = Array.from({ length: 20 }, (_, n) => enter(gate, { sub: sub(n), room: "thousand" }));
      members.push(...(await Promise.all(some)));
    }
    const speakers = [members[0], members[499], members[999]];
    for (const [turn, speaker] of speakers.entries()) {
      // Asleep, its memory is gone: all that it knows of them is in their attachments.
      await gate.evict("TICKET_ROOM");
      speaker.peer.send(`turn ${turn}`);
      speaker.peer.send("and again");
      const began = performance.now();
      for (const { peer, welcome } of members) {
        if (welcome === speaker.welcome) continue;
        for (const data of [`turn ${turn}`, "and again"]) {
          const heard = JSON.parse(await peer.next());
          assert.deepEqual([heard.session, heard.data], [speaker.welcome.session, data]);
        }
      }
      t.diagnostic(`two messages to ${COUNT - 1} members: ${(performance.now() - began).toFixed(0)} ms`);
    }
    await gate.edge({ clock: start + HOUR - 1 });
    await gate.evict("TICKET_ROOM");
    await gate.roomAlarms({ run: true });
    for (const { peer } of members) assert.equal(JSON.parse(await peer.next()).type, "expiring");
    await gate.edge({ clock: start + HOUR });
    await gate.evict("TICKET_ROOM");
    speakers[0].peer.send("too late");
    await gate.roomAlarms({ run: true });
    for (const { peer } of members) {
      const { code, reason } = await peer.closed;
      assert.deepEqual([code, reason, peer.messages], [4408, "session_expired", []]);
    }
  } finally {
    await gate.close();
  }
});
