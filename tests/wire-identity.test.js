// The wire, `POST /ws-ticket` with a token of the app's own login (JWT, HS256): who gets in, and for how long.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGates } from "./support/harness.js";
import { bearer, encode, good, inSeconds, mint, SECRET } from "./support/jwt.js";
import { assertProblem } from "./support/problem.js";

const VARS = { TICKET_STORE: "kv", JWT_SECRET: SECRET };

describe("IDENTITY=jwt", () => {
  let gate;
  let strict;
  let bound;
  before(async () => {
    [gate, strict, bound] = await startGates([
      { vars: VARS, edge: true },
      { vars: { ...VARS, JWT_ISSUER: "https://login.example", JWT_AUDIENCE: "chat" }, edge: true },
      { vars: { ...VARS, BIND: "cookie", TICKET_TTL_SECONDS: "120" } },
    ]);
  });
  after(() => gate?.close());

  async function subjectOf(at, headers, body) {
    const { ticket } = await at.issue(body, headers);
    const session = await at.upgrade(ticket);
    assert.equal(session.status, 101);
    const welcome = await session.message();
    await session.leave();
    return welcome.subject;
  }

  /** 401 with a challenge, no store call, and nothing of the token in the answer. */
  async function refuses(at, headers, code = "identity_refused", never = []) {
    await at.edge();
    const answer = await at.post(undefined, headers);
    assertProblem(answer, 401, code, { never });
    assert.match(answer.headers["www-authenticate"] ?? "", /^Bearer\b/);
    assert.deepEqual(await at.calls(), {}, "a refused caller reached a store");
    return answer;
  }

  test("a good token gets a ticket for its subject", async () => {
    assert.equal(await subjectOf(gate, bearer(good("alice"))), "alice");
    assert.equal(await subjectOf(gate, bearer(good("爱丽丝 🦊"))), "爱丽丝 🦊");
    assert.equal(await subjectOf(gate, bearer(good("s".repeat(256)))), "s".repeat(256));
  });

  test("the scheme is read in any case", async () => {
    for (const scheme of ["bearer", "BEARER", "bEaReR"]) {
      assert.equal(await subjectOf(gate, { Authorization: `${scheme} ${good("alice")}` }), "alice");
    }
  });

  test("claims that the gate does not use do not matter", async () => {
    const claims = {
      iat: inSeconds(-10),
      nbf: inSeconds(-10),
      jti: "1",
      role: "admin",
      iss: "anyone",
      aud: "anything",
    };
    assert.equal(await subjectOf(gate, bearer(good("alice", claims))), "alice");
    assert.equal(await subjectOf(gate, bearer(mint({ sub: "bob", exp: 4102444800 }))), "bob");
  });

  test("the body may name a room, and never a subject", async () => {
    assert.equal((await gate.post({ room: "lobby" }, bearer(good()))).status, 200);
    assertProblem(await gate.post({ sub: "mallory" }, bearer(good())), 400, "body_malformed", { never: ["mallory"] });
  });

  test("no Authorization: identity_missing", () => refuses(gate, {}, "identity_missing"));

  for (const [what, header] of [
    ["another scheme", "Basic YWxpY2U6c2VjcmV0"],
    ["a scheme without a token", "Bearer"],
    ["a token without a scheme", good()],
    ["an empty header", ""],
  ]) {
    test(`refuses ${what}`, () => refuses(gate, { Authorization: header }, ["identity_missing", "identity_refused"]));
  }

  const claims = { sub: "alice", exp: inSeconds(3600) };
  const signed = mint(claims).split(".");
  const short = Buffer.from(signed[2], "base64url").subarray(0, -1);
  for (const [what, token] of [
    ["another secret", mint(claims, { secret: "another-secret-of-thirty-two-byte" })],
    ["the secret and one byte more", mint(claims, { secret: `${SECRET}x` })],
    ["an empty secret", mint(claims, { secret: "" })],
    ["a claim changed after signing", `${signed[0]}.${encode({ ...claims, sub: "mallory" })}.${signed[2]}`],
    ["a signature without its last byte", `${signed[0]}.${signed[1]}.${short.toString("base64url")}`],
    ["no signature", `${signed[0]}.${signed[1]}.`],
    ["alg none without a signature", `${encode({ alg: "none" })}.${signed[1]}.`],
    ["alg none with a good signature", mint(claims, { header: { alg: "none" } })],
    ["alg NONE", `${encode({ alg: "NONE" })}.${signed[1]}.`],
    ["HS512", mint(claims, { header: { alg: "HS512" }, signWith: "HS512" })],
    ["HS384", mint(claims, { header: { alg: "HS384" }, signWith: "HS384" })],
    ["HS256 under the name HS512", mint(claims, { header: { alg: "HS512" } })],
    ["RS256 under our secret", mint(claims, { header: { alg: "RS256" } })],
    ["no alg", mint(claims, { header: { alg: undefined } })],
    ["an expiry two seconds ago", mint({ sub: "alice", exp: inSeconds(-2) })],
    ["an expiry an hour ago", mint({ sub: "alice", exp: inSeconds(-3600) })],
    ["an expiry of 0", mint({ sub: "alice", exp: 0 })],
    ["a negative expiry", mint({ sub: "alice", exp: -1 })],
    ["no expiry", mint({ sub: "alice" })],
    ["an expiry that is a text", mint({ sub: "alice", exp: String(inSeconds(3600)) })],
    ["an expiry that is null", mint({ sub: "alice", exp: null })],
    ["a beginning in the future", mint({ ...claims, nbf: inSeconds(600) })],
    ["no subject", mint({ exp: claims.exp })],
    ["an empty subject", mint({ ...claims, sub: "" })],
    ["a subject that is a number", mint({ ...claims, sub: 7 })],
    ["a subject that is a list", mint({ ...claims, sub: ["alice"] })],
    ["a subject of 257 bytes", mint({ ...claims, sub: "s".repeat(257) })],
    ["a subject with a line break", mint({ ...claims, sub: "alice\nadmin" })],
    ["claims that are a list", mint(["alice"])],
    ["claims that are not JSON", mint("alice")],
    ["not a token", "not-a-token"],
    ["two parts", `${signed[0]}.${signed[1]}`],
    ["four parts", `${signed.join(".")}.${signed[2]}`],
    ["nothing but dots", ".."],
    ["six kilobytes of dots", ".".repeat(6000)],
    ["two tokens", `${good()} ${good()}`],
  ]) {
    test(`refuses a token with ${what}`, () => refuses(gate, bearer(token), "identity_refused", [token, "alice"]));
  }

  test("an expiry beyond all clocks does no harm", async () => {
    for (const exp of [1e15, 9007199254740991, 1e30]) {
      const { status, json } = await gate.post(undefined, bearer(mint({ sub: "alice", exp })));
      assert.ok(status === 200 || status === 401, `${exp} is answered ${status}`);
      if (status === 200) assert.equal(json.expires_in, 300);
    }
  });

  test("issuer and audience are checked when they are set", async () => {
    const right = { iss: "https://login.example", aud: "chat" };
    assert.equal(await subjectOf(strict, bearer(good("alice", right))), "alice");
    assert.equal(await subjectOf(strict, bearer(good("alice", { ...right, aud: ["mail", "chat"] }))), "alice");
    for (const wrong of [
      { ...right, iss: "https://login.example.evil" },
      { ...right, iss: "https://login.example/" },
      { ...right, iss: undefined },
      { ...right, aud: "chats" },
      { ...right, aud: ["mail"] },
      { ...right, aud: [] },
      { ...right, aud: undefined },
      {},
    ]) {
      await refuses(strict, bearer(good("alice", wrong)));
    }
  });

  test("a ticket does not outlive the token it was got with, to the millisecond", async () => {
    const now = Math.floor(Date.now() / 1000) * 1000 + 250;
    const exp = now / 1000 - 0.25 + 10;
    await gate.edge({ clock: now });
    const [early, late] = [
      await gate.issue(undefined, bearer(mint({ sub: "alice", exp }))),
      await gate.issue(undefined, bearer(mint({ sub: "alice", exp }))),
    ];
    assert.ok(early.expires_in === 9 || early.expires_in === 10, `expires_in is ${early.expires_in}`);
    const end = Date.parse(early.expires_at);
    assert.ok(end <= exp * 1000, "the ticket outlives the token");
    assert.ok(Math.abs(end - now - early.expires_in * 1000) < 1000, "expires_in and expires_at agree");
    await gate.edge({ clock: end - 1 });
    assert.equal(await gate.opens(early.ticket), 101);
    await gate.edge({ clock: end });
    assert.equal(await gate.opens(late.ticket), 401);
    await gate.edge();
  });

  test("the cookie of BIND=cookie outlives a ticket that ends with its token: other tabs have longer ones", async () => {
    const { json, headers } = await bound.post(undefined, bearer(good("alice", { exp: inSeconds(60) })));
    assert.ok(json.expires_in <= 60, `expires_in is ${json.expires_in}`);
    assert.match(String(headers["set-cookie"]), /; Max-Age=120;/);
  });

  test("a token is dead from the very second of its expiry", async () => {
    const exp = inSeconds(100);
    const token = bearer(mint({ sub: "alice", exp }));
    await gate.edge({ clock: exp * 1000 });
    assertProblem(await gate.post(undefined, token), 401, "identity_refused");
    await gate.edge({ clock: exp * 1000 - 2000 });
    assert.equal((await gate.post(undefined, token)).status, 200);
    // With less than a second to live there is no whole second to promise: refused, or a promise that is kept.
    await gate.edge({ clock: exp * 1000 - 400 });
    const last = await gate.post(undefined, token);
    if (last.status === 200) assert.ok(last.json.expires_in >= 1 && Date.parse(last.json.expires_at) <= exp * 1000);
    else assertProblem(last, 401, "identity_refused");
    await gate.edge();
  });

  test("a token is not a ticket", async () => {
    assertProblem(await gate.upgrade(good()), 400, "ticket_malformed");
    assertProblem(await gate.upgrade("", { query: "", headers: bearer(good()) }), 400, "ticket_missing");
  });
});
