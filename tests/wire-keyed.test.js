// The wire, TICKET_KEY: a ticket that nobody issued is told from the others without a store call; and how a key is set, changed
// and taken away while tickets are in flight.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { SECRET } from "./support/jwt.js";
import { assertMisconfigured, assertProblem, assertRefused, bytesOf } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { KEYED_TICKET, keyed, kvKey, parts, strange, TICKET } from "./support/tickets.js";

const [FIRST, SECOND, THIRD] = [1, 2, 3].map((n) => `ticket-key-number-${n}-of-32-bytes`.padEnd(32, "."));
const CHECK = 22;
const settings = (vars) => ({ ...DEVELOPMENT, TICKET_STORE: "kv", ...vars });
const unchecked = (ticket) => ticket.slice(0, -CHECK);

/** Another character in its place, one that the form allows there: the last ones carry only some bits. */
function edited(ticket, index) {
  const last = { [ticket.length - 1]: "AQgw", [ticket.length - 1 - CHECK]: "AEIMQUYcgkosw048" };
  const other = [...(last[index] ?? "abcdefgh")].find((sign) => sign !== ticket[index]);
  return ticket.slice(0, index) + other + ticket.slice(index + 1);
}

for (const store of ["kv", "durable", "memory"]) {
  describe(`TICKET_KEY, TICKET_STORE=${store}`, () => {
    let gate;
    before(async () => {
      gate = await startGate({ vars: settings({ TICKET_STORE: store, TICKET_KEY: FIRST }), edge: true });
    });
    after(() => gate?.close());

    /** Refused as a forged one, without a store call. */
    async function forged(ticket) {
      await gate.edge();
      gate.forgetLines();
      const answer = await gate.upgrade(ticket);
      assertRefused(answer);
      assert.deepEqual(await gate.calls(), {}, "a forged ticket reached a store");
      const [event] = await gate.eventually(({ event }) => event === "refused");
      assert.deepEqual([event.reason, event.ticket_id, event.status], ["forged", undefined, 401]);
      refused();
      return answer;
    }

    test("/health says that tickets are checked", async () => {
      assert.equal((await gate.health()).ticket_check, "keyed");
    });

    test("a ticket has the check that the key makes, and opens once", async () => {
      const { ticket, url } = await gate.issue();
      assert.match(ticket, KEYED_TICKET);
      assert.equal(ticket, keyed(unchecked(ticket), FIRST));
      assert.ok(url.endsWith(`/ws?ticket=${ticket}`));
      assert.equal(await gate.opens(ticket), 101);
      assertRefused(await gate.upgrade(ticket));
      const offered = {
        query: "",
        headers: { "Sec-WebSocket-Protocol": `ws-ticket.v1, ${(await gate.issue()).ticket}` },
      };
      assert.equal(await gate.opens("", offered), 101);
    });

    test("one that nobody issued, with a good check: unknown, and the store is asked", async () => {
      const home = parts((await gate.issue()).ticket).home;
      const ticket = keyed(strange(home), FIRST);
      await gate.edge();
      gate.forgetLines();
      const unknown = await gate.upgrade(ticket);
      assertRefused(unknown);
      assert.equal(Object.keys(await gate.calls()).length, store === "memory" ? 0 : 1);
      const [event] = await gate.eventually(({ event }) => event === "refused");
      assert.equal(event.reason, "unknown");
      assert.equal(bytesOf(await forged(keyed(strange(home), SECOND))), bytesOf(unknown), "told apart by the answer");
    });

    test("a check that is missing, another's or made up: forged, and nothing is burnt", async () => {
      const { ticket } = await gate.issue();
      const other = (await gate.issue()).ticket;
      const bare = unchecked(ticket);
      for (const text of [
        bare,
        strange("k"),
        keyed(bare, SECOND),
        keyed(bare, ""),
        keyed(bare, `${FIRST}.`),
        keyed(bare, SECRET),
        bare + other.slice(-CHECK),
        bare + "A".repeat(CHECK),
        unchecked(other) + ticket.slice(-CHECK),
        keyed(bare, FIRST).replace(/^wst_[a-z0-9]+_/, "wst_zz9_"),
        keyed(parts(bare).secret, FIRST).padStart(ticket.length, `wst_${parts(ticket).home}_`),
      ])
        await forged(text);
      assert.equal(await gate.opens(ticket), 101);
    });

    test("every character counts", async () => {
      const { ticket } = await gate.issue();
      const start = ticket.length - 43 - CHECK;
      await gate.edge();
      for (let index = start; index < ticket.length; index += 1) {
        assertRefused(await gate.upgrade(edited(ticket, index)));
        refused();
      }
      assert.deepEqual(await gate.calls(), {});
      assert.equal(await gate.opens(ticket), 101);
    });

    test("what has no ticket's form is malformed, as ever", async () => {
      const { ticket } = await gate.issue();
      await gate.edge();
      const texts = [ticket.slice(0, -1), `${ticket}A`, ticket + ticket.slice(-CHECK), `${ticket.slice(0, -1)}=`];
      const spare = `${ticket.slice(0, -1)}${{ A: "B", Q: "R", g: "h", w: "x" }[ticket.at(-1)]}`;
      for (const text of [...texts, spare, `${ticket.slice(0, -1)}!`, unchecked(ticket).slice(0, -1)]) {
        assertProblem(await gate.upgrade("", { query: `ticket=${text}` }), 400, "ticket_malformed");
        refused();
      }
      assert.deepEqual(await gate.calls(), {});
      assert.equal(await gate.opens(ticket), 101);
    });
  });
}

