// Settings of identity: every mistake is named, all of them at once and never by value; and what is allowed works, as `/health` says.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { startGates } from "./support/harness.js";
import { weakKey } from "./support/issuer.js";
import { bearer, good } from "./support/jwt.js";
import { assertProblem } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { strange } from "./support/tickets.js";

report();

const PUBLIC = /^JWT_SECRET="(.+)"$/m.exec(readFileSync(new URL("../.dev.vars.example", import.meta.url), "utf8"))[1];
const secret = (bytes) => "sekret-".repeat(10).slice(0, bytes);
const base64 = (text) => Buffer.from(text).toString("base64");
const key = (type, options, form = { type: "spki", format: "pem" }) =>
  generateKeyPairSync(type, options)[form.type === "pkcs8" ? "privateKey" : "publicKey"].export(form);
const PEM = {
  rsa: key("rsa", { modulusLength: 2048 }),
  p256: key("ec", { namedCurve: "P-256" }),
  p384: key("ec", { namedCurve: "P-384" }),
  p521: key("ec", { namedCurve: "P-521" }),
  ed: key("ed25519"),
};
const SECRET = { JWT_SECRET: secret(64) };
const KEYS = { JWT_PUBLIC_KEY: PEM.rsa };
const JWKS = {
  JWT_JWKS_URL: "https://login.sekret.example/jwks",
  JWT_ISSUER: "https://login.sekret.example",
  JWT_AUDIENCE: "chat",
};
const ACCESS = {
  IDENTITY: "access",
  ACCESS_TEAM_DOMAIN: "https://team.cloudflareaccess.com",
  ACCESS_AUDIENCE: "sekret-tag",
};
const FORWARD = { IDENTITY: "forward", AUTH_URL: "https://site.sekret.example/auth" };
const DEVELOPMENT = { ENVIRONMENT: "development", PAGE: "off" };
const names = (count) => Array.from({ length: count }, (_, n) => `claim-${n}`).join(",");

