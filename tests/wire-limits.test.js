// The wire, rate limits, by the local runtime's own: how many tickets a subject gets, how many refusals an address.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { assertProblem, assertRefused } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { strange } from "./support/tickets.js";

const LIMIT = 5;
const MINUTE = 60_000;
const BLOCK_MS = 10_000;
const VARS = { ...DEVELOPMENT, TICKET_STORE: "kv" };

/** Limits count by the minute of the clock, so what is counted has to fit into one. */
async function roomInTheMinute(ms = 15_000) {
  const left = MINUTE - (Date.now() % MINUTE);
  if (left < ms) await sleep(left + 50);
}

function assertLimited(answer) {
  assertProblem(answer, 429, "rate_limited");
  assert.equal(answer.headers["retry-after"], "60");
  refused();
}

// Every test has an address and a subject of its own: what one used up, no other has.
let number = 0;
const fresh = () => {
  number += 1;
  return number;
};
const at = (address) => ({ "CF-Connecting-IP": address });
const someAddress = () => `198.51.100.${fresh()}`;

describe("limits", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: VARS, edge: true, limits: { ISSUE_LIMIT: LIMIT, REFUSAL_LIMIT: LIMIT } });
  });
  after(() => gate?.close());
  beforeEach(async () => {
    await roomInTheMinute();
    await gate.edge();
  });

  const wrong = (headers) => gate.upgrade(strange("k"), { headers });
  /** Uses up what the address has, so that the next refusal is one too many. */
  async function useUp(headers) {
    for (let i = 0; i < LIMIT; i += 1) assertRefused(await wrong(headers));
  }
  const open = (ticket, headers) => gate.opens(ticket, { headers });

  test("/health says which limits there are", async () => {
    assert.deepEqual((await gate.health()).limits, ["issue", "refusal"]);
  });

  test("tickets: so many a subject and no more; others are not touched; refused before the store", async () => {
    const [alice, bob] = [`alice-${fresh()}`, `bob-${fresh()}`];
    for (let i = 0; i < LIMIT; i += 1) assert.equal((await gate.post({ sub: alice }, at(someAddress()))).status, 200);
    await gate.edge();
    gate.forgetLines();
    for (const headers of [at(someAddress()), at(someAddress()), {}])
      assertLimited(await gate.post({ sub: alice }, headers));
    assertLimited(await gate.post({ sub: alice, room: "another" }));
    assert.deepEqual(await gate.calls(), {}, "a store was called");
    const [event] = await gate.eventually(({ event }) => event === "refused");
    assert.deepEqual([event.reason, event.route, event.status], ["rate_limited", "ws-ticket", 429]);
    assert.equal((await gate.post({ sub: bob })).status, 200);
    for (const near of [alice.slice(0, -1), `${alice}0`, alice.toUpperCase()])
      assert.equal((await gate.post({ sub: near })).status, 200, near);
  });

  test("tickets: what is refused before is not counted", async () => {
    const sub = `carol-${fresh()}`;
    for (let i = 0; i < LIMIT * 2; i += 1) {
      assertProblem(await gate.post({ sub, x: 1 }), 400, "body_malformed");
      assertProblem(await gate.post({ sub }, { Origin: "https://evil.example" }), 403, "origin_refused");
      assertProblem(await gate.post({ sub }, { "Sec-Fetch-Mode": "navigate" }), 403, "fetch_mode_refused");
      refused(3);
    }
    assert.deepEqual(await gate.asked(), {}, "the limit was asked");
    assert.equal((await gate.post({ sub })).status, 200);
    assert.deepEqual(await gate.asked(), { "issue_limit.limit": 1 });
  });

  test("refusals: so many an address; then it is blocked, and even a good ticket is refused, and not burnt", async () => {
    const headers = at(someAddress());
    const { ticket } = await gate.issue({ sub: `d-${fresh()}` });
    await useUp(headers);
    assertLimited(await wrong(headers));
    await gate.edge();
    assertLimited(await gate.upgrade(ticket, { headers }));
    assertLimited(await gate.upgrade("x", { headers }));
    assertLimited(await gate.request({ path: "/ws", headers }));
    assert.deepEqual([await gate.calls(), await gate.asked()], [{}, {}], "a blocked address costs no call");
    assert.equal(await open(ticket, at(someAddress())), 101, "from elsewhere");
  });

  test("refusals: a block ends after ten seconds, and a good ticket opens", async () => {
    const headers = at(someAddress());
    const [early, late] = [await gate.issue({ sub: `e-${fresh()}` }), await gate.issue({ sub: `f-${fresh()}` })];
    const clock = Date.now();
    await gate.edge({ clock });
    await useUp(headers);
    assertLimited(await wrong(headers));
    await gate.edge({ clock: clock + BLOCK_MS - 1 });
    assertLimited(await gate.upgrade(early.ticket, { headers }));
    await gate.edge({ clock: clock + BLOCK_MS + 1 });
    assert.equal(await open(early.ticket, headers), 101);
    assertLimited(await wrong(headers));
    assertLimited(await gate.upgrade(late.ticket, { headers }));
    await gate.edge();
  });

  test("refusals: every 4xx of /ws counts, and an admission doesn't", async () => {
    const acts = [
      (headers) => gate.request({ path: "/ws", headers }),
      (headers) => gate.request({ method: "POST", path: "/ws", headers }),
      (headers) => gate.upgrade("x", { headers }),
      (headers) => gate.upgrade("", { query: "", headers }),
      (headers) => gate.upgrade("x", { headers: { ...headers, Origin: "https://evil.example" } }),
      wrong,
    ];
    const headers = at(someAddress());
    for (let i = 0; i < LIMIT + 2; i += 1) {
      const { ticket } = await gate.issue({ sub: `g-${fresh()}` });
      assert.equal(await open(ticket, headers), 101);
    }
    assert.equal((await gate.asked())["refusal_limit.limit"], undefined);
    const statuses = [];
    for (const act of acts) statuses.push((await act(headers)).status);
    assert.deepEqual(statuses, [426, 405, 400, 400, 403, 429]);
    refused(6);
    // Refusals of another route are another matter.
    const elsewhere = at(someAddress());
    for (let i = 0; i < LIMIT * 2; i += 1) assert.equal((await gate.post("[]", elsewhere)).status, 400);
    assertRefused(await wrong(elsewhere));
  });

  test("refusals: an outage is not the caller's fault, and isn't counted", async () => {
    const headers = at(someAddress());
    const { ticket } = await gate.issue({ sub: `h-${fresh()}` });
    await gate.edge({ kv: { get: { how: "throw" } } });
    for (let i = 0; i < LIMIT * 2; i += 1) assert.equal((await gate.upgrade(ticket, { headers })).status, 503);
    assert.equal((await gate.asked())["refusal_limit.limit"], undefined);
    await gate.edge();
    assert.equal(await open(ticket, headers), 101);
  });

  test("refusals: an IPv4 address is one, an IPv6 one is its /64, however it is written", async () => {
    const [a, b] = [fresh().toString(16), fresh().toString(16)];
    const { ticket } = await gate.issue({ sub: `i-${fresh()}` });
    const own = ["::1", "::2", ":ffff:ffff:ffff:ffff", ":0:0:0:5", "::192.0.2.1"].map((end) => `2001:db8:0:${a}${end}`);
    for (const address of own) assertRefused(await wrong(at(address)));
    assertLimited(await wrong(at(`2001:db8:0:${a}:1:2:3:4`)));
    for (const same of [`2001:db8:0:${a}::9`, `2001:0db8:0000:${a.padStart(4, "0")}::1`, `2001:DB8::${a}:0:0:0:1`])
      assertLimited(await gate.upgrade(ticket, { headers: at(same) }));
    assert.equal(await open(ticket, at(`2001:db8:0:${b}::1`)), 101, "the next /64");
    const v4 = someAddress();
    await useUp(at(v4));
    assertLimited(await wrong(at(v4)));
    assertRefused(await wrong(at(someAddress())));
  });

  test("a stranger's headers are no address", async () => {
    const address = someAddress();
    for (let i = 0; i < LIMIT; i += 1) {
      const claimed = `192.0.2.${fresh()}`;
      const headers = { "X-Forwarded-For": claimed, "X-Real-IP": claimed, Forwarded: `for=${claimed}` };
      assertRefused(await wrong({ ...at(address), ...headers }));
    }
    assertLimited(await wrong(at(address)));
  });
});

describe("many addresses", () => {
  test("more than are remembered do no harm: each is refused, and a good ticket opens", async () => {
    const gate = await startGate({ vars: VARS, edge: true, limits: { REFUSAL_LIMIT: 1 } });
    try {
      const addresses = Array.from({ length: 1500 }, (_, i) => `2001:db8:1:${i.toString(16)}::1`);
      const { ticket } = await gate.issue();
      await roomInTheMinute(25_000);
      while (addresses.length > 0) {
        const batch = addresses.splice(0, 50).map(async (address) => {
          const answers = [];
          for (let i = 0; i < 3; i += 1) answers.push(await gate.opens(strange("k"), { headers: at(address) }));
          assert.deepEqual(answers, [401, 429, 429], address);
          refused(3);
        });
        await Promise.all(batch);
      }
      assert.equal(await gate.opens(ticket, { headers: at("2001:db8:2::1") }), 101);
    } finally {
      await gate.close();
    }
  });
});

report();
