// IDENTITY=access: the login is Cloudflare Access's, in front of the gate. The issuer here publishes its keys where Access does.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { refuses, welcomed } from "./support/caller.js";
import { startGate, startGates } from "./support/harness.js";
import { makeKey, secretKey, sign, startIssuer } from "./support/issuer.js";
import { bearer, inSeconds, mint } from "./support/jwt.js";
import { deadline } from "./support/pace.js";
import { assertProblem } from "./support/problem.js";
import { refused, report } from "./support/refused.js";

report();

const TAG = "32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228";
const PAGE = "https://app.example.com";
const MISSING = { code: "identity_missing" };
const assertion = (token, more = {}) => ({ "Cf-Access-Jwt-Assertion": token, ...more });
let people = 0;

describe("IDENTITY=access", () => {
  let issuer;
  let gate;
  let carrying;
  let key;
  before(async () => {
    key = await makeKey("RS256");
    issuer = await startIssuer([await makeKey("RS256"), key], "/cdn-cgi/access/certs");
    // Access publishes its certificates beside the keys.
    issuer.beside = { public_cert: { kid: key.kid, cert: "-----BEGIN CERTIFICATE-----" }, public_certs: [] };
    const vars = {
      ENVIRONMENT: "development",
      PAGE: "off",
      TICKET_STORE: "kv",
      IDENTITY: "access",
      ACCESS_TEAM_DOMAIN: issuer.url,
      ACCESS_AUDIENCE: TAG,
      ALLOWED_ORIGINS: PAGE,
    };
    [gate, carrying] = await startGates([
      { vars, edge: true },
      { vars: { ...vars, TICKET_CLAIMS: "email,country,type" }, edge: true },
    ]);
  });
  after(async () => {
    await gate?.close();
    await issuer?.close();
  });

  /** Claims as Access makes them. */
  function claims(more = {}) {
    people += 1;
    const now = inSeconds(0);
    const times = { iat: now, nbf: now, exp: now + 3600 };
    const named = { iss: issuer.url, aud: [TAG], type: "app", sub: `user-${people}`, email: "alice@example.com" };
    return { ...named, ...times, country: "NL", identity_nonce: "6ei69kawdKzMIAPF", ...more };
  }
  const token = (more, header) => sign(key, claims(more), header);
  const good = async (more, headers) => welcomed(gate, assertion(await token(more), headers));

  test("a user is known by sub", async () => {
    assert.equal(
      (await good({ sub: "7335d417-61da-459d-899c-0a01c76a2f94" })).subject,
      "7335d417-61da-459d-899c-0a01c76a2f94",
    );
    assert.deepEqual([...new Set(issuer.asked.map(({ url }) => url))], ["/cdn-cgi/access/certs"]);
  });

  test("a service token is known by its common_name", async () => {
    const common_name = "e367826f93b8d71185e03fe518aff3b4.access";
    assert.equal((await good({ sub: "", common_name, email: undefined })).subject, common_name);
    assert.equal((await good({ sub: "user-and-name", common_name })).subject, "user-and-name");
    for (const wrong of [{ sub: "" }, { sub: "", common_name: "" }, { sub: "", common_name: "a\nb" }]) {
      await refuses(gate, assertion(await token(wrong)), { reason: "token_subject" });
    }
    const nameless = await token({ sub: "", common_name: 7 });
    await refuses(gate, assertion(nameless), { reason: "token_malformed" });
  });

  test("the audience is the application's tag, whatever else is in the list", async () => {
    for (const aud of [[TAG], ["other", TAG], TAG]) assert.ok(await good({ aud }));
    for (const aud of [["other"], [], "other", [TAG.toUpperCase()], [TAG.slice(1)], ["*"]]) {
      await refuses(gate, assertion(await token({ aud })), { reason: "token_audience" });
    }
    await refuses(gate, assertion(await token({ aud: undefined })), { reason: "token_claim_missing" });
  });

  test("the issuer is the team's domain", async () => {
    for (const iss of ["https://other.cloudflareaccess.com", `${issuer.url}/`, issuer.url.replace("http", "https")]) {
      await refuses(gate, assertion(await token({ iss })), { reason: "token_issuer" });
    }
    await refuses(gate, assertion(await token({ iss: undefined })), { reason: "token_claim_missing" });
  });

  test("expired, too early, forged, by another key or algorithm", async () => {
    const now = inSeconds(0);
    const refusal = async (text, reason) =>
      refuses(gate, assertion(text), { reason }, { never: ["alice@example.com"] });
    await refusal(await token({ exp: now - 1 }), "token_expired");
    await refusal(await token({ exp: undefined }), "token_claim_missing");
    await refusal(await token({ nbf: now + 60 }), "token_not_yet_valid");
    await refusal(await sign(await makeKey("RS256"), claims()), "token_key_unknown");
    await refusal(await sign(await makeKey("RS256"), claims(), { kid: key.kid }), "token_signature");
    for (const alg of ["ES256", "PS256", "EdDSA"]) {
      await refusal(await sign(await makeKey(alg), claims(), { kid: key.kid }), "token_algorithm");
    }
    await refusal(await sign(secretKey(key.pem), claims(), { kid: key.kid }), "token_algorithm");
    await refusal(mint(claims(), { header: { alg: "none" } }), "token_algorithm");
    await refusal("not-a-token", "token_malformed");
  });

  test("nothing but its own header counts", async () => {
    const text = await token();
    await refuses(gate, {}, MISSING);
    await refuses(gate, bearer(text), MISSING);
    await refuses(gate, { Cookie: `CF_Authorization=${text}`, Origin: PAGE }, MISSING);
    await refuses(
      gate,
      { "Cf-Access-Token": text, "Cf-Access-Authenticated-User-Email": "alice@example.com" },
      MISSING,
    );
    await refuses(gate, { "CF-Access-Client-Id": "id.access", "CF-Access-Client-Secret": "s".repeat(64) }, MISSING);
    await refuses(gate, assertion(`Bearer ${text}`), { reason: "token_malformed" });
    await refuses(gate, assertion(`${text}, ${text}`), { reason: "token_malformed" });
    // What else the request brings neither helps nor hurts.
    assert.equal((await good({ sub: "alice-1" }, bearer("another-login"))).subject, "alice-1");
    const other = await token({ sub: "mallory" });
    assert.equal((await good({ sub: "alice-2" }, bearer(other))).subject, "alice-2");
  });

  test("identity_missing says what is expected", async () => {
    const { detail } = assertProblem(await gate.post(), 401, "identity_missing");
    assert.match(detail, /Cf-Access-Jwt-Assertion/i);
    refused();
  });

  test("a cookie comes with an Origin, or it is refused before anything is asked", async () => {
    const Cookie = `CF_Authorization=${await token()}`;
    issuer.forget();
    await refuses(gate, assertion(await token(), { Cookie }), { status: 403, code: "origin_refused" });
    const foreign = assertion(await token(), { Cookie, Origin: "https://evil.example" });
    await refuses(gate, foreign, { status: 403, code: "origin_refused" });
    assert.equal(issuer.fetches, 0);
    // A program: no browser adds a token by itself.
    assert.equal(
      (await gate.post(undefined, assertion(await token(), { Cookie, ...bearer("of-the-app") }))).status,
      200,
    );
    assert.ok(await good({}, { Cookie, Origin: PAGE }));
    assert.ok(await good({}, { Cookie, Origin: new URL(gate.url).origin }));
  });

  test("pages of allowed origins may send their cookies, and no others", async () => {
    const preflight = (Origin) => {
      const asked = { "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" };
      return gate.request({ method: "OPTIONS", path: "/ws-ticket", headers: { Origin, ...asked } });
    };
    const answers = [
      await preflight(PAGE),
      await gate.post(undefined, assertion(await token(), { Origin: PAGE, Cookie: "a=b" })),
      await gate.post(undefined, { Origin: PAGE, Cookie: "a=b" }),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [204, 200, 401],
    );
    for (const { headers } of answers) {
      assert.equal(headers["access-control-allow-origin"], PAGE);
      assert.equal(headers["access-control-allow-credentials"], "true");
    }
    const evil = await preflight("https://evil.example");
    assert.equal(evil.status, 403);
    for (const name of ["access-control-allow-origin", "access-control-allow-credentials"]) {
      assert.equal(evil.headers[name], undefined);
    }
    refused(2);
  });

  test("rooms and claims, as with any token", async () => {
    const text = await token({ rooms: ["lobby"] });
    assert.equal((await welcomed(gate, assertion(text), { room: "lobby" })).room, "lobby");
    await refuses(gate, assertion(text), { status: 403, code: "room_refused" }, { body: { room: "staff" } });
    await refuses(gate, assertion(await token({ rooms: "lobby" })), { reason: "token_rooms" });
    const { claims: carried } = await welcomed(carrying, assertion(await token()));
    assert.deepEqual(carried, { email: "alice@example.com", country: "NL", type: "app" });
  });

  test("a ticket ends with the session", async () => {
    const clock = inSeconds(0) * 1000;
    await gate.edge({ clock });
    const { ticket, expires_in } = await gate.issue(undefined, assertion(await token({ exp: clock / 1000 + 20 })));
    assert.equal(expires_in, 20);
    await gate.edge({ clock: clock + 20_000 });
    assert.equal(await gate.opens(ticket), 401);
    await gate.edge();
  });
});