/** Settings, and the names that `/health` must list. */
const each = (base, name, values, listed = name) => values.map((value) => [{ ...base, [name]: value }, [listed]]);
const MISTAKES = [
  [{}, ["JWT_SECRET"]],
  [{ ...SECRET, JWT_PUBLIC_KEY: PEM.rsa }, ["JWT_PUBLIC_KEY"]],
  [{ ...SECRET, ...JWKS }, ["JWT_JWKS_URL"]],
  [{ ...KEYS, ...JWKS }, ["JWT_JWKS_URL"]],
  [{ ...KEYS, JWT_SECRET_PREVIOUS: secret(64) }, ["JWT_SECRET_PREVIOUS"]],
  [{ ...JWKS, JWT_SECRET_PREVIOUS: secret(64) }, ["JWT_SECRET_PREVIOUS"]],
  ...each(SECRET, "JWT_SECRET_PREVIOUS", [secret(31), "x", PUBLIC]),
  ...each(SECRET, "JWT_ALGORITHMS", [
    "none",
    "hs256",
    "HS1",
    "HS256,HS256",
    "HS256,",
    ",",
    "HS256;HS384",
    "RS256",
    "HS256,RS256",
    "EdDSA",
  ]),
  ...each(KEYS, "JWT_ALGORITHMS", ["HS256", "RS1", "RS256,RS256", "RS256,HS256", "RS256,ES384"]),
  ...each(JWKS, "JWT_ALGORITHMS", ["HS256", "none", "ES256K", "Ed448", "ESP256", "RS256,none", "*", "RS256 ES256"]),
  [{ JWT_SECRET: secret(47), JWT_ALGORITHMS: "HS384" }, ["JWT_SECRET"]],
  [{ JWT_SECRET: secret(63), JWT_ALGORITHMS: "HS512" }, ["JWT_SECRET"]],
  [{ JWT_SECRET: secret(48), JWT_ALGORITHMS: "HS256,HS512" }, ["JWT_SECRET"]],
  [{ ...SECRET, JWT_SECRET_PREVIOUS: secret(47), JWT_ALGORITHMS: "HS384" }, ["JWT_SECRET_PREVIOUS"]],
  // What copying leaves around a secret, what isn't in the code that it says it is in, and keys that everybody may have.
  ...["JWT_SECRET", "JWT_SECRET_PREVIOUS"].flatMap((name) =>
    each(SECRET, name, [
      `${secret(64)}\n`,
      ` ${secret(64)}`,
      `"${secret(64)}"`,
      `'${secret(64)}'`,
      `“${secret(64)}”`,
      `\`${secret(64)}\``,
      `JWT_SECRET=${secret(64)}`,
      `base64:${base64(secret(31))}`,
      `base64url:${base64(secret(31))}`,
      `hex:${"5e".repeat(31)}`,
      `base64:${base64(secret(64))}!`,
      `hex:${"5e".repeat(40)}f`,
      `base64:${base64(PUBLIC)}`,
      `text:${PUBLIC}`,
      PEM.rsa,
      PEM.rsa.replaceAll("\n", "\\n"),
      `base64:${PEM.ed.split("\n")[1]}`,
      PEM.ed.split("\n")[1],
      JSON.stringify({ kty: "EC", crv: "P-256", x: secret(43), y: secret(43) }),
    ]),
  ),
  ...["JWT_ISSUER", "JWT_AUDIENCE"].flatMap((name) =>
    each(JWKS, name, [
      "sekret-web,",
      ",",
      "sekret,sekret",
      "sekret-web sekret-ios",
      '"sekret-web"',
      "'sekret-web'",
      "https://login.sekret.example/{tenantid}/v2.0",
      "https://<sekret-domain>/",
      "https://*.sekret.example",
      "sekret,*",
      "sekret-web，sekret-ios",
      "sekret-web;sekret-ios",
    ]),
  ),
  ...each(JWKS, "JWT_ISSUER", [
    "https://login.microsoftonline.com/common/v2.0",
    "https://login.sekret.example/.well-known/openid-configuration",
  ]),
  ...each(JWKS, "JWT_TYP", ["*", "`sekret`"]),
  [{ ...JWKS, JWT_ISSUER: "*" }, ["JWT_ISSUER"]],
  ...each({}, "JWT_PUBLIC_KEY", [
    "sekret-key",
    "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
    PEM.rsa.slice(0, -30),
    PEM.rsa.replace("MIIB", "MIIC"),
    PEM.p256.replace("\n", "\n!"),
    `${PEM.rsa}sekret-tail`,
    `${PEM.rsa}${PEM.p256.slice(0, 80)}`,
    PEM.rsa.repeat(5),
    key("rsa", { modulusLength: 2048 }, { type: "pkcs1", format: "pem" }),
    key("rsa", { modulusLength: 2048 }, { type: "pkcs8", format: "pem" }),
    key("ec", { namedCurve: "P-256" }, { type: "pkcs8", format: "pem" }),
    PEM.rsa.replaceAll("PUBLIC KEY", "CERTIFICATE"),
    weakKey(1024).pem,
    key("ec", { namedCurve: "secp256k1" }),
    key("ec", { namedCurve: "brainpoolP256r1" }),
    key("x25519"),
    key("ed448"),
  ]),
  [{ ...KEYS, JWT_ALGORITHMS: "ES256" }, ["JWT_PUBLIC_KEY"]],
  [{ JWT_PUBLIC_KEY: PEM.rsa + PEM.ed, JWT_ALGORITHMS: "RS256,PS256" }, ["JWT_PUBLIC_KEY"]],
  [{ JWT_PUBLIC_KEY: PEM.p256, JWT_ALGORITHMS: "EdDSA" }, ["JWT_PUBLIC_KEY"]],
  [{ JWT_PUBLIC_KEY: PEM.p256, JWT_ALGORITHMS: "ES256,EdDSA" }, ["JWT_ALGORITHMS"]],
  ...each(JWKS, "JWT_JWKS_URL", [
    "http://login.sekret.example/jwks",
    "login.sekret.example/jwks",
    "/jwks-sekret",
    "ftp://login.sekret.example/jwks",
    "https://eve:sekret@login.example/jwks",
    "https://eve@login.sekret.example/jwks",
    "https://login.sekret.example/jwks#keys",
    "https://",
    "https://login.sekret.example:99999/jwks",
    "https://login.sekret.example/jwks\n",
    "https://login.sekret.example/jwks,https://other.sekret.example/jwks",
    '"https://login.sekret.example/jwks"',
    "https://login.sekret.example/{tenant}/keys",
    "https://login.sekret.example/.well-known/openid-configuration/",
    "https://login.sekret.example/.well-known/oauth-authorization-server/tenant",
    "https://www.googleapis.com/oauth2/v1/certs",
    "https://www.googleapis.com/robot/v1/metadata/x509/sekret@system.gserviceaccount.com",
  ]),
  ...each({ ...JWKS, ...DEVELOPMENT }, "JWT_JWKS_URL", ["ftp://127.0.0.1/sekret", "http://eve:sekret@127.0.0.1/"]),
  [{ ...JWKS, JWT_ISSUER: "" }, ["JWT_ISSUER"]],
  [{ ...JWKS, JWT_AUDIENCE: undefined }, ["JWT_AUDIENCE"]],
  [{ JWT_JWKS_URL: JWKS.JWT_JWKS_URL }, ["JWT_AUDIENCE", "JWT_ISSUER"]],
  [{ ...SECRET, LOGOUT_AUDIENCE: "app", TICKET_STORE: "durable" }, ["JWT_ISSUER"]],
  [{ ...JWKS, LOGOUT_AUDIENCE: "app, *", TICKET_STORE: "durable" }, ["LOGOUT_AUDIENCE"]],
  [{ ...ACCESS, LOGOUT_AUDIENCE: "app", TICKET_STORE: "durable" }, ["LOGOUT_AUDIENCE"]],
  ...each(SECRET, "JWT_LEEWAY_SECONDS", ["61", "-1", "1.5", "ten", "1e1", "0x10", " 5", "+5"]),
  ...each(JWKS, "IDENTITY_TIMEOUT_MS", ["0", "30001", "-1", "sekret", "3.5"]),
  ...each(SECRET, "TICKET_CLAIMS", [
    names(17),
    "email,email",
    "email,,level",
    "email,",
    ",",
    "email level",
    '"email"',
    "email;roles",
    "*",
  ]),
  ...each(SECRET, "IDENTITY", ["Access", "jwks", "cloudflare", "jwt,forward", "basic"]),
  [{ IDENTITY: "access" }, ["ACCESS_AUDIENCE", "ACCESS_TEAM_DOMAIN"]],
  ...each(ACCESS, "ACCESS_AUDIENCE", ["", "sekret-tag,", "sekret-tag,sekret-tag", "sekret tag", "*", '"sekret-tag"']),
  ...each(ACCESS, "ACCESS_TEAM_DOMAIN", [
    "sekret-team",
    "sekret.cloudflareaccess.com",
    "http://sekret.cloudflareaccess.com",
    "https://sekret.cloudflareaccess.com/",
    "https://sekret.cloudflareaccess.com/cdn-cgi/access/certs",
    "https://sekret.cloudflareaccess.com?x",
    "https://cloudflareaccess.com",
    "https://sekretcloudflareaccess.com",
    "https://sekret.cloudflareaccess.com.evil.example",
    "https://sekret.example",
    "https://eve@sekret.cloudflareaccess.com",
    "https://sekret.cloudflareaccess.com:8443",
    "https://*.cloudflareaccess.com",
  ]),
  [{ IDENTITY: "forward" }, ["AUTH_URL"]],
  ...each(FORWARD, "AUTH_URL", [
    "http://site.sekret.example/auth",
    "site.sekret.example/auth",
    "/auth-sekret",
    "ws://site.sekret.example",
    "https://eve:sekret@site.example/auth",
    "https://site.sekret.example/auth, https://other.sekret.example/auth",
    "'https://site.sekret.example/auth'",
    "https://<sekret-site>/auth",
  ]),
  ...each(FORWARD, "AUTH_HEADER_PREFIX", [
    "Remote User-",
    "Remote:",
    "Sekret-é-",
    "Remote-\n",
    "Sekret(x)-",
    "X-Sekret",
  ]),
  [
    {
      ...{ ENVIRONMENT: "sekret-environment", JWT_SECRET: "sekret-short", JWT_SECRET_PREVIOUS: "sekret-shorter" },
      ...{ JWT_LEEWAY_SECONDS: "sekret", IDENTITY_TIMEOUT_MS: "sekret", TICKET_CLAIMS: "sekret,sekret" },
    },
    ["ENVIRONMENT", "IDENTITY_TIMEOUT_MS", "JWT_LEEWAY_SECONDS", "JWT_SECRET", "JWT_SECRET_PREVIOUS", "TICKET_CLAIMS"],
  ],
  [
    {
      ...ACCESS,
      ACCESS_TEAM_DOMAIN: "sekret-team",
      ACCESS_AUDIENCE: "",
      TICKET_CLAIMS: "sekret,",
      ALLOWED_ORIGINS: "sekret",
    },
    ["ACCESS_AUDIENCE", "ACCESS_TEAM_DOMAIN", "ALLOWED_ORIGINS", "TICKET_CLAIMS"],
  ],
];

