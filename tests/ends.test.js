// Ending sessions from outside: after `POST /sessions/end` has answered, no ticket of the subject's that was issued before opens anything,
// in every store, and no frame reaches a socket of hers; nobody else notices. It costs a ticket nothing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { control, TOKEN } from "./support/control.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { enter, silent } from "./support/hub.js";
import { Peer } from "./support/peer.js";
import { assertProblem, assertRefused } from "./support/problem.js";
import { rows } from "./support/rows.js";

const REVOKED = [4401, "session_revoked"];
const ADMIN = { ADMIN_TOKEN: TOKEN };
const how = ({ code, reason }) => [code, reason];

for (const row of rows) {
  describe(`an end, ${row.name}`, () => {
    let [backing, gates, gate, other] = [];
    before(async () => {
      backing = await row.back?.();
      const vars = { ...row.vars, ...backing?.vars, STORE_TIMEOUT_MS: "30000", SESSION: "hub", ...ADMIN };
      gates = await startGates([
        { vars, edge: true },
        { vars, edge: true, shares: true },
      ]);
      [gate, other] = gates;
    });
    after(async () => {
      await gates?.[0].close();
      await backing?.close();
    });

    test("refuses tickets from before it, and no others", async () => {
      const hers = await Promise.all([1, 2, 3].map((n) => gate.issue({ sub: "alice", room: `r${n}` })));
      const his = await gate.issue({ sub: "bob", room: "r1" });
      const ended = await control(gate, "/sessions/end", { subject: "alice" });
      assert.deepEqual([ended.status, ended.json], [200, { sessions: 0 }]);
      gate.forgetLines();
      for (const { ticket } of hers) assertRefused(await gate.upgrade(ticket));
      const refused = await gate.eventually(({ event }) => event === "refused", 3);
      assert.deepEqual([...new Set(refused.map(({ reason }) => reason))], ["ended"]);
      assert.equal(await gate.opens(his.ticket), 101);
      await gate.evict();
      // Until the moment of the end has passed, a fresh ticket may be refused, too.
      for (;;) {
        const { ticket } = await gate.issue({ sub: "alice", room: "r1" });
        if ((await gate.opens(ticket)) === 101) break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    });

    test("closes every socket of hers, in each room, with 4401, and nobody else's", async () => {
      const names = ["x", "y", undefined];
      const hers = await Promise.all(names.map((room) => enter(gate, { sub: "carol", room })));
      const his = await enter(gate, { sub: "dave", room: "x" });
      await gate.evict("TICKET_ROOM");
      const ended = await control(gate, "/sessions/end", { subject: "carol" });
      assert.deepEqual(ended.json, { sessions: 3 });
      his.peer.send("after the end");
      for (const { peer } of hers) {
        assert.deepEqual(how(await peer.closed), REVOKED);
        assert.deepEqual(peer.messages, []);
      }
      await silent(his);
      assert.deepEqual((await control(gate, "/sessions/end", { subject: "carol" })).json, { sessions: 0 });
    });

    test("of what is older than a moment leaves what is younger", async () => {
      const older = await enter(gate, { sub: "heidi", room: "x" });
      const unused = await gate.issue({ sub: "heidi" });
      await new Promise((resolve) => setTimeout(resolve, 20));
      const moment = new Date().toISOString();
      const younger = await enter(gate, { sub: "heidi", room: "x" });
      const asked = { subject: "heidi", issued_before: moment, code: 4900, reason: "password changed" };
      assert.deepEqual((await control(gate, "/sessions/end", asked)).json, { sessions: 1 });
      assert.deepEqual(how(await older.peer.closed), [4900, "password changed"]);
      assertRefused(await gate.upgrade(unused.ticket));
      assert.equal(await gate.opens((await gate.issue({ sub: "heidi" })).ticket), 101, "at once");
      await silent(younger);
    });

    test("blocks for as long as it is told to", async () => {
      await control(gate, "/sessions/end", { subject: "erin", block_seconds: 3600 });
      const { ticket } = await gate.issue({ sub: "erin" });
      assertRefused(await gate.upgrade(ticket));
      // One that blocks less changes nothing.
      await control(gate, "/sessions/end", { subject: "erin" });
      assertRefused(await gate.upgrade((await gate.issue({ sub: "erin" })).ticket));
    });

    test("revokes one ticket: it opens nothing, and others do", async () => {
      const [one, two] = await Promise.all([1, 2].map(() => gate.issue({ sub: "frank" })));
      const revoke = async (ticket) => {
        const { status, json } = await control(gate, "/ws-ticket/revoke", { ticket });
        return [status, json];
      };
      assert.deepEqual(await revoke(one.ticket), [200, { revoked: true }]);
      assertRefused(await gate.upgrade(one.ticket));
      assert.equal(await gate.opens(two.ticket), 101);
      for (const ticket of [one.ticket, two.ticket, "nonsense", ""])
        assert.deepEqual(await revoke(ticket), [200, { revoked: false }]);
    });

    test("reaches tickets that another isolate consumes", async () => {
      if (row.vars.TICKET_STORE === "memory") return;
      const { ticket } = await gate.issue({ sub: "grace" });
      await control(other, "/sessions/end", { subject: "grace" });
      assertRefused(await gate.upgrade(ticket));
    });

    test("races with tickets and connections, and none passes it", async () => {
      let ends = 0;
      for (let round = 0; round < 20; round += 1) {
        const sub = `racer-${round}`;
        const early = await Promise.all([gate.issue({ sub }), gate.issue({ sub })]);
        const racing = new Peer(early[0].url);
        const ended = await control(gate, "/sessions/end", { subject: sub });
        assert.equal(ended.status, 200);
        ends += 1;
        const late = await gate.upgrade(early[1].ticket);
        assertRefused(late);
        // Either it was refused, or it was in, and is closed.
        assert.ok([1006, 4401].includes((await racing.closed).code));
      }
      assert.equal(ends, 20);
    });
  });
}

describe("who may", () => {
  let [gate, without] = [];
  before(async () => {
    const vars = { ...DEVELOPMENT, TICKET_STORE: "durable", SESSION: "hub" };
    [gate, without] = await startGates([
      { vars: { ...vars, ...ADMIN, ADMIN_TOKEN_PREVIOUS: "p".repeat(32) } },
      { vars },
    ]);
  });
  after(() => gate?.close());

  const PATHS = ["/ws-ticket/revoke", "/sessions/end", "/sessions/extend", "/sessions/list"];

  test("nobody without the token, and there are no such routes where there is none", async () => {
    for (const path of PATHS) {
      assertProblem(await control(without, path, { subject: "a" }), 404, "not_found");
      for (const token of ["", "x", `${TOKEN}x`, TOKEN.slice(1)])
        assertProblem(await control(gate, path, { subject: "a" }, token), 401, "admin_refused");
      assertProblem(await gate.request({ path }), 405, "method_not_allowed");
    }
    assert.equal((await control(gate, "/sessions/end", { subject: "a" }, "p".repeat(32))).status, 200);
  });

  test("what is asked is read strictly", async () => {
    const bad = {
      "/ws-ticket/revoke": [{}, { ticket: 1 }, { ticket: "x", more: 1 }, [], "x"],
      "/sessions/end": [
        {},
        { subject: "" },
        { subject: "a", room: "b" },
        { session: "60ea96ca-b3ee-4553-8b8f-4e5a6caf87bb" },
        { subject: "a", block_seconds: 86_401 },
        { room: "a", block_seconds: 1 },
        { subject: "a", seconds: 1 },
        { subject: "a", code: 1000 },
        { subject: "a", code: 5000 },
        { subject: "a", reason: "no code" },
        { subject: "a", code: 4900, reason: "x".repeat(124) },
        { subject: "a", issued_before: "yesterday" },
        { subject: "a", issued_before: new Date(Date.now() + 60_000).toISOString() },
        { subject: "a", issued_before: new Date().toISOString(), block_seconds: 1 },
        { room: "a", issued_before: new Date().toISOString() },
      ],
      "/sessions/extend": [
        { subject: "a" },
        { subject: "a", seconds: 0 },
        { subject: "a", seconds: 2_592_001 },
        { subject: "a", seconds: 1, code: 4900 },
      ],
      "/sessions/list": [{}, { subject: "a", seconds: 1 }],
    };
    for (const [path, bodies] of Object.entries(bad))
      for (const body of bodies) assertProblem(await control(gate, path, body), 400, "body_malformed");
  });

  test("a session can be listed, moved and ended alone, and so can a room", async () => {
    const [one, two, bob] = await Promise.all(
      ["alice", "alice", "bob"].map((sub) => enter(gate, { sub, room: "alone" })),
    );
    const listed = (await control(gate, "/sessions/list", { subject: "alice" })).json.sessions;
    assert.deepEqual(
      listed.map(({ session }) => session).sort(),
      [one, two].map(({ welcome }) => welcome.session).sort(),
    );
    assert.equal((await control(gate, "/sessions/list", { room: "alone" })).json.sessions.length, 3);
    const moved = await control(gate, "/sessions/extend", { subject: "alice", seconds: 100 });
    assert.deepEqual(moved.json, { sessions: 2 });
    for (const { peer } of [one, two]) assert.equal(JSON.parse(await peer.next()).type, "renewed");
    const session = one.welcome.session;
    assert.deepEqual((await control(gate, "/sessions/end", { room: "alone", session })).json, { sessions: 1 });
    assert.deepEqual(how(await one.peer.closed), REVOKED);
    const kept = await control(gate, "/sessions/end", { subject: "alice", except: [two.welcome.session] });
    assert.deepEqual(kept.json, { sessions: 0 });
    two.peer.send("still here");
    assert.equal(JSON.parse(await bob.peer.next()).data, "still here");
    assert.deepEqual((await control(gate, "/sessions/end", { room: "alone" })).json, { sessions: 2 });
    for (const { peer } of [two, bob]) assert.deepEqual(how(await peer.closed), REVOKED);
  });
});
