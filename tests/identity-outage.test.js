// An issuer that can't be asked, or that answers nonsense: with no keys yet nobody is let in and it is said to be an outage; with
// keys that were fetched well before, things go on for a day.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { refuses } from "./support/caller.js";
import { startGate, startGates } from "./support/harness.js";
import { makeKey, startIssuer } from "./support/issuer.js";
import { bearer, inSeconds } from "./support/jwt.js";
import { deadline, until } from "./support/pace.js";
import { report } from "./support/refused.js";

report();

const TIMEOUT_MS = deadline(300);
const SECOND = 1000;
const DAY = 86_400 * SECOND;
const UNAVAILABLE = { status: 503, code: "identity_unavailable" };
const JSON_TYPE = { "Content-Type": "application/json" };
const text = (body) => ["answer", { headers: JSON_TYPE, body }];
const many = JSON.stringify({ keys: Array.from({ length: 65 }, (_, n) => ({ kty: "oct", k: "AA", kid: `k${n}` })) });

/** How asking fails, and the reason that the log gives. */
const FAULTS = [
  ["refuses connections", "failed", ["refuse"]],
  ["hangs", "timed_out", ["hang"]],
  ["stops after the headers", "timed_out", ["stall"]],
  ["is too slow", "timed_out", ["slow", { ms: 4 * TIMEOUT_MS }]],
  ["cuts the connection", "failed", ["cut"]],
  ["cuts the body", "failed", ["half"]],
  ["answers 404", "status", ["answer", { status: 404, body: '{"keys":[]}' }]],
  ["answers 500", "status", ["answer", { status: 500 }]],
  ["answers 503 with HTML", "status", ["answer", { status: 503, body: "<html>" }]],
  ["answers 204", "status", ["answer", { status: 204 }]],
  ["answers 401", "status", ["answer", { status: 401, headers: { "WWW-Authenticate": "Basic" } }]],
  ["answers HTML with 200", "malformed", ["answer", { headers: { "Content-Type": "text/html" }, body: "<html>" }]],
  ["answers nothing with 200", "malformed", text("")],
  ["answers half a document", "malformed", text('{"keys":[{"kty":"RSA"')],
  ["answers a list", "malformed", text("[]")],
  ["answers an object without keys", "malformed", text("{}")],
  ["answers keys that are no list", "malformed", text('{"keys":{"kty":"RSA"}}')],
  ["answers what is not UTF-8", "malformed", text(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]))],
  ["answers more than 64 KiB", "too_large", text(`{"keys":[]}${" ".repeat(65_536 - 10)}`)],
  ["answers without an end", "too_large", ["flood"]],
  ["answers 65 keys", "too_large", text(many)],
  ...[301, 302, 303, 307, 308].map((status) => [`redirects with ${status}`, "status", ["redirect", { status }]]),
];

describe("the issuer", () => {
  let elsewhere;
  let issuers;
  let gates;
  before(async () => {
    const key = await makeKey("RS256");
    elsewhere = await startIssuer([key]);
    issuers = await Promise.all(FAULTS.map(() => startIssuer([key])));
    const vars = (issuer) => issuer.vars({ IDENTITY_TIMEOUT_MS: String(TIMEOUT_MS) });
    gates = await startGates(issuers.map((issuer) => ({ vars: vars(issuer), edge: true })));
  });
  after(async () => {
    await gates?.[0].close();
    await Promise.all([...(issuers ?? []), elsewhere].map((issuer) => issuer?.close()));
  });

  for (const [index, [what, reason, fault]] of FAULTS.entries()) {
    test(what, async () => {
      await fails(issuers[index], gates[index], what, reason, fault);
      assert.equal(elsewhere.fetches, 0, "a redirect was followed");
    });
  }

  async function fails(issuer, gate, what, reason, [mode, options]) {
    const redirect = ["answer", { ...options, headers: { Location: elsewhere.jwksUrl } }];
    const fault = mode === "redirect" ? redirect : [mode, options];
    let clock = inSeconds(0) * SECOND;
    const headers = bearer(await issuer.token({ exp: clock / SECOND + 3 * 86_400, sub: what }));
    const at = async (ms) => {
      clock += ms;
      await gate.edge({ clock });
      issuer.forget();
      gate.forgetLines();
    };
    /** One `identity_failed` with this reason, unless the issuer wasn't asked. */
    async function says(asked) {
      const failed = ({ event }) => event === "identity_failed";
      if (asked) await gate.eventually(failed);
      for (const event of gate.events().filter(failed)) {
        assert.deepEqual([event.level, event.step, event.reason], ["warn", "jwks", reason], what);
        assert.ok(Number.isInteger(event.ms) && event.ms >= 0, `${event.ms} ms`);
      }
      assert.equal(gate.events().filter(failed).length, asked ? 1 : 0, what);
      // A closed port counts nothing.
      if (fault[0] !== "refuse") assert.equal(issuer.fetches, asked ? 1 : 0, what);
    }
    const admits = async () => assert.equal((await gate.post(undefined, headers)).status, 200, what);
    const rejects = () => refuses(gate, headers, UNAVAILABLE, { clock });

    // No keys yet: an outage, and for a second nobody asks again.
    await issuer.fault(...fault);
    await at(0);
    await rejects();
    await says(true);
    await at(999);
    await rejects();
    await says(false);
    await issuer.heal();
    await at(1);
    await admits();
    assert.equal(issuer.fetches, 1, `${what}: healed`);

    // Keys that are no longer fresh: they go on, and for 5 seconds nobody asks again.
    await issuer.fault(...fault);
    await at(601 * SECOND);
    await admits();
    await says(true);
    await at(4999);
    await admits();
    await says(false);
    await at(1);
    await admits();
    await says(true);

    // For a day since they were last fetched well, and no longer.
    await at(DAY - 601 * SECOND - 5000 - 1);
    await admits();
    await gate.quiet();
    await at(1001);
    await rejects();
    await issuer.heal();
    await at(5000);
    await admits();
  }
});

