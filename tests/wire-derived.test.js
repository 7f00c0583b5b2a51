// The wire, without a TICKET_KEY: where the login has a secret, the key of the check is derived from it. How that secret is
// changed, and a key of its own set and taken away, with tickets in flight; and how the check comes on without refusing any.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { bearer, good, inSeconds, mint, SECRET } from "./support/jwt.js";
import { assertMisconfigured, assertRefused } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { derived, KEYED_TICKET, keyed, parts, strange, TICKET } from "./support/tickets.js";

const NEXT = "another-app-secret-of-33-bytes-or";
const KEY = "a-ticket-key-of-thirty-two-bytes";
const CHECK = 22;
const bare = (ticket) => ticket.slice(0, -CHECK);

for (const store of ["durable", "kv", "memory"]) {
  describe(`JWT_SECRET alone, TICKET_STORE=${store}`, () => {
    let gate;
    const login = bearer(good());
    before(async () => {
      gate = await startGate({ vars: { TICKET_STORE: store, JWT_SECRET: SECRET }, edge: true });
    });
    after(() => gate?.close());

    test("tickets have a check that is derived from it, and open once", async () => {
      assert.equal((await gate.health()).ticket_check, "keyed");
      const { ticket } = await gate.issue(undefined, login);
      assert.match(ticket, KEYED_TICKET);
      assert.equal(ticket, keyed(bare(ticket), derived(SECRET)));
      for (const status of [101, 401]) assert.equal(await gate.opens(ticket), status);
    });

    test("one that nobody issued costs no store call", async () => {
      const { ticket } = await gate.issue(undefined, login);
      const { home } = parts(ticket);
      await gate.edge();
      gate.forgetLines();
      const forged = [
        strange(home),
        bare(ticket),
        keyed(strange(home), SECRET),
        keyed(strange(home), derived(NEXT)),
        bare(ticket) + "A".repeat(CHECK),
        keyed(bare(ticket), SECRET),
      ];
      for (const text of forged) {
        assertRefused(await gate.upgrade(text));
        refused();
      }
      assert.deepEqual(await gate.calls(), {});
      const events = await gate.eventually(({ event }) => event === "refused", forged.length);
      for (const { reason } of events) assert.equal(reason, "forged");
      assert.equal(await gate.opens(ticket), 101, "none of that burned the ticket");
    });
  });
}

describe("changes of the secret and of the key", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: { TICKET_STORE: "durable", JWT_SECRET: SECRET }, edge: true });
  });
  after(() => gate?.close());
  const deploy = (secret, secretBefore = "", key = "", keyBefore = "") =>
    gate.redeploy({
      JWT_SECRET: secret,
      JWT_SECRET_PREVIOUS: secretBefore,
      TICKET_KEY: key,
      TICKET_KEY_PREVIOUS: keyBefore,
    });
  const minted = async (secret) => {
    const token = mint({ sub: "alice", exp: inSeconds(3600) }, { secret });
    return (await gate.issue(undefined, bearer(token))).ticket;
  };
  const once = async (ticket) => {
    for (const expected of [101, 401]) assert.equal(await gate.opens(ticket), expected);
  };
  async function shut(ticket) {
    await gate.edge();
    assertRefused(await gate.upgrade(ticket));
    assert.deepEqual(await gate.calls(), {});
    refused();
  }

  test("the login's secret is changed with tickets in flight: the one before it counts until it is taken away", async () => {
    const [open, late] = [await minted(SECRET), await minted(SECRET)];
    await deploy(NEXT, SECRET);
    await once(open);
    const next = await minted(NEXT);
    assert.equal(next, keyed(bare(next), derived(NEXT)), "the new one signs");
    await deploy(NEXT);
    await shut(late);
    await once(next);
    await deploy(NEXT, SECRET);
    await once(late);
  });

  test("a key of its own is set and taken away with tickets in flight, and refuses none", async () => {
    await deploy(SECRET);
    const before = [await minted(SECRET), await minted(SECRET)];
    await deploy(SECRET, "", KEY);
    const between = [await minted(SECRET), await minted(SECRET)];
    for (const ticket of between) assert.equal(ticket, keyed(bare(ticket), KEY));
    await once(before[0]);
    await once(between[0]);
    await shut(keyed(strange("d0"), derived(NEXT)));
    await deploy(SECRET, "", "", KEY);
    const after = await minted(SECRET);
    assert.equal(after, keyed(bare(after), derived(SECRET)));
    for (const ticket of [before[1], between[1], after]) await once(ticket);
    await shut(keyed(strange("d0"), derived(NEXT)));
    await deploy(SECRET);
    assert.equal(await gate.opens(await minted(SECRET)), 101);
  });
});

