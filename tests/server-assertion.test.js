// verifyAssertion of server/: what the gate says of a socket that it hands on, believed only when it is the gate's word. Tokens are signed
// by a library that isn't ours; the key set comes from a real server, well and badly; in Node and in workerd.
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { after, before, beforeEach, describe, test } from "node:test";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import { verifyAssertion } from "../server/index.js";
import { startGates } from "./support/harness.js";
import { refused, report } from "./support/refused.js";

report();

const SECRET = "the upstream's secret, of 32 bytes or more";
const BEFORE = "the upstream's secret before it, as long";
const ISSUER = "https://gate.example";
const AUDIENCE = "app";
const TYP = "ws-ticket+jwt";
const seconds = () => Math.floor(Date.now() / 1000);
const bytes = (text) => new TextEncoder().encode(text);

/** A pair of keys, and the public one as the gate shows it. */
async function pair(alg) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { alg, kid, privateKey, jwk: { ...jwk, kid, alg, use: "sig" } };
}

const claims = (more) => {
  const iat = seconds();
  const all = { iss: ISSUER, aud: AUDIENCE, sub: "alice", jti: randomUUID(), sid: randomUUID(), iat, exp: iat + 60 };
  return { ...all, room: "lobby", claims: { role: "admin" }, ...more };
};
/** Signed with a secret, or with one of a `pair`. What is `undefined` isn't there. */
const sign = (more, by = SECRET, header = {}) => {
  const [key, own] =
    typeof by === "string" ? [bytes(by), { alg: "HS256" }] : [by.privateKey, { alg: by.alg, kid: by.kid }];
  const whole = Object.entries({ typ: TYP, ...own, ...header }).filter(([, value]) => value !== undefined);
  return new SignJWT(claims(more)).setProtectedHeader(Object.fromEntries(whole)).sign(key);
};
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const bySecret = { secret: SECRET, issuer: ISSUER, audience: AUDIENCE };
const upgrade = (assertion, more = {}) =>
  new Request("https://app.example/", {
    headers: assertion === undefined ? more : { "X-Ticket-Assertion": assertion, ...more },
  });
const verify = async (assertion, keys = bySecret) => verifyAssertion(upgrade(await assertion), keys);

async function assertRefused(answering, status = 401, code = "assertion_refused") {
  const answer = await answering;
  assert.ok(answer instanceof Response, `was let in: ${JSON.stringify(answer)}`);
  assert.equal(answer.status, status);
  const problem = await answer.json();
  assert.equal(problem.code, code);
  assert.equal(answer.headers.get("Cache-Control"), "no-store");
  refused();
}

