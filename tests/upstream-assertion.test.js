// X-Ticket-Assertion: what the server behind the gate can verify, by the secret or by the public key that the gate shows. Verified by a
// library that isn't ours.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from "jose";
import { WebSocket } from "ws";
import { REDEEM_SECRET } from "./support/doors.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { bearer, inSeconds, SECRET as JWT_SECRET, mint } from "./support/jwt.js";
import { assertMisconfigured, assertProblem } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { ED25519, P256, privateKey, ZERO } from "./support/signing-keys.js";
import { startUpstream } from "./support/upstream-server.js";

report();

const SECRET = "the upstream's own secret, of 32 bytes or more";
const TYP = "ws-ticket+jwt";
const ALGORITHMS = { ES256: P256, EdDSA: ED25519 };

describe("assertions", () => {
  let upstream;
  let gates;
  before(async () => {
    upstream = await startUpstream();
    const vars = {
      TICKET_STORE: "memory",
      SESSION: "upstream",
      JWT_SECRET,
      TICKET_CLAIMS: "role,teams",
      ENVIRONMENT: "development",
      UPSTREAM_URL: `ws://127.0.0.1:${upstream.port}/live`,
    };
    const wrong = { ...vars, ...DEVELOPMENT };
    gates = await startGates([
      { vars: { ...vars, UPSTREAM_SECRET: SECRET } },
      { vars: { ...vars, UPSTREAM_PRIVATE_KEY: P256, UPSTREAM_AUDIENCE: "rooms" } },
      { vars: { ...vars, UPSTREAM_PRIVATE_KEY: ED25519.replaceAll("\n", "\\n") } },
      { vars: { ...wrong, UPSTREAM_PRIVATE_KEY: privateKey("rsa", { modulusLength: 2048 }) } },
      { vars: { ...wrong, UPSTREAM_PRIVATE_KEY: privateKey("ec", { namedCurve: "P-384" }) } },
      { vars: { ...wrong, UPSTREAM_PRIVATE_KEY: P256, UPSTREAM_SECRET: SECRET } },
      { vars: { ...wrong, UPSTREAM_SECRET: SECRET, REDEEM_SECRET: SECRET } },
      { vars: { ...wrong, UPSTREAM_SECRET: SECRET.slice(0, 31) } },
      { vars: { ...wrong, UPSTREAM_PRIVATE_KEY: ZERO, REDEEM_SECRET } },
    ]);
  });
  after(async () => {
    await gates?.[0].close();
    await upstream?.close();
  });

  /** What the upstream is told of a connection. */
  async function told(gate, body = { room: "lobby" }, headers = {}) {
    const login = { sub: "alice", exp: inSeconds(3600), role: "admin", teams: ["a", "b"] };
    const { ticket } = await gate.issue(body, bearer(mint(login)));
    const url = `ws://${new URL(gate.url).host}/ws?ticket=${ticket}`;
    const socket = new WebSocket(url, { headers: { ...gate.headers, ...headers } });
    await once(socket, "open");
    socket.close();
    const said = upstream.handshakes.at(-1).headers;
    return { ticket, said, assertion: said["x-ticket-assertion"] };
  }

  async function keysOf(gate) {
    const answer = await gate.request({ path: "/.well-known/jwks.json" });
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  }

  function assertClaims(payload, said, gate, audience) {
    const { iat, exp, session_expires_at, ...rest } = payload;
    assert.deepEqual(rest, {
      iss: `http://${gate.headers.Host ?? new URL(gate.url).host}`,
      aud: audience,
      sub: "alice",
      jti: said["x-ticket-id"],
      sid: said["x-ticket-session"],
      room: "lobby",
      claims: { role: "admin", teams: ["a", "b"] },
    });
    assert.equal(String(Math.floor(Date.parse(session_expires_at) / 1000)), said["x-ticket-session-expires"]);
    assert.equal(exp - iat, 60);
    assert.ok(Math.abs(iat - Date.now() / 1000) < 60);
  }

  test("with a secret, by HS256; the headers say the same", async () => {
    const [gate] = gates;
    const audience = `http://127.0.0.1:${upstream.port}`;
    const { said, assertion } = await told(gate);
    const key = new TextEncoder().encode(SECRET);
    const { payload, protectedHeader } = await jwtVerify(assertion, key, { audience, typ: TYP, algorithms: ["HS256"] });
    assert.deepEqual(protectedHeader, { alg: "HS256", typ: TYP });
    assertClaims(payload, said, gate, audience);
    assert.deepEqual(JSON.parse(Buffer.from(said["x-ticket-claims"], "base64url")), payload.claims);
    assertProblem(await gate.request({ path: "/.well-known/jwks.json" }), 404, "not_found");
  });

  for (const [index, [algorithm, privateKey]] of Object.entries(ALGORITHMS).entries()) {
    test(`with a private key, by ${algorithm}; the gate shows the public one`, async () => {
      const gate = gates[1 + index];
      const audience = index === 0 ? "rooms" : `http://127.0.0.1:${upstream.port}`;
      const set = await keysOf(gate);
      const [{ kid, alg, use, ...jwk }] = set.keys;
      assert.deepEqual([kid, alg, use], [await calculateJwkThumbprint(jwk), algorithm, "sig"]);
      assert.ok(!("d" in jwk));
      const { said, assertion } = await told(gate);
      const keys = createLocalJWKSet(set);
      const { payload, protectedHeader } = await jwtVerify(assertion, keys, { audience, typ: TYP });
      assert.deepEqual(protectedHeader, { alg: algorithm, typ: TYP, kid });
      assertClaims(payload, said, gate, audience);
      for (const not of [
        { audience: "others" },
        { audience, issuer: "https://other.example" },
        { audience, typ: "JWT" },
      ]) {
        await assert.rejects(jwtVerify(assertion, keys, not));
        refused();
      }
      const in2minutes = new Date(Date.now() + 120_000);
      await assert.rejects(jwtVerify(assertion, keys, { audience, currentDate: in2minutes }), /exp/);
      await assert.rejects(jwtVerify(assertion, createLocalJWKSet(await keysOf(gates[2 - index])), { audience }));
      refused(2);
      const all = gates.flatMap((each) => each.lines()).join("\n");
      assert.ok(!all.includes(assertion) && !all.includes(privateKey.split("\n")[1]));
    });
  }

  test("an assertion of the client's own is taken out", async () => {
    const { assertion: old } = await told(gates[0]);
    const { said } = await told(gates[0], { room: "lobby" }, { "X-Ticket-Assertion": old, X_Ticket_Assertion: old });
    assert.notEqual(said["x-ticket-assertion"], old);
    assert.ok(!Object.values(said).some((value) => value.includes(old)));
    refused(2);
  });

  test("an assertion is no login, and no ticket", async () => {
    const [gate] = gates;
    const { assertion } = await told(gate);
    assertProblem(await gate.post({}, bearer(assertion)), 401, "identity_refused");
    assertProblem(await gate.upgrade(assertion), 400, "ticket_malformed");
    refused(2);
  });

  test("the key set is there to be read, and kept for a while", async () => {
    const path = "/.well-known/jwks.json";
    const answer = await gates[1].request({ path });
    assert.equal(answer.headers["cache-control"], "public, max-age=300");
    const head = await gates[1].request({ method: "HEAD", path });
    assert.deepEqual([head.status, head.text], [200, ""]);
    assertProblem(await gates[1].request({ method: "POST", path }), 405, "method_not_allowed");
    refused();
  });

  test("a key that can't sign, or signs for others too, is refused at the start", async () => {
    await assertMisconfigured(gates[3], "UPSTREAM_PRIVATE_KEY", { never: ["PRIVATE KEY-----\nMII"] });
    await assertMisconfigured(gates[4], "UPSTREAM_PRIVATE_KEY");
    await assertMisconfigured(gates[5], "UPSTREAM_PRIVATE_KEY");
    await assertMisconfigured(gates[6], ["REDEEM_SECRET", "UPSTREAM_SECRET"], { never: [SECRET] });
    await assertMisconfigured(gates[7], "UPSTREAM_SECRET", { never: [SECRET.slice(0, 31)] });
    refused(5);
  });

  test("a key that only the platform knows to be none fails before the ticket is burnt", async () => {
    const gate = gates[8];
    const { ticket } = await gate.issue();
    const before = upstream.handshakes.length;
    assertProblem(await gate.upgrade(ticket), 500, "internal_error");
    assertProblem(await gate.request({ path: "/.well-known/jwks.json" }), 500, "internal_error");
    assert.equal(upstream.handshakes.length, before);
    const asked = { ticket, attempt: randomUUID() };
    assert.equal((await gate.redeem(asked, { secret: REDEEM_SECRET })).json.active, true);
    refused(2);
  });

  test("many at once, and the first of them before the key is there", async () => {
    const gate = gates[2];
    await gate.redeploy();
    const audience = `http://127.0.0.1:${upstream.port}`;
    const before = upstream.handshakes.length;
    await Promise.all(Array.from({ length: 20 }, () => told(gate)));
    const keys = createLocalJWKSet(await keysOf(gate));
    const assertions = upstream.handshakes.slice(before).map(({ headers }) => headers["x-ticket-assertion"]);
    const ids = await Promise.all(
      assertions.map(async (text) => (await jwtVerify(text, keys, { audience, typ: TYP })).payload.jti),
    );
    assert.equal(new Set(ids).size, 20);
  });
});
