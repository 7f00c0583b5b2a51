// Versions meet: records, tables and questions of a later version. What may be ignored is; what may not be is "ask for another
// ticket": never corrupt, never admitted. And version 0.1 finds what it knows.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { redis, upstash } from "./support/backing.js";
import { TOKEN } from "./support/control.js";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { assertRefused } from "./support/problem.js";
import { digest, kvKey, strange } from "./support/tickets.js";

/** Each place of records: how the one of a ticket is read and written, and whether a look burns it. */
const PLACES = [
  {
    store: "kv",
    burns: false,
    read: async (gate, ticket) => (await gate.kv()).get(kvKey(ticket)),
    write: async (gate, ticket, record) => (await gate.kv()).put(kvKey(ticket), record, { expirationTtl: 60 }),
  },
  {
    store: "durable",
    burns: false,
    read: async (gate, ticket) => (await rowOf(gate, ticket)).row.record,
    write: async (gate, ticket, record) => {
      const { exec, name, key } = await rowOf(gate, ticket);
      await exec(`UPDATE "${name}" SET attempt = NULL, record = '${record}' WHERE hex(key) = '${key}'`);
    },
  },
  ...[
    ["redis", redis],
    ["upstash", upstash],
  ].map(([store, back]) => ({
    store,
    back,
    burns: true,
    read: (_, ticket, server) => server.command("GET", `wst:${digest(ticket)}`),
    write: (_, ticket, record, server) => server.command("SET", `wst:${digest(ticket)}`, record, "EX", 60),
  })),
];

/** The row of a shard that has the ticket's grant. */
async function rowOf(gate, ticket) {
  const key = digest(ticket).toUpperCase();
  for (const { name, exec } of await gate.shardTables()) {
    const rows = await exec(`SELECT record FROM "${name}" WHERE hex(key) = '${key}'`);
    if (rows.length > 0) return { exec, name, key, row: rows[0] };
  }
  throw new Error("no shard has the ticket");
}

/** Whether sessions can be ended from outside: then what elects reads the record, too. */
const ENDS = { "": {}, ", with ends": { SESSION: "hub", ADMIN_TOKEN: TOKEN } };

for (const [{ store, back, burns, read, write }, [ends, vars]] of PLACES.flatMap((place) =>
  Object.entries(ENDS).map((each) => [place, each]),
)) {
  describe(`records, TICKET_STORE=${store}${ends}`, () => {
    let gate;
    let backing;
    before(async () => {
      backing = await back?.();
      gate = await startGate({ vars: { ...DEVELOPMENT, ...backing?.vars, ...vars, TICKET_STORE: store }, edge: true });
    });
    after(async () => {
      await gate?.close();
      await backing?.close();
    });

    /** A ticket whose record a later version wrote. */
    async function later(members) {
      const { ticket } = await gate.issue({ sub: "alice", room: "lobby" });
      const record = JSON.parse(await read(gate, ticket, backing?.server));
      await write(gate, ticket, JSON.stringify({ ...record, ...members }), backing?.server);
      gate.forgetLines();
      return { ticket, record };
    }

    test("a record has just the members that version 0.1 knows, and when the session ends", async () => {
      const { record } = await later({});
      const known = ["claims", "expires_at", "issued_at", "origin", "room", "shard", "subject", "ticket_id", "bond"];
      assert.equal(typeof record.session_ends_at, "number");
      known.push("session_ends_at");
      for (const name of Object.keys(record)) assert.ok(known.includes(name), name);
    });

    test("a member that may be ignored is ignored", async () => {
      const { ticket } = await later({ mood: { a: [1, null] }, must: ["subject", "room"] });
      const answer = await gate.upgrade(ticket);
      assert.equal(answer.status, 101);
      const { subject, room } = await answer.message();
      assert.deepEqual([subject, room], ["alice", "lobby"]);
      await answer.leave();
      assertRefused(await gate.upgrade(ticket));
    });

    test("one that must be understood: another ticket, please; and the log says why", async () => {
      for (const members of [
        { must: ["days"], days: "mondays" },
        { must: ["subjects"], subject: ["a", "b"] },
      ]) {
        const { ticket, record } = await later(members);
        assertRefused(await gate.upgrade(ticket));
        const [refused] = await gate.eventually(({ event }) => event === "refused");
        assert.deepEqual(
          [refused.reason, refused.level, refused.status, refused.ticket_id],
          ["not_understood", "warn", 401, record.ticket_id],
        );
        const [told] = await gate.eventually(({ event }) => event === "store");
        assert.deepEqual([told.outcome, told.level === "alert"], ["not_understood", false]);
        assert.equal(gate.events().filter(({ event }) => event === "store_failed").length, 0);
        assertRefused(await gate.upgrade(ticket));
        if (burns) continue;
        // A gate that does understand it admits: here, by taking the demand away.
        await write(gate, ticket, JSON.stringify(record), backing?.server);
        assert.equal(await gate.opens(ticket), 101);
      }
    });

    test("what no version writes is still corrupt", async () => {
      for (const members of [{ must: "days" }, { must: [1] }, { must: null }, { subject: 7 }]) {
        const { ticket } = await later(members);
        const answer = await gate.upgrade(ticket);
        assert.deepEqual([answer.status, answer.json.code], [500, "record_corrupt"], JSON.stringify(members));
      }
    });
  });
}