/** Settings that are allowed, and what `/health` says of identity. */
const ALLOWED = [
  [SECRET, "jwt"],
  [{ ...SECRET, JWT_SECRET_PREVIOUS: secret(32), JWT_LEEWAY_SECONDS: "0", TICKET_CLAIMS: names(16) }, "jwt"],
  [{ JWT_SECRET: PUBLIC, JWT_SECRET_PREVIOUS: PUBLIC, ...DEVELOPMENT }, "jwt"],
  [{ JWT_SECRET: secret(48), JWT_ALGORITHMS: "HS384,HS256" }, "jwt"],
  [{ ...SECRET, JWT_ALGORITHMS: "HS512", JWT_LEEWAY_SECONDS: "60", IDENTITY_TIMEOUT_MS: "30000" }, "jwt"],
  ...[
    `base64:${base64(secret(32))}`,
    `base64url:${base64(secret(32))}`,
    `hex:${"5e".repeat(32)}`,
    `text:base64:${secret(32)}`,
  ].map((value) => [{ JWT_SECRET: value, JWT_SECRET_PREVIOUS: value }, "jwt"]),
  [{ JWT_SECRET: `base64:${base64(secret(64))}`, JWT_ALGORITHMS: "HS512" }, "jwt"],
  [{ ...JWKS, JWT_ISSUER: "https://login.sekret.example, login.sekret.example", JWT_AUDIENCE: "web,ios" }, "jwt"],
  [{ ...SECRET, JWT_AUDIENCE: "*" }, "jwt"],
  [
    { ...SECRET, JWT_ISSUER: "https://login.sekret.example", LOGOUT_AUDIENCE: "app,ios", TICKET_STORE: "durable" },
    "jwt",
  ],
  [{ ...JWKS, JWT_ALGORITHMS: "RS384,RS512,PS384,PS512,ES384,ES512,Ed25519,EdDSA" }, "jwt"],
  [{ JWT_PUBLIC_KEY: PEM.rsa + PEM.p256 + PEM.ed + PEM.rsa }, "jwt"],
  [{ JWT_PUBLIC_KEY: PEM.p384 + PEM.p521 + PEM.ed, JWT_ALGORITHMS: "ES384,ES512,Ed25519" }, "jwt"],
  [{ JWT_PUBLIC_KEY: PEM.rsa + PEM.ed, JWT_ALGORITHMS: "PS256,EdDSA" }, "jwt"],
  [{ ...SECRET, JWT_PUBLIC_KEY: "", JWT_JWKS_URL: "", JWT_ALGORITHMS: "", JWT_TYP: "", JWT_LEEWAY_SECONDS: "" }, "jwt"],
  [{ ...JWKS, JWT_SECRET: "" }, "jwt"],
  [{ ...JWKS, JWT_AUDIENCE: "*", JWT_ALGORITHMS: "RS256,PS256,ES256,EdDSA", IDENTITY_TIMEOUT_MS: "1" }, "jwt"],
  [{ ...JWKS, ...DEVELOPMENT, JWT_JWKS_URL: "http://127.0.0.1:1/jwks.json" }, "jwt"],
  [ACCESS, "access"],
  [{ ...ACCESS, ACCESS_AUDIENCE: "sekret-tag,sekret-other-tag" }, "access"],
  [{ ...ACCESS, ...DEVELOPMENT, ACCESS_TEAM_DOMAIN: "http://127.0.0.1:1" }, "access"],
  [FORWARD, "forward"],
  [
    { ...FORWARD, ...DEVELOPMENT, AUTH_URL: "http://127.0.0.1:1/auth", AUTH_HEADER_PREFIX: "X-Auth-Request-" },
    "forward",
  ],
  // What belongs to another way of knowing the caller is not looked at.
  [{ ...FORWARD, ...SECRET }, "forward"],
  [{ ...ACCESS, JWT_SECRET: PUBLIC }, "access"],
  [{ ...DEVELOPMENT, IDENTITY: "dev", JWT_SECRET: PUBLIC }, "dev"],
];