test("Access's keys follow the rules of every set of keys", async () => {
  const key = await makeKey("RS256");
  const issuer = await startIssuer([key], "/cdn-cgi/access/certs");
  const vars = { ENVIRONMENT: "development", TICKET_STORE: "kv", IDENTITY: "access" };
  const more = { ACCESS_TEAM_DOMAIN: issuer.url, ACCESS_AUDIENCE: TAG, IDENTITY_TIMEOUT_MS: String(deadline(300)) };
  const gate = await startGate({ vars: { ...vars, ...more }, edge: true });
  try {
    const text = await sign(key, { ...issuer.claims({ aud: [TAG] }), exp: inSeconds(86_400) });
    await issuer.fault("hang");
    const clock = inSeconds(0) * 1000;
    await refuses(gate, assertion(text), { status: 503, code: "identity_unavailable" }, { clock });
    await gate.eventually(
      ({ event, step, reason }) => event === "identity_failed" && step === "jwks" && reason === "timed_out",
    );
    await issuer.heal();
    await gate.edge({ clock: clock + 1000 });
    assert.equal((await gate.post(undefined, assertion(text))).status, 200);
    await issuer.fault("refuse");
    await gate.edge({ clock: clock + 3_600_000 });
    assert.equal((await gate.post(undefined, assertion(text))).status, 200, "yesterday's keys go on");
  } finally {
    await gate.close();
    await issuer.close();
  }
});
