// Planted secrets, logins that the gate asks others about: a real login and a real issuer that answer well, badly and not at all.
// What the caller brought and what the others said stays out of every log line, answer, `/health` and store.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startAuthServer } from "./support/authserver.js";
import { startGates } from "./support/harness.js";
import { makeKey, sign, startIssuer } from "./support/issuer.js";
import { bearer, inSeconds } from "./support/jwt.js";
import { deadline } from "./support/pace.js";
import { refused, report } from "./support/refused.js";
import { Witness } from "./support/witness.js";

const APP = "https://app.example.com";
const TIMEOUT_MS = deadline(200);
const AUDIENCE = "chat";

/** Every way in which the others can fail, and what they say while they do. */
const failures = (says) => [
  ["refuse"],
  ["hang"],
  ["stall"],
  ["cut"],
  ["half"],
  ["flood"],
  ["slow", { ms: 4 * TIMEOUT_MS }],
  ...[201, 204, 301, 302, 307, 400, 401, 403, 404, 407, 418, 429, 500, 502, 503].map((status) => [
    "answer",
    { status, headers: said(says), body: status === 204 ? "" : says },
  ]),
  ...[
    `{"${says}"`,
    `{"error":"${says}"}`,
    `["${says}"]`,
    `"${says}"`,
    `{"sub":7.5,"x":"${says}"}`,
    says.repeat(3_000),
  ].map((body) => ["answer", { status: 200, headers: { ...said(says), "Content-Type": "application/json" }, body }]),
  [
    "answer",
    { status: 200, headers: { ...said(says), "Remote-User": `${says}\tx`, "Remote-Expires": says }, body: says },
  ],
];

/** Headers that a careless gate would hand on or write down. */
const said = (says) => ({
  Location: `https://login.example/?next=${says}`,
  "Set-Cookie": `session=${says}`,
  "WWW-Authenticate": `Bearer realm="${says}"`,
  "X-Error": says,
});

