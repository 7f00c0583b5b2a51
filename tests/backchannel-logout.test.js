// OpenID Connect Back-Channel Logout 1.0: an identity provider says by a signed token that somebody has logged out, and what the subject
// has is ended. The tokens are made by npm's `jose`, right and wrong in every way that the specification names (§2.6).
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { startGates } from "./support/harness.js";
import { makeKey, secretKey, sign, startIssuer } from "./support/issuer.js";
import { bearer, inSeconds, SECRET } from "./support/jwt.js";
import { Peer } from "./support/peer.js";
import { assertProblem, assertRefused } from "./support/problem.js";
import { rows } from "./support/rows.js";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const CLIENT = "the-app";
const PATH = "/backchannel-logout";
const LOGOUT_TYPE = { typ: "logout+jwt" };

/** Sends it as a provider does. */
const post = (gate, body, type = "application/x-www-form-urlencoded") =>
  gate.request({ method: "POST", path: PATH, headers: { "Content-Type": type }, body: String(body) });
const send = (gate, token) => post(gate, new URLSearchParams({ logout_token: token }));

function assertDone(answer) {
  assert.equal(answer.status, 200, answer.body);
  assert.equal(answer.headers["cache-control"], "no-store");
}

function assertRefusedToken(answer, what) {
  assertProblem(answer, 400, "logout_token_refused");
  assert.equal(answer.headers["cache-control"], "no-store", what);
}

