// A ticket that is presented again: it opens nothing, the log says so, and with ON_REUSE=close the session that it opened is closed too,
// wherever it is.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGate, startGates } from "./support/harness.js";
import { enter, silent } from "./support/hub.js";
import { Peer } from "./support/peer.js";
import { assertRefused } from "./support/problem.js";
import { rows } from "./support/rows.js";

const REVOKED = [4401, "session_revoked"];
const KNOWS = ["kv+ledger", "durable", "sealed+ledger", "fallback(kv, durable)", "fallback(sealed, durable)"];
const how = ({ code, reason }) => [code, reason];

test("there are such stores", () => {
  const names = rows.map(({ name }) => name);
  for (const name of KNOWS) assert.ok(names.includes(name), name);
});

for (const row of rows.filter(({ name }) => KNOWS.includes(name))) {
  describe(`a ticket that comes again, ${row.name}`, () => {
    let [gate, other] = [];
    before(async () => {
      const vars = { ...row.vars, SESSION: "hub" };
      [gate, other] = await startGates([
        { vars: { ...vars, ON_REUSE: "close" } },
        { vars: { ...vars, ON_REUSE: "close" }, shares: true },
      ]);
    });
    after(() => gate?.close());

    test("closes what it opened, and nothing else", async () => {
      const hers = await enter(gate, { sub: "alice", room: "r" });
      const [second, his] = [
        await enter(gate, { sub: "alice", room: "r" }),
        await enter(gate, { sub: "bob", room: "r" }),
      ];
      gate.forgetLines();
      assertRefused(await other.upgrade(hers.issued.ticket));
      assert.deepEqual(how(await hers.peer.closed), REVOKED);
      const [reused] = await gate.eventually(({ event }) => event === "reused", 1);
      assert.equal(reused.level, "info");
      const [ended] = await gate.eventually(({ event }) => event === "sessions_ended", 1);
      assert.deepEqual([ended.route, ended.sessions], ["reuse", 1]);
      await silent(second, his);
    });

    test("closes what it renewed", async () => {
      const { peer } = await enter(gate, { sub: "alice", room: "r" });
      const { ticket } = await gate.issue({ sub: "alice", room: "r" });
      peer.send(JSON.stringify({ type: "renew", ticket }));
      assert.equal(JSON.parse(await peer.next()).type, "renewed");
      await gate.evict("TICKET_ROOM");
      assertRefused(await gate.upgrade(ticket));
      assert.deepEqual(how(await peer.closed), REVOKED);
    });

    test("closes what it opened, however often that was renewed", async () => {
      const { peer, issued } = await enter(gate, { sub: "alice", room: "r" });
      for (let n = 0; n < 9; n += 1) {
        peer.send(JSON.stringify({ type: "renew", ticket: (await gate.issue({ sub: "alice", room: "r" })).ticket }));
        assert.equal(JSON.parse(await peer.next()).type, "renewed");
      }
      assertRefused(await gate.upgrade(issued.ticket));
      assert.deepEqual(how(await peer.closed), REVOKED);
    });

    test("also while it is opening: of two at once, none stays", async () => {
      for (let round = 0; round < 10; round += 1) {
        const { url } = await gate.issue({ sub: `racer-${round}`, room: "race" });
        const racing = [new Peer(url), new Peer(url)];
        for (const { code } of await Promise.all(racing.map(({ closed }) => closed)))
          assert.ok([1006, 4401].includes(code));
      }
    });

    test("without the setting closes nothing, and is told all the same", async (t) => {
      const plain = await startGate({ vars: { ...row.vars, SESSION: "hub" } });
      t.after(() => plain.close());
      const hers = await enter(plain, { sub: "alice", room: "r" });
      plain.forgetLines();
      assertRefused(await plain.upgrade(hers.issued.ticket));
      await plain.eventually(({ event }) => event === "reused", 1);
      await silent(hers);
    });
  });
}