test("the check comes on in two steps, and refuses no ticket that was issued without one", async () => {
  const gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "durable", TICKET_SHARDS: "4" }, edge: true });
  try {
    const minted = async () => (await gate.issue()).ticket;
    const [first, second, third] = [await minted(), await minted(), await minted()];
    for (const ticket of [first, second, third]) assert.match(ticket, TICKET);
    // While isolates of both kinds run: the new ones take both kinds of tickets, and so do the old ones.
    await gate.redeploy({ JWT_SECRET: SECRET, TICKET_CHECK: "optional" });
    assert.equal((await gate.health()).ticket_check, "form", "a made-up ticket costs a call as yet");
    const [fourth, fifth] = [await minted(), await minted()];
    assert.match(fourth, KEYED_TICKET);
    for (const ticket of [first, fourth])
      for (const status of [101, 401]) assert.equal(await gate.opens(ticket), status);
    await gate.edge();
    for (const text of [keyed(strange("d0"), KEY), strange("d4"), strange("d255weur")]) {
      assertRefused(await gate.upgrade(text));
      refused();
    }
    assert.deepEqual(await gate.calls(), {}, "a wrong check, or a shard that there never was");
    await gate.redeploy({ JWT_SECRET: "", TICKET_CHECK: "" });
    for (const ticket of [second, fifth]) assert.equal(await gate.opens(ticket), 101);
    // All are new now.
    await gate.redeploy({ JWT_SECRET: SECRET });
    assert.equal((await gate.health()).ticket_check, "keyed");
    await gate.edge();
    assertRefused(await gate.upgrade(third));
    assert.deepEqual(await gate.calls(), {});
    assert.equal(await gate.opens(await minted()), 101);
  } finally {
    await gate.close();
  }
});

describe("a TICKET_KEY that is a secret of something else", () => {
  const secret = "planted-secret-of-thirty-two-bytes-or-so";
  const redis = { TICKET_STORE: "redis", REDIS_URL: `redis://:${secret}@127.0.0.1:1` };
  const mistakes = [
    [{ JWT_SECRET: secret, TICKET_KEY: secret }, "TICKET_KEY"],
    [{ JWT_SECRET: SECRET, JWT_SECRET_PREVIOUS: secret, TICKET_KEY: secret }, "TICKET_KEY"],
    [{ JWT_SECRET: secret, TICKET_KEY: KEY, TICKET_KEY_PREVIOUS: secret }, "TICKET_KEY_PREVIOUS"],
    [{ ...DEVELOPMENT, JWT_SECRET: secret, TICKET_KEY: secret }, "TICKET_KEY"],
    [{ JWT_SECRET: SECRET, ...redis, TICKET_KEY: secret }, "TICKET_KEY"],
    [{ JWT_SECRET: SECRET, TICKET_KEY: "development-only-secret-not-for-production" }, "TICKET_KEY"],
    [{ JWT_SECRET: SECRET, TICKET_CHECK: "planted" }, "TICKET_CHECK"],
  ];
  let gates;
  before(async () => {
    gates = await startGates(mistakes.map(([vars]) => ({ vars })));
  });
  after(() => gates?.[0].close());
  for (const [index, [, name]] of mistakes.entries())
    test(`is refused, by the name ${name}, number ${index + 1}`, async () => {
      await assertMisconfigured(gates[index], name, { never: ["planted"] });
      refused();
    });
});

report();