describe("a logout at the identity provider", () => {
  let [issuer, gates, gate, other, without, login] = [];
  before(async () => {
    issuer = await startIssuer([await makeKey("RS256")]);
    const vars = issuer.vars({ TICKET_STORE: "durable", SESSION: "hub", LOGOUT_AUDIENCE: CLIENT });
    gates = await startGates([
      { vars, edge: true },
      { vars, edge: true, shares: true },
      { vars: { ...vars, LOGOUT_AUDIENCE: undefined } },
      // The same audience for logins: what a token is has to be told by what it says.
      { vars: { ...vars, JWT_AUDIENCE: CLIENT } },
    ]);
    [gate, other, without, login] = gates;
  });
  after(async () => {
    await gates?.[0].close();
    await issuer?.close();
  });

  const token = (claims = {}, header = LOGOUT_TYPE, key = issuer.keys[0]) =>
    sign(
      key,
      {
        iss: issuer.url,
        aud: CLIENT,
        sub: "alice",
        iat: inSeconds(0),
        exp: inSeconds(120),
        jti: randomUUID(),
        events: { [EVENT]: {} },
        ...claims,
      },
      header,
    );
  const issue = async (sub, body = {}, at = gate) => {
    const answer = await at.post(body, bearer(await issuer.token({ sub })));
    assert.equal(answer.status, 200, answer.body);
    return answer.json;
  };

  test("ends her sockets in every room and her tickets, and nobody else's", async () => {
    const sockets = [];
    for (const [sub, room] of [
      ["alice", "x"],
      ["alice", undefined],
      ["bob", "x"],
    ]) {
      const peer = new Peer((await issue(sub, { room })).url);
      assert.equal(JSON.parse(await peer.next()).type, "welcome");
      sockets.push(peer);
    }
    const [hers, his] = [await issue("alice"), await issue("bob")];
    gate.forgetLines();
    assertDone(await send(gate, await token({ sid: "a-session", extra: { ignored: true } })));
    const [told] = await gate.eventually(({ event }) => event === "sessions_ended", 1);
    assert.deepEqual([told.route, told.sessions], ["backchannel_logout", 2]);
    for (const peer of sockets.slice(0, 2)) assert.equal((await peer.closed).code, 4401);
    assertRefused(await other.upgrade(hers.ticket));
    assert.equal(await gate.opens(his.ticket), 101);
    sockets[2].send("ws-ticket:ping");
    assert.equal(await sockets[2].next(), "ws-ticket:pong");
    await sockets[2].close();
  });

  test("is believed as providers write it: without a type, with JWT, several audiences, further parameters", async () => {
    for (const header of [{ typ: undefined }, { typ: "JWT" }, { typ: "application/logout+jwt" }, { typ: "LOGOUT+JWT" }])
      assertDone(await send(gate, await token({}, header)));
    assertDone(await send(gate, await token({ aud: ["another", CLIENT] })));
    assertDone(await post(gate, `state=1&logout_token=${await token()}&more=`));
    assertDone(await post(gate, new URLSearchParams({ logout_token: await token() }), `${FORM}; charset=utf-8`));
  });
  const FORM = "application/x-www-form-urlencoded";

  test("is not believed when anything is wrong, and ends nothing then", async () => {
    // Of somebody whom no other test has ended: for two seconds afterwards tickets may be refused.
    const carols = (claims, ...rest) => token({ sub: "carol", ...claims }, ...rest);
    const { ticket } = await issue("carol");
    const [stranger, ours] = [await makeKey("RS256", { kid: issuer.keys[0].kid }), issuer.keys[0]];
    const good = await carols();
    const wrong = {
      "no token at all": "x",
      "a login": await issuer.token({ sub: "carol", aud: CLIENT }),
      "another's signature": await carols({}, LOGOUT_TYPE, stranger),
      "no signature": `${good.split(".").slice(0, 2).join(".")}.`,
      "alg none": `${Buffer.from('{"alg":"none"}').toString("base64url")}.${good.split(".")[1]}.`,
      "HS256 by a public key": await carols({}, { ...LOGOUT_TYPE, kid: undefined }, secretKey(ours.pem)),
      "another's issuer": await carols({ iss: "https://evil.example" }),
      "no issuer": await carols({ iss: undefined }),
      "another's audience": await carols({ aud: "another" }),
      "the audience of logins": await carols({ aud: "chat" }),
      "no audience": await carols({ aud: undefined }),
      "no time": await carols({ iat: undefined }),
      "from tomorrow": await carols({ iat: inSeconds(86_400), exp: inSeconds(90_000) }),
      "no end": await carols({ exp: undefined }),
      "too late": await carols({ iat: inSeconds(-200), exp: inSeconds(-1) }),
      "too old, however long it says": await carols({ iat: inSeconds(-3600), exp: inSeconds(3600) }),
      "no id": await carols({ jti: undefined }),
      "nobody's": await carols({ sub: undefined }),
      "a session's alone": await carols({ sub: undefined, sid: "a-session" }),
      "no events": await carols({ events: undefined }),
      "another event": await carols({ events: { "http://schemas.openid.net/event/other": {} } }),
      "an event that is no object": await carols({ events: { [EVENT]: true } }),
      "a nonce": await carols({ nonce: "n" }),
      "the type of an access token": await carols({}, { typ: "at+jwt" }),
      "a critical extension": await carols({}, { ...LOGOUT_TYPE, crit: ["x"], x: 1 }),
    };
    for (const [what, sent] of Object.entries(wrong)) assertRefusedToken(await send(gate, sent), what);
    for (const body of ["", "logout_token=", `logout_token=${good}&logout_token=${good}`, "token=x"])
      assertProblem(await post(gate, body), 400, "body_malformed");
    assertProblem(await post(gate, JSON.stringify({ logout_token: good }), "application/json"), 400, "body_malformed");
    assertProblem(await gate.request({ path: PATH }), 405, "method_not_allowed");
    assertProblem(await send(gate, "x".repeat(30_000)), 413, "body_too_large");
    assert.equal(await gate.opens(ticket), 101);
    assert.ok(!gate.lines().some((line) => line.includes(good)), "no token is written down");
  });

  test("counts once, in whichever isolate", async () => {
    const used = await token();
    assertDone(await send(gate, used));
    assertRefusedToken(await send(gate, used));
    await gate.evict();
    assertRefusedToken(await send(other, used));
    // Another sender's with the same id, and another token of the same subject, are others.
    assertDone(await send(gate, await token()));
  });

  test("that can't be done is 400, too, and may be sent again", async () => {
    const sent = await token();
    await gate.edge({ shard: { fetch: { how: "throw" } } });
    assertProblem(await send(gate, sent), 400, "logout_failed");
    await gate.edge();
    assertDone(await send(gate, sent));
  });

  test("without LOGOUT_AUDIENCE there is no such route", async () => {
    assertProblem(await send(without, await token()), 404, "not_found");
  });

  test("a logout token is no login, even for the same audience", async () => {
    for (const header of [LOGOUT_TYPE, { typ: "JWT" }, { typ: undefined }])
      assertProblem(await login.post(undefined, bearer(await token({}, header))), 401, "identity_refused");
  });
});

for (const row of rows) {
  test(`counts once and ends tickets, ${row.name}`, async () => {
    const backing = await row.back?.();
    const iss = "https://idp.example";
    const key = secretKey(SECRET);
    const vars = {
      ...row.vars,
      ...backing?.vars,
      ...{ IDENTITY: "jwt", JWT_SECRET: SECRET, JWT_ISSUER: iss, LOGOUT_AUDIENCE: CLIENT, ADMIN_TOKEN: undefined },
    };
    const [gate] = await startGates([{ vars }]);
    try {
      const answer = await gate.post(undefined, bearer(await sign(key, { iss, sub: "alice", exp: inSeconds(600) })));
      assert.equal(answer.status, 200, answer.body);
      const claims = { iss, aud: CLIENT, sub: "alice", iat: inSeconds(0), exp: inSeconds(60), jti: "7" };
      const token = await sign(key, { ...claims, events: { [EVENT]: {} } }, LOGOUT_TYPE);
      assertDone(await send(gate, token));
      assertRefusedToken(await send(gate, token));
      assertRefused(await gate.upgrade(answer.json.ticket));
    } finally {
      await gate.close();
      await backing?.close();
    }
  });
}
