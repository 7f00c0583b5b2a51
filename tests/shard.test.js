// What a gate does about shards: which it asks, how often, and what it makes of an answer that it doesn't know.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { bearer, good, SECRET } from "./support/jwt.js";
import { deadline } from "./support/pace.js";
import { assertRefused, assertUnavailable } from "./support/problem.js";
import { parts, strange } from "./support/tickets.js";

const REGIONS = ["", "wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"];
const PUT = { put: "shard.put", kv: "kv.put" };

test("an ask that is given up is aborted, and doesn't last as long as the socket", async () => {
  const STORE_TIMEOUT_MS = String(deadline(1000));
  const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "durable", STORE_TIMEOUT_MS }, edge: true });
  try {
    const { ticket } = await gate.issue();
    await gate.edge({ shard: { fetch: { how: "never", times: 1 } } });
    const socket = await gate.upgrade(ticket);
    assert.equal(socket.status, 101, "asked again");
    assert.deepEqual([await gate.calls(), await gate.aborted()], [{ "shard.fetch": 2 }, 1]);
    await socket.leave();
  } finally {
    await gate.close();
  }
});

for (const [store, step] of [
  ["durable", "shard.take"],
  ["kv", "shard.claim"],
]) {
  describe(`a shard that fails, TICKET_STORE=${store}`, () => {
    let gate;
    before(async () => {
      gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: store }, edge: true });
    });
    after(() => gate?.close());

    /** Presents a ticket while the shard does this; how often it was asked, and what is logged of it. */
    async function presentedWhile(fetch) {
      const { ticket } = await gate.issue();
      await gate.edge({ shard: { fetch } });
      gate.forgetLines();
      const answer = await gate.upgrade(ticket);
      const asked = (await gate.calls())["shard.fetch"];
      await gate.edge();
      const told = await gate.eventually(({ event }) => event === "store_failed" || event === "store");
      return { ticket, answer, asked, told: told[0] };
    }

    for (const [what, error, expected, reason] of [
      ["that has too much to do is not asked again", { overloaded: true }, 1, "overloaded"],
      [
        "that has too much to do, although it could be tried again",
        { overloaded: true, retryable: true },
        1,
        "overloaded",
      ],
      ["that says it has not too much to do is asked once more", { overloaded: false }, 2, "failed"],
      ["that fails in any other way is asked once more", {}, 2, "failed"],
    ])
      test(`a shard ${what}`, async () => {
        const { ticket, answer, asked, told } = await presentedWhile({ how: "throw", error });
        assertUnavailable(answer);
        assert.equal(asked, expected);
        assert.deepEqual([told.step, told.reason, told.level], [step, reason, "warn"]);
        // Nothing had happened.
        for (const status of [101, 401]) assert.equal(await gate.opens(ticket), status);
      });

    test("also when it had too much to do for a moment only", async () => {
      const { answer, asked } = await presentedWhile({ how: "throw", times: 1, error: { overloaded: true } });
      assertUnavailable(answer);
      assert.equal(asked, 1);
    });

    test("a word of a later version is no yes and no outage, and is not asked for again", async () => {
      for (const status of [234, 238, 239]) {
        const { ticket, answer, asked, told } = await presentedWhile({ how: "answer", status, body: "{}" });
        assertRefused(answer);
        assert.equal(asked, 1, `${status}`);
        assert.equal(told.outcome, "not_understood");
        assert.equal(await gate.opens(ticket), 101);
      }
      for (const status of [200, 229, 240, 400, 503]) {
        const { answer, asked } = await presentedWhile({ how: "answer", status });
        assertUnavailable(answer);
        assert.equal(asked, 2, `${status}`);
      }
    });
  });
}

