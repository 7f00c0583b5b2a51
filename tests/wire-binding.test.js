// The wire, who may present a ticket: the page that asked for it and, with BIND=cookie, the browser that asked. Anybody else is
// refused like an unknown ticket, to the byte, and burns it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { assertMisconfigured, assertRefused, bytesOf } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { rows } from "./support/rows.js";
import { keyed, strange } from "./support/tickets.js";

const APP = "https://app.example.com";
const ALSO = "https://also.example.com";
const KEY = "a-ticket-key-of-thirty-two-bytes";
const NAME = "__Host-ws-ticket";
const VARS = { ...DEVELOPMENT, TICKET_STORE: "kv", ALLOWED_ORIGINS: `${APP},${ALSO}`, TICKET_KEY: KEY };
const from = (origin) => (origin === undefined ? {} : { Origin: origin });
const secret = () => randomBytes(32).toString("base64url");
const bring = (...values) => ({ Cookie: values.map((value) => `${NAME}=${value}`).join("; ") });

/** A ticket, the cookie that came with it and its public id. */
async function known(gate, headers = {}) {
  gate.forgetLines();
  const answer = await gate.post({ sub: "alice" }, headers);
  assert.equal(answer.status, 200, answer.text);
  const [{ ticket_id }] = await gate.eventually(({ event }) => event === "issued");
  const cookie = answer.headers["set-cookie"]?.[0].split(/[=;]/)[1];
  return { ...answer.json, ticket_id, cookie, setCookie: answer.headers["set-cookie"] };
}

/** Refused like any ticket that is no good, told apart in the log alone, and burnt: who had a right to it comes too late. */
async function burns(gate, { ticket, ticket_id }, wrong, right, reason) {
  gate.forgetLines();
  const answer = await gate.upgrade(ticket, { headers: wrong });
  assertRefused(answer);
  const [event] = await gate.eventually(({ event }) => event === "refused");
  assert.deepEqual([event.reason, event.level, event.ticket_id], [reason, "warn", ticket_id]);
  assert.equal(gate.events().filter(({ event }) => event === "consumed").length, 0);
  assertRefused(await gate.upgrade(ticket, { headers: right }));
  refused();
  return answer;
}

describe("the page that asked", () => {
  let gate;
  let own;
  before(async () => {
    gate = await startGate({ vars: VARS, edge: true });
    own = new URL(gate.url).origin;
  });
  after(() => gate?.close());

  test("BIND is origin by default, and no cookie is set", async () => {
    assert.equal((await gate.health()).bind, "origin");
    const { setCookie } = await known(gate, { ...from(APP), ...bring(secret()) });
    assert.equal(setCookie, undefined);
  });

  test("a ticket opens for the origin that it was asked for from", async () => {
    for (const origin of [APP, ALSO, own]) {
      const { ticket } = await gate.issue(undefined, from(origin));
      assert.equal(await gate.opens(ticket, { headers: from(origin) }), 101, origin);
    }
  });

  for (const [what, minted, presented] of [
    ["another that is allowed, too", APP, ALSO],
    ["the other way about", ALSO, APP],
    ["the gate's own", APP, "own"],
    ["none: by a program", APP, undefined],
    ["an app's, where the gate's own asked", "own", APP],
    ["none, where the gate's own asked", "own", undefined],
  ]) {
    test(`presented from ${what}: refused and burnt`, async () => {
      const real = (origin) => from(origin === "own" ? own : origin);
      const issued = await known(gate, real(minted));
      await burns(gate, issued, real(presented), real(minted), "origin_mismatch");
    });
  }

  test("a ticket that a program asked for isn't bound", async () => {
    for (const origin of [undefined, APP, ALSO, own]) {
      const { ticket } = await gate.issue();
      assert.equal(await gate.opens(ticket, { headers: from(origin) }), 101, origin);
    }
  });

  test("racing with the wrong page admits one at most, and the wrong page never", async () => {
    for (let round = 0; round < 10; round += 1) {
      const { ticket } = await gate.issue(undefined, from(APP));
      const origins = [ALSO, APP, undefined, APP, ALSO];
      const statuses = await Promise.all(origins.map((origin) => gate.opens(ticket, { headers: from(origin) })));
      const admitted = origins.filter((_, i) => statuses[i] === 101);
      assert.ok(admitted.length <= 1 && admitted.every((origin) => origin === APP), `admitted: ${admitted}`);
      assert.ok(statuses.every((status) => status === 101 || status === 401));
      refused(origins.length - admitted.length);
    }
  });
});

