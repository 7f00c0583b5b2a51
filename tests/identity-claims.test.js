// What a token says, once its signature is good: times to the millisecond, issuer, audience, type, subject, rooms, and the
// claims that travel with the ticket.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { refuses, welcomed } from "./support/caller.js";
import { startGates } from "./support/harness.js";
import { AUDIENCE, makeKey, secretKey, sign, startIssuer } from "./support/issuer.js";
import { bearer, inSeconds, SECRET } from "./support/jwt.js";
import { refused, report } from "./support/refused.js";

report();

const KEY = secretKey(SECRET);
const KV = { TICKET_STORE: "kv", JWT_SECRET: SECRET };
const NAMED = { JWT_ISSUER: "https://login.example", JWT_AUDIENCE: AUDIENCE };
const GATES = {
  plain: KV,
  unset: { ...KV, JWT_LEEWAY_SECONDS: undefined },
  named: { ...KV, ...NAMED },
  lenient: { ...KV, JWT_LEEWAY_SECONDS: "30" },
  widest: { ...KV, JWT_LEEWAY_SECONDS: "60" },
  typed: { ...KV, JWT_TYP: "at+jwt" },
  typedLong: { ...KV, JWT_TYP: "application/JWT" },
  claims: { ...KV, TICKET_CLAIMS: "email,level,roles,https://app.example/tier,sub" },
};
let people = 0;

/** A token of somebody new, an hour long. */
function token(claims = {}, header = {}) {
  people += 1;
  return sign(KEY, { sub: `user-${people}`, exp: inSeconds(3600), ...claims }, header);
}