test("a grant that a shard can't take goes into the next store of the list, and its shard isn't asked again", async () => {
  for (const [fault, reason] of [
    [{ how: "throw", error: { overloaded: true } }, "overloaded"],
    [{ how: "answer", status: 234 }, "not_understood"],
    [{ how: "answer", status: 231 }, "failed"],
  ]) {
    const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "durable,memory" }, edge: true });
    try {
      await gate.edge({ shard: { fetch: fault } });
      const { ticket } = await gate.issue();
      assert.equal(parts(ticket).home, "m");
      assert.deepEqual(await gate.calls(), { "shard.fetch": 1 });
      const [event] = await gate.eventually(({ event }) => event === "store_failed");
      assert.deepEqual([event.step, event.reason], [PUT.put, reason]);
      assert.equal(await gate.opens(ticket), 101);
    } finally {
      await gate.close();
    }
  }
});

describe("shards that a ticket names", () => {
  const durable = { ...DEVELOPMENT, TICKET_STORE: "durable" };
  let gates;
  before(async () => {
    gates = await startGates([
      { vars: { ...durable, TICKET_SHARDS: "2" }, edge: true },
      { vars: { ...durable, TICKET_SHARDS: "2", TICKET_SHARDS_PREVIOUS: "9" }, edge: true },
      { vars: { TICKET_STORE: "durable", TICKET_SHARDS: "2", JWT_SECRET: SECRET }, edge: true },
    ]);
  });
  after(() => gates?.[0].close());

  async function asks(gate, ticket) {
    await gate.edge();
    assertRefused(await gate.upgrade(ticket));
    return (await gate.calls())["shard.fetch"] ?? 0;
  }

  test("made-up tickets wake no shard that no ticket is from", async () => {
    const [two, nine, keyed] = gates;
    for (const region of REGIONS) {
      for (const number of [2, 3, 8, 9, 255, 256, 65_535]) {
        assert.equal(await asks(two, strange(`d${number}${region}`)), 0, `${number}${region}`);
        assert.equal(await asks(nine, strange(`d${number}${region}`)), number < 9 ? 1 : 0, `${number}${region}`);
      }
      assert.equal(await asks(two, strange(`d1${region}`)), 1);
      assert.equal(await asks(keyed, strange(`d1${region}`)), 0, "where tickets are checked, none at all");
    }
    for (const home of ["d1xx", "d01weur", "dweur", "d"]) assert.equal(await asks(nine, strange(home)), 0, home);
  });

  test("tickets in flight survive that there are fewer shards", async () => {
    const vars = { ...durable, TICKET_SHARDS: "9" };
    for (const [more, checked] of [
      [{ TICKET_SHARDS_PREVIOUS: "9" }, false],
      [{ IDENTITY: "jwt", JWT_SECRET: SECRET }, true],
    ]) {
      const gate = await startGate({ vars: { ...vars, ...(checked ? more : {}) }, edge: true });
      try {
        const login = (sub) => (checked ? bearer(good(sub)) : {});
        const tickets = [];
        while (new Set(tickets.map((ticket) => parts(ticket).home)).size < 4) {
          const sub = `subject-${tickets.length}`;
          tickets.push((await gate.issue(checked ? undefined : { sub }, login(sub))).ticket);
        }
        await gate.redeploy({ TICKET_SHARDS: "1", ...more });
        for (const ticket of tickets) for (const status of [101, 401]) assert.equal(await gate.opens(ticket), status);
        const fresh = (await gate.issue(undefined, login("alice"))).ticket;
        assert.match(parts(fresh).home, /^d0/);
        if (checked) continue;
        const [, late] = [await gate.redeploy({ TICKET_SHARDS: "9" }), await high(gate)];
        await gate.redeploy({ TICKET_SHARDS: "1", TICKET_SHARDS_PREVIOUS: "" });
        assert.equal(await asks(gate, late), 0);
        await gate.redeploy({ TICKET_SHARDS_PREVIOUS: "9" });
        assert.equal(await gate.opens(late), 101, "nothing was burnt");
      } finally {
        await gate.close();
      }
    }
  });

  /** A ticket of another shard than the first. */
  async function high(gate) {
    for (let n = 0; ; n += 1) {
      const { ticket } = await gate.issue({ sub: `high-${n}` });
      if (!/^d0/.test(parts(ticket).home)) return ticket;
    }
  }
});