describe("changes of the key", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: settings({ TICKET_KEY: FIRST }), edge: true });
  });
  after(() => gate?.close());
  const deploy = (key, previous) => gate.redeploy({ TICKET_KEY: key, TICKET_KEY_PREVIOUS: previous });
  const minted = async (count) => Promise.all(Array.from({ length: count }, async () => (await gate.issue()).ticket));
  const once = async (ticket) => {
    for (const expected of [101, 401]) assert.equal(await gate.opens(ticket), expected);
  };
  /** Refused without a store call. */
  async function shut(ticket) {
    await gate.edge();
    assertRefused(await gate.upgrade(ticket));
    assert.deepEqual(await gate.calls(), {});
    refused();
  }

  test("a key is changed with tickets in flight: the one before it counts until it is taken away", async () => {
    const [open, late] = await minted(2);
    await deploy(SECOND, FIRST);
    const [next] = await minted(1);
    assert.equal(next, keyed(unchecked(next), SECOND), "signed with the new one");
    await once(open);
    await once(next);
    await shut(keyed(strange("k"), THIRD));
    await deploy(SECOND, "");
    await shut(late);
    await deploy(THIRD, SECOND);
    await shut(late);
    await once((await minted(1))[0]);
    // Put back: the ticket itself was never touched.
    await deploy(THIRD, FIRST);
    await once(late);
  });

  test("a key is taken away with tickets in flight: all go to the store", async () => {
    await deploy(FIRST, "");
    const [first, second] = await minted(2);
    await deploy("", "");
    assert.equal((await gate.health()).ticket_check, "form");
    await once(first);
    const [plain] = await minted(1);
    assert.match(plain, TICKET);
    await once(plain);
    // The check is no part of the ticket then: with it and without it is one ticket, which opens once.
    assert.equal(await gate.opens(unchecked(second)), 101);
    assertRefused(await gate.upgrade(second));
    assertRefused(await gate.upgrade(keyed(unchecked(second), THIRD)));
  });

  test("a key is set with tickets in flight: those are refused, and open when it is taken back", async () => {
    await deploy("", "");
    const [plain] = await minted(1);
    await deploy(FIRST, "");
    await shut(plain);
    await deploy("", "");
    await once(plain);
  });
});

test("who can write to the store lets anybody in; with a key they need a real ticket first", async () => {
  for (const [key, status] of [
    ["", 101],
    [FIRST, 401],
  ]) {
    const gate = await startGate({ vars: settings({ TICKET_KEY: key }), edge: true });
    try {
      await gate.issue({ sub: "eve" });
      const [{ value }] = await gate.kvEntries();
      const ticket = strange("k");
      const grant = { ...JSON.parse(value), ticket_id: crypto.randomUUID(), subject: "admin" };
      await (await gate.kv()).put(kvKey(ticket), JSON.stringify(grant), { expirationTtl: 60 });
      assert.equal(await gate.opens(ticket), status);
    } finally {
      await gate.close();
    }
  }
});

describe("settings of the key", () => {
  const short = "planted-key-of-31-bytes-".padEnd(31, ".");
  const mistakes = [
    [{ TICKET_KEY: short }, "TICKET_KEY"],
    [{ TICKET_KEY: "planted" }, "TICKET_KEY"],
    [{ TICKET_KEY_PREVIOUS: `planted-${FIRST}` }, "TICKET_KEY_PREVIOUS"],
    [{ TICKET_KEY: FIRST, TICKET_KEY_PREVIOUS: short }, "TICKET_KEY_PREVIOUS"],
    [{ TICKET_KEY: short, TICKET_KEY_PREVIOUS: "planted" }, ["TICKET_KEY", "TICKET_KEY_PREVIOUS"]],
  ];
  let gates;
  before(async () => {
    const good = [{}, { TICKET_KEY: "", TICKET_KEY_PREVIOUS: "" }, { TICKET_KEY: "é".repeat(16) }];
    gates = await startGates([...mistakes.map(([vars]) => vars), ...good].map((vars) => ({ vars: settings(vars) })));
  });
  after(() => gates?.[0].close());

  for (const [index, [, names]] of mistakes.entries()) {
    test(`a mistake in ${names}, number ${index + 1}`, async () => {
      await assertMisconfigured(gates[index], names, { never: ["planted"] });
      refused();
    });
  }

  test("32 bytes are enough, and none at all is no mistake", async () => {
    const checks = await Promise.all(
      gates.slice(mistakes.length).map(async (gate) => (await gate.health()).ticket_check),
    );
    assert.deepEqual(checks, ["form", "form", "keyed"]);
    for (const line of gates[0].lines()) assert.ok(!line.includes("planted"), line);
  });
});

report();