describe("claims", () => {
  let gates;
  before(async () => {
    const list = await startGates(Object.values(GATES).map((vars) => ({ vars, edge: true })));
    gates = Object.fromEntries(Object.keys(GATES).map((name, index) => [name, list[index]]));
  });
  after(() => gates?.plain.close());

  const good = async (gate, claims, header) => welcomed(gate, bearer(await token(claims, header)));
  const bad = async (gate, reason, claims, { header, ...options } = {}) =>
    refuses(gate, bearer(await token(claims, header)), { reason }, options);

  for (const name of ["plain", "unset"]) {
    test(`exp and nbf, to the millisecond, without leeway (${name})`, async () => {
      const gate = gates[name];
      const clock = inSeconds(0) * 1000 + 250;
      const now = clock / 1000;
      await bad(gate, "token_expired", { exp: now }, { clock });
      await bad(gate, "token_expired", { exp: now - 0.001 }, { clock });
      await bad(gate, "token_expires_too_soon", { exp: now + 0.001 }, { clock });
      await bad(gate, "token_expires_too_soon", { exp: now + 0.999 }, { clock });
      await bad(gate, "token_not_yet_valid", { nbf: now + 0.001 }, { clock });
      await bad(gate, "token_not_yet_valid", { nbf: now + 3600 }, { clock });
      await gate.edge({ clock });
      for (const claims of [{ exp: now + 1 }, { nbf: now }, { nbf: 0 }, { iat: now + 3600 }]) {
        const answer = await gate.post(undefined, bearer(await token(claims)));
        assert.equal(answer.status, 200, JSON.stringify(claims));
      }
    });
  }

  for (const [name, leeway] of [
    ["lenient", 30],
    ["widest", 60],
  ]) {
    test(`JWT_LEEWAY_SECONDS=${leeway}: that much, and no millisecond more`, async () => {
      const gate = gates[name];
      const clock = inSeconds(0) * 1000;
      const now = clock / 1000;
      await bad(gate, "token_expired", { exp: now - leeway }, { clock });
      await bad(gate, "token_expires_too_soon", { exp: now - leeway + 0.999 }, { clock });
      await bad(gate, "token_not_yet_valid", { nbf: now + leeway + 0.001 }, { clock });
      await gate.edge({ clock });
      const issue = async (claims) => gate.issue(undefined, bearer(await token(claims)));
      assert.equal((await issue({ exp: now - leeway + 1 })).expires_in, 1);
      assert.equal((await issue({ exp: now + 10 })).expires_in, 10 + leeway, "a login ends at exp and the leeway");
      assert.equal((await issue({ nbf: now + leeway })).expires_in, 300);
      const { ticket, expires_at } = await issue({ exp: now + 10 });
      assert.equal(Date.parse(expires_at), clock + (10 + leeway) * 1000);
      await gate.edge({ clock: clock + (10 + leeway) * 1000 });
      assert.equal(await gate.opens(ticket), 401, "the ticket outlives the login");
    });
  }

  test("exp is there, and a number", async () => {
    await bad(gates.plain, "token_claim_missing", { exp: undefined });
    const later = inSeconds(3600);
    for (const exp of [null, String(later), `${later}`, [later], { seconds: later }, true, "never", ""]) {
      await bad(gates.plain, "token_malformed", { exp });
    }
    for (const exp of [0, -1, -later, 1e-300]) await bad(gates.plain, "token_expired", { exp });
    for (const nbf of [String(later), [0], {}, true, "", "0"]) await bad(gates.plain, "token_malformed", { nbf });
  });

  test("sub is there, and a subject", async () => {
    await bad(gates.plain, "token_claim_missing", { sub: undefined });
    for (const sub of [null, 7, ["alice"], { name: "alice" }, true]) await bad(gates.plain, "token_malformed", { sub });
    const long = "s".repeat(257);
    for (const sub of ["", long, "é".repeat(129), "alice\nadmin", "alice\u0000", "\u007f", "\u0085x"]) {
      await bad(gates.plain, "token_subject", { sub });
    }
    for (const sub of ["s".repeat(256), "é".repeat(128), " ", "auth0|1", "爱丽丝 🦊"]) {
      assert.equal((await good(gates.plain, { sub })).subject, sub);
    }
  });

  test("iss and aud are not looked at where nothing is configured", async () => {
    for (const claims of [{ iss: "anyone", aud: "anything" }, { aud: ["a", "b"] }, {}]) await good(gates.plain, claims);
  });

  test("the issuer, byte for byte", async () => {
    const aud = AUDIENCE;
    assert.ok(await good(gates.named, { iss: NAMED.JWT_ISSUER, aud }));
    const near = [
      "https://login.example/",
      "https://LOGIN.example",
      "http://login.example",
      "https://login.example.evil",
    ];
    for (const iss of [...near, "", "login.example", " https://login.example"]) {
      await bad(gates.named, "token_issuer", { iss, aud });
    }
    await bad(gates.named, "token_claim_missing", { aud });
    for (const iss of [null, 7, {}, [NAMED.JWT_ISSUER], ["x", NAMED.JWT_ISSUER]]) {
      await bad(gates.named, "token_malformed", { iss, aud });
    }
  });

  test("the audience: ours, or ours among several", async () => {
    const iss = NAMED.JWT_ISSUER;
    for (const aud of [AUDIENCE, [AUDIENCE], ["mail", AUDIENCE]]) assert.ok(await good(gates.named, { iss, aud }));
    for (const aud of ["mail", "Chat", "chats", "", "*", `${AUDIENCE} mail`, ["mail"], [], ["*"], `["${AUDIENCE}"]`]) {
      await bad(gates.named, "token_audience", { iss, aud });
    }
    await bad(gates.named, "token_claim_missing", { iss });
    for (const aud of [null, 7, { chat: true }, [7], [AUDIENCE, 7], [[AUDIENCE]]]) {
      await bad(gates.named, "token_malformed", { iss, aud });
    }
  });

  test("JWT_TYP: the kind of token, in any case, with or without application/", async () => {
    for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"]) {
      assert.ok(await good(gates.typed, {}, { typ }));
    }
    for (const typ of [
      "JWT",
      "at",
      "at+jwt ",
      "",
      "application/",
      "text/at+jwt",
      "application/application/at+jwt",
      undefined,
    ]) {
      await bad(gates.typed, "token_type", {}, { header: { typ } });
    }
    for (const typ of ["JWT", "jwt", "application/jwt"]) assert.ok(await good(gates.typedLong, {}, { typ }));
    await bad(gates.typedLong, "token_type", {}, { header: { typ: "at+jwt" } });
    for (const typ of ["at+jwt", "anything", undefined]) assert.ok(await good(gates.plain, {}, { typ }));
  });

  test("rooms: only these may be asked for; none is always fine", async () => {
    const rooms = ["lobby", "staff", "é"];
    const asks = async (room, claims) => welcomed(gates.plain, bearer(await token(claims)), { room });
    for (const room of rooms) assert.equal((await asks(room, { rooms })).room, room);
    assert.equal((await good(gates.plain, { rooms })).room, null);
    assert.equal((await good(gates.plain, { rooms: [] })).room, null);
    assert.equal((await asks("anywhere", {})).room, "anywhere");
    for (const [room, allowed] of [
      ["other", rooms],
      ["Lobby", rooms],
      ["lobby ", rooms],
      ["e\u0301", rooms],
      ["lob", rooms],
      ["*", ["lobby"]],
      ["lobby", ["*"]],
      ["lobby", []],
      ["lobby,staff", ["lobby", "staff"]],
    ]) {
      const headers = bearer(await token({ rooms: allowed }));
      const forbidden = { status: 403, code: "room_refused" };
      await refuses(gates.plain, headers, forbidden, { body: { room }, never: ["staff"] });
    }
  });

  test("rooms of another type are no rooms: the token is refused, with a room and without", async () => {
    for (const rooms of [null, "lobby", 7, true, { lobby: true }, [7], ["lobby", null], [["lobby"]]]) {
      for (const body of [undefined, { room: "lobby" }]) await bad(gates.plain, "token_rooms", { rooms }, { body });
    }
  });

  test("TICKET_CLAIMS travel as they are; absent ones are left out, others stay behind", async () => {
    const roles = ["admin", { of: "lobby", since: 1.5, open: null }];
    const sent = { email: "alice@example.com 🦊", level: 9007199254740991, roles, "https://app.example/tier": false };
    const { claims, subject } = await good(gates.claims, { ...sent, secret: "stays behind", phone: "1" });
    assert.deepEqual(claims, { ...sent, sub: subject });
    assert.deepEqual((await good(gates.claims, { level: null })).claims, { level: null, sub: `user-${people}` });
    const plain = await good(gates.plain, sent);
    assert.ok(!("claims" in plain), "claims that nobody asked for");
  });

  test("claims are nested 32 deep: what is stored is read again", async () => {
    const nested = (depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
    assert.deepEqual((await good(gates.claims, { roles: nested(32) })).claims.roles, nested(32));
    for (const depth of [33, 100, 126]) await bad(gates.claims, "claims_too_large", { roles: nested(depth) });
  });

  test("claims have 2048 bytes of JSON together", async () => {
    const size = (claims) => JSON.stringify(claims).length;
    const sub = "claims-of-2048-bytes";
    const rest = size({ email: "", level: 1, sub });
    const fits = { email: "e".repeat(2048 - rest), level: 1, sub };
    assert.equal(size(fits), 2048);
    assert.deepEqual((await good(gates.claims, fits)).claims, fits);
    await bad(gates.claims, "claims_too_large", { ...fits, email: `${fits.email}e` });
    await bad(gates.claims, "claims_too_large", { ...fits, email: "é".repeat(1010) });
    await bad(gates.claims, "claims_too_large", { roles: Array.from({ length: 1100 }, () => 1) });
    const { claims } = await good(gates.claims, { sub, phone: "p".repeat(4000) });
    assert.deepEqual(claims, { sub }, "what stays behind is not counted");
  });
});

test('JWT_AUDIENCE="*" with a set of keys: any audience, also none', async () => {
  const issuer = await startIssuer([await makeKey("RS256")]);
  const [any, ours] = await startGates([{ vars: issuer.vars({ JWT_AUDIENCE: "*" }) }, { vars: issuer.vars() }]);
  try {
    for (const aud of ["anything", ["a", "b"], undefined]) {
      const headers = bearer(await issuer.token({ aud }));
      assert.equal((await any.post(undefined, headers)).status, 200);
      assert.equal((await ours.post(undefined, headers)).status, 401);
      refused();
    }
  } finally {
    await any.close();
    await issuer.close();
  }
});