describe("a shard of another version", () => {
  let durable;
  let kv;
  before(async () => {
    const vars = { ...DEVELOPMENT, TICKET_SHARDS: "1" };
    [durable, kv] = await startGates([
      { vars: { ...vars, TICKET_STORE: "durable" }, edge: true },
      { vars: { ...vars, TICKET_STORE: "kv" }, edge: true },
    ]);
  });
  after(() => durable?.close());

  /** Makes a table beside this one, of a bucket so much later, as a later version would; its name. */
  async function laterTable(gate, { name, exec }, offset = 0) {
    const later = `tickets2_${Number(name.split("_")[1]) + offset}`;
    await exec(`CREATE TABLE ${later} (key BLOB PRIMARY KEY, more TEXT NOT NULL) WITHOUT ROWID`);
    // The next instance, which is of this version, finds it there.
    await gate.evict();
    return { later, exec };
  }
  const reason = async (gate, ticket) => {
    gate.forgetLines();
    assertRefused(await gate.upgrade(ticket));
    return (await gate.eventually(({ event }) => event === "refused"))[0].reason;
  };
  const minted = async (gate) => (await gate.issue()).ticket;

  test("a question that it doesn't know has an answer of its own, and a hint that it doesn't know is ignored", async () => {
    const { TICKET_SHARD } = await durable.worker.getEnv();
    const asked = async (path, init) =>
      (await TICKET_SHARD.get(TICKET_SHARD.idFromName("shard-9")).fetch(`https://shard${path}`, init)).status;
    const [key, ticket] = ["0f".repeat(32), crypto.randomUUID()];
    const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
    const end = Date.now() + 600_000;
    for (const path of ["/revoke/1", `/take/${key}`, `/take/${key}/${first}/strictly`, "/", `/v2/take/${key}/${first}`])
      assert.equal(await asked(path), 234, path);
    // As version 0.1 asks, and what it is answered.
    const grant = { method: "POST", body: "{}" };
    assert.equal(await asked(`/take/${key}/${first}`), 231);
    assert.equal(await asked(`/put/${key}/${end}`, grant), 230);
    for (const [attempt, status] of [
      [first, 230],
      [second, 232],
      [first, 230],
      [second, 232],
    ]) {
      assert.equal(await asked(`/take/${key}/${attempt}`), status);
      assert.equal(await asked(`/take/${key}/${attempt}?near=weur`), status);
      assert.equal(await asked(`/claim/${ticket}/${attempt}/${end}`), status);
    }
    assert.equal(await asked(`/claim/${ticket}/${first}/1000`), 233);
  });

  test("what may be in a later version's table is not understood: never unknown", async () => {
    const [used, live] = [await minted(durable), await minted(durable)];
    assert.equal(await durable.opens(used), 101);
    const home = live.split("_")[1];
    assert.equal(await reason(durable, strange(home)), "unknown");
    const { later } = await laterTable(durable, await rowOf(durable, live), 1);
    assert.equal(await reason(durable, strange(home)), "not_understood");
    assert.equal(await reason(durable, used), "used");
    assert.equal(await durable.opens(live), 101);
    const fresh = await minted(durable);
    for (const status of [101, 401]) assert.equal(await durable.opens(fresh), status);
    await forgets(durable, later);
    assert.equal(await reason(durable, strange(home)), "unknown");
  });

  test("a ticket that a later version may have given away is never free to claim", async () => {
    const [used, live] = [await minted(kv), await minted(kv)];
    assert.equal(await kv.opens(used), 101);
    const { later, exec } = await laterTable(kv, (await kv.shardTables())[0]);
    assert.equal(await reason(kv, live), "not_understood");
    assert.equal(await reason(kv, used), "used");
    await exec(`DROP TABLE ${later}`);
    await kv.evict();
    assert.equal(await kv.opens(live), 101, "nothing was burnt");
    await exec(`CREATE TABLE ${later} (key BLOB PRIMARY KEY) WITHOUT ROWID`);
    await kv.evict();
    await forgets(kv, later);
  });

  /** The table is there until its time is over, and no longer. */
  async function forgets(gate, table) {
    const names = async () => (await gate.shardTables()).map(({ name }) => name);
    const end = (Number(table.split("_")[1]) + 1) * 300_000 + 10_000;
    for (const [clock, there] of [
      [end - 1, true],
      [end, false],
    ]) {
      await gate.edge({ clock });
      await gate.shardAlarms({ run: true });
      await gate.edge();
      assert.equal((await names()).includes(table), there);
    }
  }
});