const show = (vars) =>
  JSON.stringify(vars)
    .replaceAll(/-----BEGIN[^"]*/g, "PEM")
    .slice(0, 120);

describe("settings of identity", () => {
  let gates;
  before(async () => {
    gates = await startGates([...MISTAKES, ...ALLOWED].map(([vars]) => ({ vars })));
  });
  after(() => gates?.[0].close());

  for (const [index, [vars, expected]] of MISTAKES.entries()) {
    test(`refuses ${show(vars)}: ${expected}`, async () => {
      const gate = gates[index];
      const answer = await gate.request({ path: "/health" });
      assert.equal(answer.status, 500, answer.text);
      const { status, problems } = answer.json;
      assert.equal(status, "misconfigured");
      for (const problem of problems) {
        assert.deepEqual(Object.keys(problem).sort(), ["expected", "name", "problem"]);
        for (const text of Object.values(problem)) assert.ok(typeof text === "string" && text.trim() !== "");
      }
      assert.deepEqual(problems.map(({ name }) => name).sort(), expected);
      const others = [await gate.post(undefined, bearer(good())), await gate.upgrade(strange("k"))];
      for (const other of others) assertProblem(other, 500, "misconfigured");
      const values = Object.values(vars).filter((value) => value?.length > 12 && value !== "development");
      for (const text of [answer, ...others].map((one) => one.rawHeaders.join() + one.text)) {
        for (const value of [...values, "sekret", "evil.example", "MII"])
          assert.ok(!text.includes(value), `${value} is shown`);
      }
      refused();
    });
  }

  for (const [offset, [vars, identity]] of ALLOWED.entries()) {
    test(`allows ${show(vars)}`, async () => {
      const gate = gates[MISTAKES.length + offset];
      const answer = await gate.request({ path: "/health" });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.identity, identity);
      for (const value of Object.values(vars).filter((text) => text?.length > 12 && text !== "development")) {
        assert.ok(!answer.text.includes(value), `${value} is shown`);
      }
      const { status } = await gate.post();
      assert.equal(status, identity === "dev" ? 200 : 401);
    });
  }

  test("no line of the log shows a value", () => {
    const log = gates[0].lines().join("\n");
    assert.ok(log.includes("misconfigured"));
    for (const text of ["sekret", "Sekret", PUBLIC, "BEGIN", "MII"])
      assert.ok(!log.includes(text), `${text} is logged`);
  });
});