describe("by a secret", () => {
  test("who comes, in a Request and in what Node has", async () => {
    const session_expires_at = "2026-11-24T00:00:00.000Z";
    const { grant, protocol, headers } = await verify(sign({ jti: "t", sid: "s", sub: "张三", session_expires_at }));
    const who = { subject: "张三", room: "lobby", claims: { role: "admin" }, ticketId: "t", session: "s" };
    assert.deepEqual(grant, { ...who, sessionEndsAt: new Date(session_expires_at) });
    assert.equal(protocol, undefined);
    assert.deepEqual([...headers], []);
    const bare = await sign({ room: undefined, claims: undefined });
    const incoming = {
      url: "/",
      headers: { "x-ticket-assertion": bare, "sec-websocket-protocol": "chat.v2, chat.v1" },
    };
    const admitted = await verifyAssertion(incoming, bySecret);
    assert.equal(admitted.grant.room, undefined);
    assert.equal(admitted.grant.sessionEndsAt, undefined);
    assert.deepEqual(admitted.grant.claims, {});
    assert.equal(admitted.protocol, "chat.v2");
    assert.deepEqual([...admitted.headers], [["sec-websocket-protocol", "chat.v2"]]);
  });

  test("two at once, while it is changed", async () => {
    const keys = { ...bySecret, secret: [SECRET, BEFORE] };
    for (const secret of keys.secret) assert.equal((await verify(sign({}, secret), keys)).grant.subject, "alice");
    await assertRefused(verify(sign({}, "a third secret that is long enough too"), keys));
  });

  test("without an assertion nobody comes in, whatever else is said", async () => {
    const said = { "X-Ticket-Subject": "alice", X_Ticket_Assertion: await sign() };
    await assertRefused(verifyAssertion(upgrade(undefined, said), bySecret), 401, "assertion_missing");
    await assertRefused(verifyAssertion(upgrade(""), bySecret), 401, "assertion_missing");
    await assertRefused(verifyAssertion({ headers: {} }, bySecret), 401, "assertion_missing");
  });

  test("what isn't whole, isn't the gate's, or isn't for here", async () => {
    const good = await sign();
    const [head, body, signature] = good.split(".");
    const mac = (text, secret = SECRET) => createHmac("sha256", secret).update(text).digest("base64url");
    const made = (header, payload) => `${part(header)}.${payload}`;
    const whole = (header, payload = body) => `${made(header, payload)}.${mac(made(header, payload))}`;
    assert.equal((await verify(whole({ alg: "HS256", typ: TYP }))).grant.subject, "alice");
    const none = made({ alg: "none", typ: TYP }, body);
    for (const [what, text] of Object.entries({
      "no token": "x",
      "two parts": `${head}.${body}`,
      "four parts": `${good}.x`,
      "no signature": `${head}.${body}.`,
      "alg none": `${none}.`,
      "alg none, signed": `${none}.${mac(none)}`,
      "another algorithm's name": whole({ alg: "HS512", typ: TYP }),
      "no algorithm": whole({ typ: TYP }),
      "a list of algorithms": whole({ alg: ["HS256"], typ: TYP }),
      "no typ": whole({ alg: "HS256" }),
      "a login's typ": whole({ alg: "HS256", typ: "JWT" }),
      "typ in capitals": whole({ alg: "HS256", typ: "WS-TICKET+JWT" }),
      crit: whole({ alg: "HS256", typ: TYP, crit: ["exp"] }),
      "an empty crit": whole({ alg: "HS256", typ: TYP, crit: [] }),
      "a header that is a list": `${part([])}.${body}.${mac(`${part([])}.${body}`)}`,
      "a byte order mark": `${Buffer.from(`\u{feff}${JSON.stringify({ alg: "HS256", typ: TYP })}`).toString("base64url")}.${body}.${signature}`,
      "a payload that is null": whole({ alg: "HS256", typ: TYP }, part(null)),
      "a payload that is a text": whole({ alg: "HS256", typ: TYP }, part("x")),
      "a payload that is no JSON": whole({ alg: "HS256", typ: TYP }, "e30x"),
      "another payload": `${head}.${part(claims({ sub: "bob" }))}.${signature}`,
      "another secret": `${head}.${body}.${mac(`${head}.${body}`, BEFORE)}`,
      "a signature that is cut": good.slice(0, -2),
      padding: `${good}=`,
      "white space": ` ${head} .${body}.${signature}`,
      "base64, not base64url": `${head}.${body}.${signature.replace(/[-_A-Za-z]/, "+")}`,
      twice: `${good}, ${good}`,
      "twice, joined": `${good},${good}`,
      long: `${head}.${"A".repeat(9000)}.${signature}`,
    }))
      await assert.doesNotReject(assertRefused(verify(text)), what);
    const incoming = { headers: { "x-ticket-assertion": `${good}, ${good}` } };
    await assertRefused(verifyAssertion(incoming, bySecret));
  });

  test("claims that are missing, of another kind, for others, or not of now", async () => {
    const iat = seconds();
    for (const more of [
      { iss: undefined },
      { iss: "https://other.example" },
      { iss: `${ISSUER}/` },
      { iss: [ISSUER] },
      { aud: undefined },
      { aud: "other" },
      { aud: [AUDIENCE] },
      { aud: AUDIENCE.toUpperCase() },
      { sub: undefined },
      { sub: "" },
      { sub: 7 },
      { jti: undefined },
      { sid: undefined },
      { sid: {} },
      { exp: undefined },
      { exp: "9999999999" },
      { exp: iat + 61 },
      { exp: iat + 3600 },
      { exp: iat + 30.5 },
      { iat: undefined },
      { iat: iat - 120, exp: iat - 60 },
      { iat: iat - 70, exp: iat - 10 },
      { iat: iat + 10, exp: iat + 60 },
      { iat, exp: iat },
      { iat: iat + 60, exp: iat },
      { room: 7 },
      { room: "" },
      { claims: [] },
      { claims: "admin" },
      { claims: null },
      { session_expires_at: "soon" },
      { session_expires_at: 1_795_694_700 },
      { session_expires_at: null },
    ])
      await assert.doesNotReject(assertRefused(verify(sign(more))), JSON.stringify(more));
  });

  test("the operator hears what is wrong, and the client doesn't", async () => {
    const iat = seconds();
    for (const [more, reason] of [
      [{ iss: "https://other.example" }, "iss"],
      [{ aud: "other" }, "aud"],
      [{ iat: iat - 120, exp: iat - 60 }, "exp"],
      [{ iat: iat + 30, exp: iat + 60 }, "iat"],
      [{ sub: "" }, "sub"],
    ]) {
      const heard = [];
      const onRefused = (why) => heard.push(why);
      const answer = await verify(sign(more), { ...bySecret, onRefused });
      assert.deepEqual(heard, [reason]);
      assert.ok(!(await answer.text()).includes(`"${reason}"`));
      await verify(sign({}, BEFORE), { ...bySecret, onRefused });
      await verify("x", { ...bySecret, onRefused });
      assert.deepEqual(heard, [reason, "signature", "form"]);
      refused(3);
    }
  });

  test("clocks may differ by a little, and by as much as is said", async () => {
    const iat = seconds();
    const late = { iat: iat - 63, exp: iat - 3 };
    assert.equal((await verify(sign(late))).grant.subject, "alice");
    await assertRefused(verify(sign(late), { ...bySecret, clockToleranceSeconds: 0 }));
    const later = { iat: iat - 100, exp: iat - 40 };
    assert.equal((await verify(sign(later), { ...bySecret, clockToleranceSeconds: 60 })).grant.subject, "alice");
  });

  test("keys that can't be meant are the caller's mistake", async () => {
    const assertion = await sign();
    const { secret, ...rest } = bySecret;
    for (const keys of [
      rest,
      { ...bySecret, jwksUrl: "https://gate.example" },
      { ...bySecret, secret: "short" },
      { ...bySecret, secret: [] },
      { ...bySecret, secret: [SECRET, ""] },
      { ...bySecret, issuer: undefined },
      { ...bySecret, issuer: "" },
      { ...bySecret, issuer: `${ISSUER}/` },
      { ...bySecret, issuer: `${ISSUER}/realtime` },
      { ...bySecret, issuer: "gate.example" },
      { ...bySecret, audience: undefined },
      { ...bySecret, clockToleranceSeconds: 61 },
      { ...bySecret, clockToleranceSeconds: -1 },
      { ...bySecret, clockToleranceSeconds: "x" },
    ]) {
      await assert.rejects(verify(assertion, keys), TypeError);
      refused();
    }
    assert.ok(secret);
  });
});