describe("BIND=cookie", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: { ...VARS, BIND: "cookie", TICKET_TTL_SECONDS: "120" }, edge: true });
  });
  after(() => gate?.close());
  const page = (...values) => ({ ...from(APP), ...(values.length === 0 ? {} : bring(...values)) });

  test("/health says so, and pages may send it across origins", async () => {
    assert.equal((await gate.health()).bind, "cookie");
    const asking = {
      method: "OPTIONS",
      path: "/ws-ticket",
      headers: { ...from(APP), "Access-Control-Request-Method": "POST" },
    };
    for (const answer of [
      await gate.request(asking),
      await gate.post(undefined, from(APP)),
      await gate.post("[]", from(APP)),
    ])
      assert.equal(answer.headers["access-control-allow-credentials"], "true", String(answer.status));
    const elsewhere = await gate.post(undefined, from("https://evil.example"));
    assert.equal(elsewhere.headers["access-control-allow-credentials"], undefined);
  });

  test("the cookie, byte for byte, a fresh one each time", async () => {
    const values = new Set();
    for (let round = 0; round < 20; round += 1) {
      const { setCookie, cookie } = await known(gate, page());
      const expected = `${NAME}=${cookie}; Path=/; Max-Age=120; Secure; HttpOnly; SameSite=Strict`;
      assert.deepEqual(setCookie, [expected]);
      assert.match(cookie, /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
      values.add(cookie);
    }
    assert.equal(values.size, 20);
  });

  test("a good one that is there is kept: two tabs don't take each other's away", async () => {
    const first = await known(gate, page());
    const second = await known(gate, page(first.cookie));
    assert.deepEqual(second.setCookie, first.setCookie);
    for (const { ticket } of [first, second])
      assert.equal(await gate.opens(ticket, { headers: page(first.cookie) }), 101);
    const among = { ...from(APP), Cookie: `a=1; ${NAME}=${first.cookie}; ${NAME}2=x; b="2"` };
    const third = await known(gate, among);
    assert.equal(third.cookie, first.cookie);
    assert.equal(await gate.opens(third.ticket, { headers: among }), 101);
  });

  test("one that is malformed is not kept, nor one of two", async () => {
    const good = secret();
    const bad = ["", "x", good.slice(1), `${good}A`, `${good}=`, `"${good}"`, `+${good.slice(1)}`, "A".repeat(4000)];
    for (const values of [...bad.map((value) => [value]), [good, secret()]]) {
      const { ticket, cookie } = await known(gate, page(...values));
      assert.ok(!values.includes(cookie), "what came was kept");
      assert.match(cookie, /^[A-Za-z0-9_-]{43}$/);
      assert.equal(await gate.opens(ticket, { headers: page(cookie) }), 101);
      refused();
    }
  });

  for (const [what, reason, headers] of [
    ["no cookie", "cookie_missing", () => page()],
    ["other cookies only", "cookie_missing", () => ({ ...from(APP), Cookie: "a=1; ws-ticket=x" })],
    ["its value under another name", "cookie_missing", (c) => ({ ...from(APP), Cookie: `ws-ticket=${c}` })],
    ["its name in capitals", "cookie_missing", (c) => ({ ...from(APP), Cookie: `__HOST-WS-TICKET=${c}` })],
    ["another browser's", "cookie_mismatch", () => page(secret())],
    ["the same twice", "cookie_mismatch", (c) => page(c, c)],
    ["another after it", "cookie_mismatch", (c) => page(c, secret())],
    ["another before it", "cookie_mismatch", (c) => page(secret(), c)],
    ["an empty one after it", "cookie_mismatch", (c) => page(c, "")],
    ["an empty one", "cookie_mismatch", () => page("")],
    ["a character less", "cookie_mismatch", (c) => page(c.slice(0, -1))],
    ["a character more", "cookie_mismatch", (c) => page(`${c}A`)],
    ["quotation marks", "cookie_mismatch", (c) => page(`"${c}"`)],
    ["another case", "cookie_mismatch", (c) => page(c.replace(/[a-z]/i, (sign) => swapped(sign)))],
    ["two headers", "cookie_mismatch", (c) => ({ ...from(APP), Cookie: [`${NAME}=${c}`, `${NAME}=${c}`] })],
    ["a good one, from another page", "origin_mismatch", (c) => ({ ...from(ALSO), ...bring(c) })],
    ["a good one, from a program", "origin_mismatch", (c) => bring(c)],
  ]) {
    test(`presented with ${what}: refused and burnt`, async () => {
      const issued = await known(gate, page());
      await burns(gate, issued, headers(issued.cookie), page(issued.cookie), reason);
    });
  }

  test("the cookie alone opens nothing, and another ticket's cookie no ticket", async () => {
    const [one, two] = [await known(gate, page()), await known(gate, page())];
    assert.equal((await gate.upgrade("", { query: "", headers: page(one.cookie) })).json.code, "ticket_missing");
    await burns(gate, one, page(two.cookie), page(one.cookie), "cookie_mismatch");
    assert.equal(await gate.opens(two.ticket, { headers: page(two.cookie) }), 101);
  });

  test("unknown, expired, used, forged, and each mismatch: one answer, to the byte", async () => {
    const present = (ticket, headers) => gate.upgrade(ticket, { headers });
    const [page1, page2, page3, page4] = await Promise.all([1, 2, 3, 4].map(() => gate.post(undefined, page())));
    const cookieOf = (answer) => answer.headers["set-cookie"][0].split(/[=;]/)[1];
    const used = page(cookieOf(page1));
    assert.equal(await gate.opens(page1.json.ticket, { headers: used }), 101);
    const answers = [
      await present(keyed(strange("k"), KEY), used),
      await present(keyed(strange("zz9"), KEY), used),
      await present(page1.json.ticket, used),
      await present(strange("k"), used),
      await present(keyed(strange("k"), "another-key-of-thirty-two-bytes!"), used),
      await present(page2.json.ticket, { ...from(ALSO), ...bring(cookieOf(page2)) }),
      await present(page3.json.ticket, page()),
      await present(page4.json.ticket, page(secret())),
    ];
    const old = await gate.post(undefined, page());
    await gate.edge({ clock: Date.parse(old.json.expires_at) });
    answers.push(await present(old.json.ticket, page(cookieOf(old))));
    await gate.edge();
    for (const answer of answers) {
      assertRefused(answer);
      assert.equal(bytesOf(answer), bytesOf(answers[0]));
      refused();
    }
  });
});

