// The providers that docs/identity.md names: the settings of its table, and tokens and key sets of the form that each of them makes. A token
// of theirs opens; one of another tenant's, for another app, expired, or signed by somebody else doesn't.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { refuses, welcomed } from "./support/caller.js";
import { startGates } from "./support/harness.js";
import { makeKey, sign, startIssuer } from "./support/issuer.js";
import { bearer, inSeconds } from "./support/jwt.js";
import { report } from "./support/refused.js";

report();

const UUID = "6c1f3f0e-5f0a-4bb4-9f6c-0d1d3a1f7b52";
const TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47";
/** What stands between angle brackets in the table. */
const FILLED = {
  domain: "tenant.example.com",
  id: "default",
  host: "id.example.com",
  realm: "shop",
  ref: "abcdefghijklmnopqrst",
  region: "eu-central-1",
  pool: "eu-central-1_AbCdEfGhI",
  "tenant id": TENANT,
  project: "shop-12345",
};
const filled = (text) => text.replace(/<([^>]+)>/g, (_, name) => FILLED[name]);
const x5 = { x5c: ["MIIDBTCCAe2gAwIBAgIQ"], x5t: "LTacESbw3nCVqZ1Hp5FAvQ" };
const times = () => ({ iat: inSeconds(-10), exp: inSeconds(3600) });

/**
 * Each as its own documents show it: `audience` as the operator sets it, `alg` where the table leaves a choice, `issuer` where the table has
 * words; members of its keys, headers and claims. `others` are tokens of the same provider that are not for this app.
 */
const PROVIDERS = {
  Auth0: {
    audience: "https://api.example.com",
    key: x5,
    claims: ({ iss }) => ({
      ...{ sub: "auth0|65a1b2c3d4e5f60718293a4b", aud: ["https://api.example.com", `${iss}userinfo`] },
      ...{ scope: "openid profile", azp: "q3vUpT9mVx2yZ1wA" },
    }),
    others: [["its ID token", { aud: "q3vUpT9mVx2yZ1wA" }]],
  },
  Okta: {
    audience: "api://default",
    header: { typ: undefined },
    claims: () => ({
      ...{ ver: 1, jti: "AT.7LBgvYmk", aud: "api://default", cid: "0oabcd", uid: "00u1234", scp: ["openid"] },
      ...{ auth_time: inSeconds(-20), sub: "alice@example.com" },
    }),
    others: [["its ID token", { aud: "0oabcd" }]],
  },
  Keycloak: {
    audience: "chat",
    beside: { use: "enc", alg: "RSA-OAEP" },
    claims: () => ({
      ...{ jti: "onrtac:1f2e", aud: ["chat", "account"], sub: UUID, typ: "Bearer", azp: "web", sid: "2b1c" },
      ...{ acr: "1", "allowed-origins": ["https://app.example.com"], realm_access: { roles: ["offline_access"] } },
      ...{ resource_access: { account: { roles: ["view-profile"] } }, scope: "profile email", email_verified: true },
    }),
    others: [["one without the mapper", { aud: "account" }]],
  },
  Supabase: {
    audience: "authenticated",
    alg: "ES256",
    key: { key_ops: ["verify"], ext: true },
    claims: () => ({
      ...{ sub: UUID, aud: "authenticated", email: "alice@example.com", phone: "", role: "authenticated", aal: "aal1" },
      ...{ app_metadata: { provider: "email" }, user_metadata: {}, amr: [{ method: "otp", timestamp: inSeconds(-9) }] },
      ...{ session_id: UUID, is_anonymous: false },
    }),
    others: [["a key of the project", { iss: "supabase", role: "anon", aud: undefined, sub: undefined }]],
  },
  Cognito: {
    audience: "3n4b5urk1ft4fl3mg5e62d9ado",
    header: { typ: undefined },
    claims: () => ({
      ...{ at_hash: "abc", sub: UUID, "cognito:groups": ["admin"], email_verified: true, "cognito:username": "alice" },
      ...{ origin_jti: UUID, aud: "3n4b5urk1ft4fl3mg5e62d9ado", event_id: UUID, token_use: "id", jti: UUID },
    }),
    others: [["its access token", { token_use: "access", client_id: "3n4b5urk1ft4fl3mg5e62d9ado", aud: undefined }]],
  },
  "Microsoft Entra": {
    audience: "6e74172b-be56-4843-9ff4-e66a39bb12e3",
    key: { ...x5, alg: undefined, issuer: `https://login.microsoftonline.com/${TENANT}/v2.0` },
    claims: () => ({
      ...{ aud: "6e74172b-be56-4843-9ff4-e66a39bb12e3", nbf: inSeconds(-10), aio: "AX", azp: UUID, azpacr: "0" },
      ...{ name: "Alice", oid: UUID, scp: "chat", sub: "HKZpfaHyWadeOouYlitjrI", tid: TENANT, uti: "u", ver: "2.0" },
    }),
    others: [
      ["one for Graph", { aud: "00000003-0000-0000-c000-000000000000" }],
      ["one of version 1.0", { iss: `https://sts.windows.net/${TENANT}/`, ver: "1.0" }],
    ],
  },
  Firebase: {
    audience: "shop-12345",
    claims: () => ({
      ...{ aud: "shop-12345", auth_time: inSeconds(-20), user_id: "q1w2e3", sub: "q1w2e3", email_verified: false },
      ...{ firebase: { identities: { email: ["alice@example.com"] }, sign_in_provider: "password" } },
    }),
    others: [["one of another project", { iss: "https://securetoken.google.com/other", aud: "other" }]],
  },
  Logto: {
    audience: "https://api.example.com",
    header: { typ: "at+jwt" },
    claims: () => ({ jti: "j", sub: "u1s2e3r4", aud: "https://api.example.com", client_id: "c", scope: "chat" }),
    others: [["its ID token", { aud: "c" }]],
  },
  Clerk: {
    audience: "*",
    issuer: "https://clerk.example.com",
    header: { cat: "cl_B7d4PD111AAA" },
    claims: () => ({
      ...{ azp: "https://app.example.com", fva: [0, -1], nbf: inSeconds(-10), sid: "sess_2", sts: "active" },
      ...{ sub: "user_2abc", v: 2 },
    }),
    others: [],
  },
};