describe("by a public key", () => {
  let [es, ed, other] = [];
  before(async () => {
    [es, ed, other] = await Promise.all(["ES256", "EdDSA", "ES256"].map(pair));
  });
  const by = (...pairs) => ({ jwks: { keys: pairs.map(({ jwk }) => jwk) }, issuer: ISSUER, audience: AUDIENCE });

  test("ES256 and EdDSA, each by its own key", async () => {
    for (const key of [es, ed]) {
      assert.equal((await verify(sign({}, key), by(other, es, ed))).grant.subject, "alice");
      await assertRefused(verify(sign({}, key), by(other)));
    }
  });

  test("another's key, under whatever name", async () => {
    await assertRefused(verify(sign({}, other, { kid: es.kid }), by(es)));
    await assertRefused(verify(sign({}, es, { kid: undefined }), by(es)));
    await assertRefused(verify(sign({}, es, { kid: ed.kid }), by(es, ed)));
    await assertRefused(verify(sign({}, ed, { kid: es.kid }), by(es, ed)));
    await assertRefused(
      verify(sign({}, es, { kid: "" }), { ...by(es), jwks: { keys: [{ ...es.jwk, kid: undefined }] } }),
    );
  });

  test("a secret that is made of the public key", async () => {
    for (const secret of [JSON.stringify(es.jwk), es.jwk.x, `${es.jwk.x}${es.jwk.y}`])
      for (const alg of ["HS256", "ES256"]) {
        const head = `${part({ alg, typ: TYP, kid: es.kid })}.${part(claims())}`;
        const text = `${head}.${createHmac("sha256", secret).update(head).digest("base64url")}`;
        await assertRefused(verify(text, by(es)));
      }
    await assertRefused(verify(sign({}, es), bySecret));
  });

  test("keys that are for something else, or none", async () => {
    const { jwk } = es;
    for (const keys of [
      [],
      [{ ...jwk, use: "enc" }],
      [{ ...jwk, alg: "ES384" }],
      [{ ...jwk, crv: "P-384" }],
      [{ ...jwk, kty: "oct", k: "AAAA" }],
      [{ ...jwk, x: "AAAA" }],
      [{ ...jwk, y: undefined }],
      [null],
      ["x"],
    ])
      await assertRefused(verify(sign({}, es), { ...by(), jwks: { keys } }));
    for (const jwks of [{}, { keys: {} }, null]) await assertRefused(verify(sign({}, es), { ...by(), jwks }));
  });
});