for (const row of rows) {
  test(`a mismatch burns the ticket in ${row.name}`, async () => {
    const backing = await row.back?.();
    const vars = { ...row.vars, ...backing?.vars, ALLOWED_ORIGINS: `${APP},${ALSO}` };
    const [gate, bound] = await startGates([
      { vars, edge: true },
      { vars: { ...vars, BIND: "cookie" }, edge: true },
    ]);
    try {
      const issued = await known(gate, from(APP));
      await burns(gate, issued, from(ALSO), from(APP), "origin_mismatch");
      const { ticket, cookie } = await known(bound, from(APP));
      assertRefused(await bound.upgrade(ticket, { headers: from(APP) }));
      assertRefused(await bound.upgrade(ticket, { headers: { ...from(APP), ...bring(cookie) } }));
    } finally {
      await gate.close();
      await backing?.close();
    }
  });
}

test("any other BIND is a mistake", async () => {
  const values = ["Origin", "none", "cookie,origin", "false", "planted-bind"];
  const gates = await startGates(values.map((value) => ({ vars: { ...DEVELOPMENT, BIND: value } })));
  try {
    for (const gate of gates) await assertMisconfigured(gate, "BIND", { never: ["planted-bind"] });
    refused(values.length);
  } finally {
    await gates[0].close();
  }
});

function swapped(sign) {
  return sign === sign.toLowerCase() ? sign.toUpperCase() : sign.toLowerCase();
}

report();