describe("planted secrets of logins", () => {
  const witness = new Witness();
  const says = witness.secret("what another server said");
  let login;
  let issuer;
  let team;
  let key;
  let stranger;
  let gates;
  before(async () => {
    key = await makeKey("RS256");
    stranger = await makeKey("RS256");
    const query = `?key=${witness.secret("a query of the issuer")}`;
    [login, issuer] = [await startAuthServer(), await startIssuer([key], `/jwks.json${query}`)];
    team = await startIssuer([key], "/cdn-cgi/access/certs");
    const common = {
      ALLOWED_ORIGINS: APP,
      BIND: "cookie",
      TICKET_KEY: witness.secret("TICKET_KEY"),
      IDENTITY_TIMEOUT_MS: String(TIMEOUT_MS),
    };
    const path = witness.secret("a path of the login");
    const access = { IDENTITY: "access", ACCESS_TEAM_DOMAIN: team.url, ACCESS_AUDIENCE: AUDIENCE };
    gates = await startGates([
      { vars: login.vars({ ...common, AUTH_URL: `${login.authUrl}/${path}?key=${path}` }), edge: true },
      { vars: issuer.vars(common), edge: true },
      { vars: { ...common, ENVIRONMENT: "development", TICKET_STORE: "kv", ...access }, edge: true },
      // Nothing but what it needs to see a key set fail from the very first.
      { vars: issuer.vars(common), edge: true },
    ]);
  });
  after(async () => {
    await gates?.[0].close();
    await login?.close();
    await issuer?.close();
    await team?.close();
  });

  const post = async (gate, headers, body, page = { Origin: APP }) => {
    const answer = await witness.see("POST /ws-ticket", gate.post(body, { ...page, ...headers }));
    if (answer.status >= 400) refused();
    return answer;
  };
  const session = () => ({
    Cookie: `session=${witness.secret("a session's cookie")}; b=${witness.secret("another cookie")}`,
    Authorization: `Basic ${witness.plant("a password", Buffer.from(witness.secret("a password")).toString("base64"))}`,
  });
  const claims = (more) => ({ iss: issuer.url, aud: AUDIENCE, sub: "alice", exp: inSeconds(3600), ...more });
  const signed = async (more, { with: by = key, header } = {}) =>
    witness.plantToken("a token", await sign(by, claims(more), header));
  const used = async (gate, headers, answer) => {
    const cookie = { Cookie: answer.headers["set-cookie"][0].split(";")[0] };
    const go = () =>
      witness.see("GET /ws", gate.upgrade(answer.json.ticket, { headers: { Origin: APP, ...headers, ...cookie } }));
    assert.deepEqual([(await go()).status, (await go()).status], [101, 401]);
  };

  test("forward-auth: good, refused, forbidden, and every way to fail", async () => {
    const gate = gates[0];
    login.says({ sub: "alice", rooms: ["lobby"], secret: says, note: [says] });
    await used(gate, session(), await post(gate, session()));
    assert.equal((await post(gate, session(), { room: witness.secret("a room") })).status, 403);
    login.sets({ "Remote-User": "alice", "Remote-Secret": says, ...said(says) });
    await used(gate, session(), await post(gate, session()));
    const { ticket } = (await gate.post(undefined, { Origin: APP, ...session() })).json;
    witness.plantTicket("a ticket as a login", ticket);
    login.forget();
    assert.equal((await post(gate, bearer(ticket))).status, 401);
    assert.equal((await post(gate, { Authorization: ticket })).status, 401);
    assert.equal((await post(gate, session(), undefined, {})).status, 403);
    assert.equal((await post(gate, {})).status, 401);
    assert.equal(login.asked.length, 0, "the login was asked in vain");
    login.says({ sub: "alice" });
    for (const fault of failures(says)) {
      await login.fault(...fault);
      const { status } = await post(gate, session());
      await login.heal();
      assert.ok([401, 403, 503].includes(status), `${status} when the login ${JSON.stringify(fault).slice(0, 80)}`);
    }
    assert.equal((await post(gate, session())).status, 200, "when it is well again");
  });

  test("a key set: good and forged tokens, and every way to fail", async () => {
    const [, gate, access, late] = gates;
    for (const [at, iss, carried] of [
      [gate, issuer.url, bearer],
      [access, team.url, (text) => ({ "Cf-Access-Jwt-Assertion": text })],
    ]) {
      const token = (more, options) => signed({ iss, ...more }, options);
      await used(at, {}, await post(at, carried(await token())));
      for (const bad of [
        await token({}, { with: stranger }),
        await token({}, { with: { ...stranger, kid: key.kid } }),
        await token({}, { with: key, header: { kid: witness.secret("a kid") } }),
        await token({ exp: inSeconds(-60) }),
        await token({ iss: witness.secret("an issuer") }),
        await token({ aud: witness.secret("an audience") }),
        await token({ sub: `${witness.secret("a subject")}\n` }),
        await token({ rooms: witness.secret("a room") }),
        `${await token()}.${witness.secret("a fourth part")}`,
        witness.secret("no token"),
      ]) {
        assert.equal((await post(at, carried(bad))).status, 401);
      }
    }
    let clock = Date.now();
    for (const fault of failures(says)) {
      // What failed rests for a second, where there are no keys yet.
      clock += 2_000;
      await late.edge({ clock });
      issuer.forget();
      await issuer.fault(...fault);
      const { status } = await post(late, bearer(await signed()));
      await issuer.heal();
      assert.equal(status, 503, `when the issuer ${JSON.stringify(fault).slice(0, 80)}`);
      if (fault[0] !== "refuse") assert.equal(issuer.fetches, 1, "it was not asked");
    }
    await late.edge();
  });

  test("nothing of it came out", async (t) => {
    await witness.collect(gates);
    assert.deepEqual(witness.finds(), []);
    for (const code of ["identity_unavailable", "identity_refused", "identity_forbidden", "identity_missing"])
      assert.ok(witness.codes.has(code), code);
    const { places, characters } = witness.searched;
    t.diagnostic(`${witness.planted} secrets, in ${places} places of ${characters} characters: none`);
  });
});

report();
