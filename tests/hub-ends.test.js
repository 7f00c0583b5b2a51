// The end of a session in a room: no frame passes it in either direction, to the millisecond, awake and asleep; it is announced, and a
// fresh ticket moves it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { control, TOKEN } from "./support/control.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { enter, silent } from "./support/hub.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const APP = "https://app.example";
const HUB = { ...DEVELOPMENT, TICKET_STORE: "durable", SESSION: "hub", SESSION_MAX_SECONDS: "3600" };
const EXPIRED = [4408, "session_expired"];
const how = ({ code, reason }) => [code, reason];
const later = (end) => new Date(end).toISOString();

describe("the end of a session", () => {
  let gate;
  let now;
  before(async () => {
    gate = await startGate({ vars: { ...HUB, ALLOWED_ORIGINS: APP, ADMIN_TOKEN: TOKEN }, edge: true });
  });
  after(() => gate?.close());

  /** Every clock stands still there. A minute later at each test, so that none sees another's alarms. */
  const stop = (at) => {
    now = at;
    return gate.edge({ clock: at });
  };
  const start = () => stop(Math.ceil(((now ?? Date.now()) + 2 * HOUR) / 1000) * 1000);

  for (const [what, rest] of [
    ["awake", () => {}],
    ["evicted, with its sockets", () => gate.evict("TICKET_ROOM")],
  ])
    test(`is kept by every delivery, ${what}`, async () => {
      await start();
      const room = `kept ${what}`;
      const [ending, app] = [
        await enter(gate, { sub: "ending", room }),
        await enter(gate, { sub: "app", room }, ["a"]),
      ];
      const end = now + HOUR;
      assert.equal(ending.welcome.session_expires_at, later(end));
      await stop(now + 1000);
      const stays = await enter(gate, { sub: "stays", room });
      await stop(end - 1);
      await rest();
      stays.peer.send("last");
      assert.equal(JSON.parse(await ending.peer.next()).data, "last");
      assert.equal(await app.peer.next(), "last");
      ending.peer.send("mine");
      assert.equal(JSON.parse(await stays.peer.next()).data, "mine");
      await stop(end);
      await rest();
      // To one who has reached it, from one who hasn't; and the other way.
      stays.peer.send("too late for them");
      app.peer.send("from beyond");
      ending.peer.send("from beyond");
      assert.deepEqual(how(await ending.peer.closed), EXPIRED);
      assert.deepEqual(how(await app.peer.closed), EXPIRED);
      assert.deepEqual([ending.peer.messages, app.peer.messages], [[], await app.peer.messages]);
      await silent(stays);
    });

  test("comes by the alarm where nobody speaks, and is announced a minute before", async () => {
    await start();
    const { peer } = await enter(gate, { sub: "quiet", room: "alarm" });
    const { peer: app } = await enter(gate, { sub: "app", room: "alarm" }, ["chat.v2"]);
    const end = now + HOUR;
    const alarms = async (options) => (await gate.roomAlarms(options)).filter((at) => at !== null);
    assert.ok((await alarms()).includes(end - MINUTE));
    await stop(end - MINUTE);
    await gate.evict("TICKET_ROOM");
    assert.ok((await alarms({ run: true })).includes(end));
    assert.deepEqual(JSON.parse(await peer.next()), { type: "expiring", session_expires_at: later(end) });
    // Once.
    await alarms({ run: true });
    await stop(end - 1);
    await gate.evict("TICKET_ROOM");
    await alarms({ run: true });
    peer.send("ws-ticket:ping");
    assert.equal(await peer.next(), "ws-ticket:pong");
    await stop(end);
    await gate.evict("TICKET_ROOM");
    await alarms({ run: true });
    assert.deepEqual([how(await peer.closed), how(await app.closed)], [EXPIRED, EXPIRED]);
    assert.deepEqual([peer.messages, app.messages], [[], []]);
  });

  test("of many within one second is one alarm, at the second's end", async () => {
    await start();
    const members = [];
    for (let n = 0; n < 10; n += 1) {
      await gate.edge({ clock: now + 1 + n * 90 });
      members.push(await enter(gate, { sub: `m${n}`, room: "together" }));
    }
    const end = now + HOUR;
    await stop(end + 1000);
    await gate.roomAlarms({ run: true });
    for (const { peer } of members) assert.deepEqual(how(await peer.closed), EXPIRED);
  });

  test("a session that is nearly over when it begins isn't told so twice", async () => {
    await start();
    const { ticket, url } = await gate.issue({ sub: "brief", room: "brief" });
    assert.ok(ticket);
    await stop(now + 299_000);
    assert.ok(url);
    const { peer, welcome } = await enter(gate, { sub: "brief", room: "brief" });
    assert.equal(welcome.session_expires_at, later(now + HOUR));
    await silent({ peer });
  });

  test("moves with a fresh ticket, on the same socket", async () => {
    await start();
    const { peer } = await enter(gate, { sub: "alice", room: "renew" });
    const other = await enter(gate, { sub: "bob", room: "renew" });
    const first = now + HOUR;
    await stop(first - MINUTE);
    await gate.roomAlarms({ run: true });
    assert.equal(JSON.parse(await peer.next()).type, "expiring");
    assert.equal(JSON.parse(await other.peer.next()).type, "expiring");
    await gate.evict("TICKET_ROOM");
    const { ticket } = await gate.issue({ sub: "alice", room: "renew" });
    peer.send(JSON.stringify({ type: "renew", ticket }));
    const second = now + HOUR;
    assert.deepEqual(JSON.parse(await peer.next()), { type: "renewed", session_expires_at: later(second) });
    await stop(first);
    await gate.evict("TICKET_ROOM");
    await gate.roomAlarms({ run: true });
    assert.deepEqual(how(await other.peer.closed), EXPIRED);
    assert.deepEqual(other.peer.messages, [], "the ticket went to nobody else");
    peer.send("ws-ticket:ping");
    assert.equal(await peer.next(), "ws-ticket:pong");
    await stop(second - MINUTE);
    await gate.roomAlarms({ run: true });
    assert.equal(JSON.parse(await peer.next()).type, "expiring", "again, for the new end");
    await stop(second);
    await gate.roomAlarms({ run: true });
    assert.deepEqual(how(await peer.closed), EXPIRED);
    assert.equal(await gate.opens(ticket), 401, "a ticket that renewed is used up");
  });

  test("doesn't move by a ticket of somebody else's, for elsewhere, from another page, used, or made up", async () => {
    await start();
    const headers = { Origin: APP };
    const own = () => gate.issue({ sub: "alice", room: "r" }, { Origin: new URL(gate.url).origin });
    const wrong = {
      "somebody else's": async () => (await gate.issue({ sub: "bob", room: "r" }, headers)).ticket,
      "for another room": async () => (await gate.issue({ sub: "alice", room: "s" }, headers)).ticket,
      "for no room": async () => (await gate.issue({ sub: "alice" }, headers)).ticket,
      "from another page": async () => (await own()).ticket,
      used: async () => {
        const { ticket } = await gate.issue({ sub: "alice", room: "r" }, headers);
        assert.equal(await gate.opens(ticket, { headers }), 101);
        return ticket;
      },
      "made up": () => "wst_d0_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    for (const [what, ticket] of Object.entries(wrong)) {
      const { peer } = await enter(gate, { sub: "alice", room: "r" }, [], headers);
      peer.send(JSON.stringify({ type: "renew", ticket: await ticket() }));
      assert.deepEqual(JSON.parse(await peer.next()), { type: "renew_refused", code: "ticket_refused" }, what);
      await silent({ peer });
    }
    const { peer } = await enter(gate, { sub: "alice", room: "r" }, [], headers);
    const { ticket } = await gate.issue({ sub: "alice", room: "r" }, headers);
    peer.send(JSON.stringify({ type: "renew", ticket }));
    assert.equal(JSON.parse(await peer.next()).type, "renewed", "and by the right one it does");
    await silent({ peer });
  });

  test("a session that presents five wrong tickets is closed, and what is no ticket is answered, too", async () => {
    await start();
    const { peer } = await enter(gate, { sub: "alice", room: "guess" });
    for (let n = 0; n < 5; n += 1) {
      peer.send(JSON.stringify({ type: "renew", ticket: n % 2 ? "x" : null }));
      assert.deepEqual(JSON.parse(await peer.next()), { type: "renew_refused", code: "ticket_malformed" });
    }
    assert.deepEqual(how(await peer.closed), [4429, "rate_limited"]);
  });

  test("a ticket goes to nobody else, however it is sent", async () => {
    await start();
    const { peer } = await enter(gate, { sub: "alice", room: "quiet" });
    const other = await enter(gate, { sub: "bob", room: "quiet" });
    const { ticket } = await gate.issue({ sub: "alice", room: "quiet" });
    const renewal = JSON.stringify({ type: "renew", ticket });
    const wrong = [Buffer.from(renewal), `${renewal}.`, `see ${ticket}`, renewal.replace("renew", "r\\u0065new")];
    for (const sent of wrong.slice(0, 3)) {
      peer.send(sent);
      assert.deepEqual(JSON.parse(await peer.next()), { type: "renew_refused", code: "ticket_malformed" });
    }
    peer.send(wrong[3]);
    assert.equal(JSON.parse(await peer.next()).type, "renew_refused");
    peer.send("wst_ is no ticket");
    assert.equal(JSON.parse(await other.peer.next()).data, "wst_ is no ticket");
    await silent(other, { peer });
  });

  test("one renewal at a time, and no call for the others", async () => {
    await start();
    const { peer } = await enter(gate, { sub: "alice", room: "many" });
    const { ticket } = await gate.issue({ sub: "alice", room: "many" });
    await gate.edge({ clock: now, shard: { fetch: { how: "late", ms: 500 } } });
    for (let n = 0; n < 3; n += 1) peer.send(JSON.stringify({ type: "renew", ticket }));
    for (let n = 0; n < 2; n += 1)
      assert.deepEqual(JSON.parse(await peer.next()), { type: "renew_refused", code: "renewal_pending" });
    assert.equal(JSON.parse(await peer.next()).type, "renewed");
    assert.equal((await gate.calls())["shard.fetch"], 1);
    await gate.edge({ clock: now });
    await silent({ peer });
  });

  test("a session that is over is not prolonged any more", async () => {
    await start();
    const { peer } = await enter(gate, { sub: "alice", room: "over" });
    await stop(now + HOUR);
    const asked = { room: "over", seconds: 60 };
    assert.deepEqual((await control(gate, "/sessions/extend", asked)).json, { sessions: 0 });
    assert.deepEqual(how(await peer.closed), EXPIRED);
  });

  test("an outage is no refusal: the session goes on, and the ticket may be tried again", async () => {
    await start();
    const { peer } = await enter(gate, { sub: "alice", room: "outage" });
    const { ticket } = await gate.issue({ sub: "alice", room: "outage" });
    await gate.edge({ clock: now, shard: { fetch: { how: "throw" } } });
    for (let n = 0; n < 7; n += 1) {
      peer.send(JSON.stringify({ type: "renew", ticket }));
      assert.deepEqual(JSON.parse(await peer.next()), { type: "renew_refused", code: "store_unavailable" });
    }
    await gate.edge({ clock: now });
    peer.send(JSON.stringify({ type: "renew", ticket }));
    assert.equal(JSON.parse(await peer.next()).type, "renewed");
    await silent({ peer });
  });

  test("a renewal that is answered after the end comes too late", async () => {
    await start();
    const { peer } = await enter(gate, { sub: "alice", room: "late" });
    const end = now + HOUR;
    await stop(end - 1000);
    const { ticket } = await gate.issue({ sub: "alice", room: "late" });
    await gate.edge({ clock: now, shard: { fetch: { how: "late", ms: 500 } } });
    peer.send(JSON.stringify({ type: "renew", ticket }));
    while (((await gate.calls())["shard.fetch"] ?? 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await stop(end);
    assert.deepEqual(how(await peer.closed), EXPIRED);
    assert.deepEqual(peer.messages, []);
  });
});

test("the alarm of a real clock ends a session, hibernating or not, and renewing keeps it", async () => {
  const gate = await startGate({ vars: { ...HUB, SESSION_MAX_SECONDS: "3" } });
  try {
    const [quiet, renewing] = await Promise.all(["quiet", "renewing"].map((sub) => enter(gate, { sub, room: "real" })));
    await gate.evict("TICKET_ROOM");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { ticket } = await gate.issue({ sub: "renewing", room: "real" });
    renewing.peer.send(JSON.stringify({ type: "renew", ticket }));
    const { type, session_expires_at: end } = JSON.parse(await renewing.peer.next());
    assert.equal(type, "renewed");
    await gate.evict("TICKET_ROOM");
    assert.deepEqual(how(await quiet.peer.closed), EXPIRED);
    assert.ok(Date.now() >= Date.parse(quiet.welcome.session_expires_at));
    assert.deepEqual(how(await renewing.peer.closed), EXPIRED);
    assert.ok(Date.now() >= Date.parse(end));
  } finally {
    await gate.close();
  }
});