const table = readFileSync(new URL("../docs/identity.md", import.meta.url), "utf8")
  .split("| issuer | `JWT_JWKS_URL` |")[1]
  .split("\n\n")[0];
/** The rows by the name of the provider: its issuer, and the algorithms that it may sign by. */
const rows = new Map(
  [...table.matchAll(/^\| \[([^\]]+)\][^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)].map(
    ([, name, url, issuer, audience, algorithms]) => [name, { url, issuer, audience, algorithms }],
  ),
);

test("each provider of the table is here, and no other", () => {
  assert.deepEqual([...rows.keys()].sort(), Object.keys(PROVIDERS).sort());
});

describe("a token of", () => {
  const issuers = [];
  const found = {};
  before(async () => {
    const options = [];
    for (const [name, { audience, alg, issuer, key = {}, beside }] of Object.entries(PROVIDERS)) {
      const row = rows.get(name);
      const [algorithm] = alg ? [alg] : /[A-Z]{2}\d{3}/.exec(row.algorithms);
      assert.ok(row.algorithms.includes(algorithm), name);
      assert.ok(audience !== "*" || row.audience.includes("`*`"), name);
      const iss = issuer ?? filled(/`([^`]+)`/.exec(row.issuer)[1]);
      // Sets have more keys than one: the one that was, or will be, and some that are for encryption.
      const keys = [await makeKey(algorithm, key), await makeKey(algorithm, key)];
      if (beside) keys.push(await makeKey(algorithm, { ...key, ...beside }));
      const jwks = await startIssuer(keys);
      issuers.push(jwks);
      found[name] = { iss, keys, stranger: await makeKey(algorithm, { kid: keys[0].kid }) };
      const vars = jwks.vars({ JWT_ISSUER: iss, JWT_AUDIENCE: audience, JWT_ALGORITHMS: algorithm });
      options.push({ vars, edge: true });
    }
    const gates = await startGates(options);
    for (const [index, name] of Object.keys(PROVIDERS).entries()) found[name].gate = gates[index];
  });
  after(async () => {
    await found.Auth0?.gate?.close();
    await Promise.all(issuers.map((issuer) => issuer.close()));
  });

  for (const [name, { header, claims, others, audience }] of Object.entries(PROVIDERS)) {
    const right = ({ iss }) => ({ iss, ...times(), ...claims({ iss }) });
    const presented = async (at, key, changed = {}) => bearer(await sign(key, { ...right(at), ...changed }, header));

    test(`${name} is good, by each of its keys`, async () => {
      const at = found[name];
      for (const key of at.keys.slice(0, 2)) {
        const { subject } = await welcomed(at.gate, await presented(at, key));
        assert.equal(subject, right(at).sub);
      }
    });

    test(`${name} that is not for this app is refused`, async () => {
      const at = found[name];
      const [key] = at.keys;
      const wrong = [
        [{ iss: at.iss.replace("https://", "https://other-") }, "token_issuer"],
        [{ exp: inSeconds(-1), iat: inSeconds(-3600) }, "token_expired"],
      ];
      if (audience !== "*")
        wrong.push([{ aud: "another" }, "token_audience"], [{ aud: undefined }, "token_claim_missing"]);
      for (const [changed, reason] of wrong) await refuses(at.gate, await presented(at, key, changed), { reason });
      const forged = await presented(at, at.stranger);
      await refuses(at.gate, forged, { reason: "token_signature" });
      for (const [what, changed] of others) {
        const answer = await at.gate.post(undefined, await presented(at, key, changed));
        assert.equal(answer.status, 401, what);
      }
    });
  }

  test("Cognito's access token is good where every app of the pool is", async () => {
    const { iss, keys, gate } = found.Cognito;
    await gate.redeploy({ JWT_AUDIENCE: "*" });
    const claims = { iss, ...times(), sub: UUID, token_use: "access", client_id: "c", scope: "openid" };
    const { subject } = await welcomed(gate, bearer(await sign(keys[0], claims, { typ: undefined })));
    assert.equal(subject, UUID);
  });
});