describe("by a key set that is asked for", () => {
  let server;
  let port;
  let [now, next, stranger] = [];
  /** What the server does, and how often it was asked. */
  let plan;
  let asked;
  let path = 0;
  before(async () => {
    [now, next, stranger] = await Promise.all(["ES256", "EdDSA", "ES256"].map(pair));
    server = http.createServer((request, response) => {
      asked += 1;
      plan(response, request);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = server.address().port;
  });
  after(() => server.closeAllConnections() ?? server.close());
  beforeEach(() => {
    asked = 0;
    path += 1;
  });
  const shows =
    (...pairs) =>
    (response) =>
      response.end(JSON.stringify({ keys: pairs.map(({ jwk }) => jwk) }));
  /** Another URL for each test, for sets are kept. */
  const at = () => ({ jwksUrl: `http://127.0.0.1:${port}/${path}`, issuer: ISSUER, audience: AUDIENCE });

  test("it is asked once, and kept", async () => {
    plan = shows(now, next);
    for (const key of [now, next, now]) assert.equal((await verify(sign({}, key), at())).grant.subject, "alice");
    assert.equal(asked, 1);
  });

  test("what can't be right whoever has signed it asks for nothing", async () => {
    plan = shows(now);
    for (const more of [
      { aud: "other" },
      { iss: "https://other.example" },
      { exp: seconds() - 100 },
      { sub: undefined },
    ])
      await assertRefused(verify(sign(more, now), at()));
    assert.equal(asked, 0);
  });

  test("an unknown key is asked for once, and not again at once", async () => {
    plan = shows(now);
    assert.equal((await verify(sign({}, now), at())).grant.subject, "alice");
    for (let time = 0; time < 5; time += 1) await assertRefused(verify(sign({}, stranger), at()));
    assert.equal(asked, 1);
  });

  test("a key that is changed is found after a while", async (context) => {
    context.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    plan = shows(now);
    assert.equal((await verify(sign({}, now), at())).grant.subject, "alice");
    plan = shows(next);
    context.mock.timers.tick(11_000);
    assert.equal((await verify(sign({}, next), at())).grant.subject, "alice");
    assert.equal(asked, 2);
    await assertRefused(verify(sign({}, now), at()));
  });

  test("while the gate gives no answer what it said counts for an hour, and not longer", async (context) => {
    context.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    plan = shows(now);
    assert.equal((await verify(sign({}, now), at())).grant.subject, "alice");
    plan = (response) => response.writeHead(503).end();
    context.mock.timers.tick(3_500_000);
    assert.equal((await verify(sign({}, now), at())).grant.subject, "alice");
    assert.equal(asked, 2);
    context.mock.timers.tick(101_000);
    await assertRefused(verify(sign({}, now), at()), 503, "gate_unavailable");
  });

  for (const [what, does] of Object.entries({
    "an error": (response) => response.writeHead(500).end(),
    "a redirect": (response) => response.writeHead(302, { Location: "/elsewhere" }).end(),
    "no JSON": (response) => response.end("<html>"),
    "no key set": (response) => response.end("{}"),
    "too much": (response) => response.end(`{"keys":[],"x":"${"x".repeat(70_000)}"}`),
    "an end in the middle": (response) => {
      response.writeHead(200, { "Content-Length": 1000 }).write("{");
      setTimeout(() => response.destroy(), 20);
    },
  }))
    test(`a gate that gives ${what} is an outage, and is not asked again at once`, async () => {
      plan = does;
      await assertRefused(verify(sign({}, now), at()), 503, "gate_unavailable");
      await assertRefused(verify(sign({}, now), at()), 503, "gate_unavailable");
      assert.equal(asked, 1);
    });

  test("nobody listens", async () => {
    const keys = { ...at(), jwksUrl: "http://127.0.0.1:1/" };
    await assertRefused(verify(sign({}, now), keys), 503, "gate_unavailable");
  });

  test("in workerd: many at once, of which each asks for itself until one knows", async () => {
    plan = shows(now);
    const main = "tests/fixtures/asserting-worker.js";
    const JWKS_URL = at().jwksUrl;
    const [gate, byKey, bySharedSecret] = await startGates([
      { vars: { ENVIRONMENT: "development", IDENTITY: "dev", PAGE: "off" } },
      { main, vars: { JWKS_URL } },
      { main, vars: { SECRET } },
    ]);
    try {
      const ask = async (worker, assertion) =>
        gate.runtime.server.getWorker(worker.config.name).fetch("https://app.example/", {
          headers: assertion ? { "X-Ticket-Assertion": assertion } : {},
        });
      const all = await Promise.all(
        Array.from({ length: 10 }, async () => (await ask(byKey, await sign({}, now))).json()),
      );
      assert.deepEqual(
        all.map(({ subject }) => subject),
        Array(10).fill("alice"),
      );
      assert.ok(asked >= 1 && asked <= 10, `${asked}`);
      assert.equal((await ask(byKey, await sign({}, stranger))).status, 401);
      assert.equal((await ask(byKey)).status, 401);
      assert.equal((await (await ask(bySharedSecret, await sign())).json()).room, "lobby");
      assert.equal((await ask(bySharedSecret, await sign({}, BEFORE))).status, 401);
      refused(3);
    } finally {
      await gate.close();
    }
  });
});