test("a set without a usable key ends the keys of before", async () => {
  const key = await makeKey("RS256");
  const sets = [[], [await makeKey("ES256")], [await makeKey("RS256", { use: "enc" })]];
  const issuers = await Promise.all(sets.map(() => startIssuer([key])));
  const gates = await startGates(issuers.map((issuer) => ({ vars: issuer.vars(), edge: true })));
  try {
    for (const [index, issuer] of issuers.entries()) {
      const gate = gates[index];
      const clock = inSeconds(0) * SECOND;
      const headers = bearer(await issuer.token({ exp: clock / SECOND + 7200 }));
      await gate.edge({ clock });
      assert.equal((await gate.post(undefined, headers)).status, 200);
      issuer.keys = sets[index];
      await gate.edge({ clock: clock + 601 * SECOND });
      assert.equal((await gate.post(undefined, headers)).status, 200, "it is asked behind the answer");
      await gate.eventually(({ event, reason }) => event === "identity_failed" && reason === "malformed");
      await refuses(gate, headers, UNAVAILABLE, { clock: clock + 601 * SECOND });
      issuer.keys = [key];
      await gate.edge({ clock: clock + 602 * SECOND });
      assert.equal((await gate.post(undefined, headers)).status, 200);
    }
  } finally {
    await gates[0].close();
    await Promise.all(issuers.map((issuer) => issuer.close()));
  }
});

test("an outage is over when the issuer is back; what was refused can be tried again", async () => {
  const issuer = await startIssuer([await makeKey("RS256")]);
  const gate = await startGate({ vars: issuer.vars(), edge: true });
  try {
    await issuer.fault("answer", { status: 502 });
    const headers = bearer(await issuer.token());
    assert.equal((await gate.post(undefined, headers)).status, 503);
    await issuer.heal();
    // By real clocks.
    await until(async () => (await gate.post(undefined, headers)).status === 200, "the issuer is asked again");
  } finally {
    await gate.close();
    await issuer.close();
  }
});

test("a slow issuer that answers in time, and a set of just 64 KiB", async () => {
  const issuer = await startIssuer([await makeKey("RS256")]);
  const [patient, full] = await startGates([{ vars: issuer.vars() }, { vars: issuer.vars() }]);
  try {
    const headers = bearer(await issuer.token());
    await issuer.fault("slow", { ms: 600 });
    assert.equal((await patient.post(undefined, headers)).status, 200);
    await issuer.heal();
    issuer.beside = { pad: "" };
    const size = JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk), pad: "" }).length;
    issuer.beside = { pad: "p".repeat(65_536 - size) };
    assert.equal((await full.post(undefined, headers)).status, 200);
  } finally {
    await patient.close();
    await issuer.close();
  }
});

describe("keys that are no longer fresh", () => {
  // Longer than a client waits: an answer that came is one that didn't wait.
  const PATIENT = { IDENTITY_TIMEOUT_MS: "30000" };
  let issuer;
  let gate;
  let clock;
  let headers;
  before(async () => {
    issuer = await startIssuer([await makeKey("RS256")]);
    gate = await startGate({ vars: issuer.vars(PATIENT), edge: true });
    clock = inSeconds(0) * SECOND;
    headers = bearer(await issuer.token({ exp: clock / SECOND + 3 * 86_400 }));
    await gate.edge({ clock });
    assert.equal((await gate.post(undefined, headers)).status, 200);
    issuer.forget();
  });
  after(async () => {
    await gate?.close();
    await issuer?.close();
  });

  test("no login waits for an issuer that hangs, and one ask is under way at most", async () => {
    await issuer.fault("hang");
    clock += 601 * SECOND;
    await gate.edge({ clock });
    const answers = await Promise.all(Array.from({ length: 20 }, () => gate.post(undefined, headers)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal((await gate.holding()).timers, 1, "asks that are waited for, behind the answers");
    await until(() => issuer.fetches > 0, "the issuer is asked");
    assert.equal(issuer.fetches, 1);
  });

  test("what is asked behind the answer is asked to its end", async () => {
    // Slower than the answer, whose request must not end with it.
    await issuer.fault("slow", { ms: 500 });
    clock += 31 * SECOND;
    await gate.edge({ clock });
    const [old, next] = [issuer.keys[0], await makeKey("RS256")];
    issuer.keys = [next];
    issuer.forget();
    assert.equal((await gate.post(undefined, headers)).status, 200);
    assert.ok((await gate.holding()).timers > 0, "the answer waited");
    // The ask that hangs was given up; the newer one's answer counts.
    let status = 200;
    while (status === 200)
      ({ status } = await gate.post(undefined, bearer(await issuer.token({ exp: clock / SECOND + 3600 }, old))));
    assert.equal(status, 401);
    const fresh = bearer(await issuer.token({ exp: clock / SECOND + 3600 }, next));
    assert.equal((await gate.post(undefined, fresh)).status, 200);
  });
});
