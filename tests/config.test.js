// Configuration: every mistake is named, all of them at once and never by value, and a gate with one does nothing else.
// And `/health` of every composition that is allowed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, projectConfig, startGates } from "./support/harness.js";
import { bearer, good, inSeconds, SECRET } from "./support/jwt.js";
import { assertProblem } from "./support/problem.js";
import { strange } from "./support/tickets.js";

const PUBLIC = /^JWT_SECRET="(.+)"$/m.exec(readFileSync(new URL("../.dev.vars.example", import.meta.url), "utf8"))[1];
const PRODUCTION = { JWT_SECRET: SECRET, SESSION: "echo" };
const ALONE = { without: ["TICKET_SHARD"] };
const NO_SHARD = { vars: { ...DEVELOPMENT, TICKET_STORE: "kv" }, without: ["TICKET_SHARD"] };
const bad = (name, value, names = [name]) => ({ vars: { ...PRODUCTION, [name]: value }, names });

/** What is wrong, how the gate is set up, and the names that `/health` must list (just these; `any`: one of these). */
const MISTAKES = [
  ...["staging", "Production", "dev", " production "].map((value) => bad("ENVIRONMENT", value)),
  ...["postgres", "KV", "memory,"].map((value) => bad("TICKET_STORE", value)),
  ...["0", "3601", "-1", "1.5", "1e2", "0x10", "ten", "99999999999999999999", "+5"].map((v) =>
    bad("TICKET_TTL_SECONDS", v),
  ),
  ...["0", "257", "-4", "four", "4.0"].map((value) => bad("TICKET_SHARDS", value)),
  ...["yes", "TRUE", "1"].map((value) => bad("ALLOW_BEST_EFFORT", value)),
  ...["none", "JWT", "jwt,dev"].map((value) => bad("IDENTITY", value)),
  ...["cookie", "query,query", "Query", "query;subprotocol"].map((value) => bad("TICKET_CARRIAGE", value)),
  ...["both", "Cookie", "origin,cookie"].map((value) => bad("BIND", value)),
  ...["ignore", "true"].map((value) => bad("LIMITER_FAILURE", value)),
  ...["yes", "true", "ON"].map((value) => bad("PAGE", value)),
  ...[
    "*",
    "sekret.example",
    "https://sekret.example/",
    "https://sekret.example/chat",
    "https://*.sekret.example",
    "null",
    "https://eve@sekret.example",
    "https://sekret.example https://b.example",
    "https://sekret.example,*",
    "https://Sekret.example",
    "https://sekret.example:443",
    "ftp://sekret.example",
    "javascript:alert(1)",
  ].map((value) => bad("ALLOWED_ORIGINS", value)),
  { what: "dev in production", vars: { IDENTITY: "dev" }, names: ["IDENTITY"] },
  { what: "dev, no environment", vars: { IDENTITY: "dev", ENVIRONMENT: undefined }, names: ["IDENTITY"] },
  { what: "dev, empty environment", vars: { IDENTITY: "dev", ENVIRONMENT: "" }, names: ["IDENTITY"] },
  { what: "no secret", vars: {}, names: ["JWT_SECRET"] },
  { what: "an empty secret", vars: { JWT_SECRET: "" }, names: ["JWT_SECRET"] },
  { what: "a secret of 31 bytes", vars: { JWT_SECRET: SECRET.slice(1) }, names: ["JWT_SECRET"] },
  { what: "the public secret", vars: { JWT_SECRET: PUBLIC }, names: ["JWT_SECRET"] },
  { what: "no secret, in development", vars: { ENVIRONMENT: "development" }, names: ["JWT_SECRET"] },
  {
    what: "KV without a namespace",
    vars: { ...PRODUCTION, TICKET_STORE: "kv" },
    without: ["WS_TICKETS_KV"],
    names: ["WS_TICKETS_KV"],
  },
  { what: "KV without the shard", ...NO_SHARD, any: ["TICKET_SHARD", "ALLOW_BEST_EFFORT"] },
  { what: "auto is KV, too", ...NO_SHARD, vars: PRODUCTION, any: ["TICKET_SHARD", "ALLOW_BEST_EFFORT"] },
  ...[
    ["ADMIN_TOKEN", { ADMIN_TOKEN: "a".repeat(32) }],
    ["LOGOUT_AUDIENCE", { JWT_ISSUER: "https://sekret.example", LOGOUT_AUDIENCE: "sekret-app" }],
  ].map(([name, vars]) => ({
    what: `ends from outside by ${name}, and KV alone, which can't see them`,
    ...ALONE,
    vars: { ...PRODUCTION, TICKET_STORE: "kv", ALLOW_BEST_EFFORT: "true", ...vars },
    names: [name],
  })),
  ...[
    { SESSION: "echo", TICKET_STORE: "durable" },
    { SESSION: "hub", TICKET_STORE: "memory" },
    { SESSION: "hub", TICKET_STORE: "kv,memory" },
  ].map((vars) => ({
    what: `closing on reuse where nobody knows what to close: ${Object.values(vars).join(", ")}`,
    vars: { ...PRODUCTION, ON_REUSE: "close", ...vars },
    names: ["ON_REUSE"],
  })),
  bad("ON_REUSE", "yes"),
  {
    what: "many at once",
    vars: {
      ENVIRONMENT: "sekret-environment",
      TICKET_STORE: "sekret-store",
      TICKET_TTL_SECONDS: "sekret-ttl",
      TICKET_SHARDS: "sekret-shards",
      ALLOW_BEST_EFFORT: "sekret-effort",
      ALLOWED_ORIGINS: "sekret-origin",
      JWT_SECRET: "sekret-short",
    },
    names: [
      "ALLOWED_ORIGINS",
      "ALLOW_BEST_EFFORT",
      "ENVIRONMENT",
      "JWT_SECRET",
      "TICKET_SHARDS",
      "TICKET_STORE",
      "TICKET_TTL_SECONDS",
    ],
  },
];

const KV = { store: "kv+ledger", guarantee: "single-use", reach: "global" };
const KV_ALONE = { store: "kv", guarantee: "best-effort" };
const MEMORY = { store: "memory", guarantee: "single-use", reach: "isolate" };

/** In production, where nobody said what is to stand behind the gate. */
const NOTHING_BEHIND = { status: "degraded", degraded_by: ["SESSION"] };
const WEAK = { status: "degraded", degraded_by: ["TICKET_STORE"] };

/** A composition, and what `/health` says of it. */
const COMPOSITIONS = [
  { what: "production as it is deployed", vars: { JWT_SECRET: SECRET }, health: { ...NOTHING_BEHIND, ...KV } },
  {
    what: "nothing but the secret is set",
    vars: {
      ...Object.fromEntries(Object.keys((await projectConfig()).vars).map((name) => [name, undefined])),
      JWT_SECRET: SECRET,
    },
    health: { ...NOTHING_BEHIND, ...KV },
  },
  {
    what: "everything but the secret is empty",
    vars: {
      ...Object.fromEntries(Object.keys((await projectConfig()).vars).map((name) => [name, ""])),
      JWT_SECRET: SECRET,
    },
    health: { ...NOTHING_BEHIND, ...KV },
  },
  {
    what: "auto without a namespace, in production",
    vars: PRODUCTION,
    without: ["WS_TICKETS_KV"],
    health: { ...WEAK, ...MEMORY },
  },
  {
    what: "auto without any binding, in production",
    vars: PRODUCTION,
    without: ["WS_TICKETS_KV", "TICKET_SHARD"],
    health: { ...WEAK, ...MEMORY },
  },
  {
    what: "memory by choice, in production",
    vars: { ...PRODUCTION, TICKET_STORE: "memory" },
    health: { ...WEAK, ...MEMORY },
  },
  {
    what: "memory in development",
    vars: { ...DEVELOPMENT, TICKET_STORE: "memory" },
    health: { status: "ok", ...MEMORY },
  },
  {
    what: "auto without a namespace, in development",
    vars: DEVELOPMENT,
    without: ["WS_TICKETS_KV"],
    health: { status: "ok", ...MEMORY },
  },
  { what: "KV in development", vars: { ...DEVELOPMENT, TICKET_STORE: "kv" }, health: { status: "ok", ...KV } },
  {
    what: "KV alone, allowed",
    vars: { ...PRODUCTION, ALLOW_BEST_EFFORT: "true" },
    ...ALONE,
    health: { ...WEAK, ...KV_ALONE },
  },
  {
    what: "best effort allowed, and not needed",
    vars: { ...PRODUCTION, ALLOW_BEST_EFFORT: "true" },
    health: { status: "ok", ...KV },
  },
  {
    what: "the smallest numbers",
    vars: { ...PRODUCTION, TICKET_TTL_SECONDS: "1", TICKET_SHARDS: "1" },
    health: { status: "ok", ...KV },
  },
  {
    what: "the largest numbers",
    vars: { ...PRODUCTION, TICKET_TTL_SECONDS: "3600", TICKET_SHARDS: "256" },
    health: { status: "ok", ...KV },
  },
  {
    what: "the public secret, in development",
    vars: { ENVIRONMENT: "development", JWT_SECRET: PUBLIC },
    health: { status: "ok", ...KV },
  },
  {
    what: "several origins",
    vars: { ...PRODUCTION, ALLOWED_ORIGINS: "https://app.example.com, http://localhost:3000,http://[::1]:8080" },
    health: { status: "ok", ...KV },
  },
];

describe("configuration", () => {
  let gates;
  before(async () => {
    gates = await startGates([...MISTAKES, ...COMPOSITIONS].map(({ vars, without }) => ({ vars, without })));
  });
  after(() => gates?.[0].close());

  for (const [index, { what, vars, names, any }] of MISTAKES.entries()) {
    test(`refuses ${what ?? `${names[0]}=${vars[names[0]]}`}`, async () => {
      const gate = gates[index];
      const answer = await gate.request({ path: "/health" });
      assert.equal(answer.status, 500);
      assert.match(answer.headers["content-type"], /^application\/json(;|$)/);
      const { status, problems, version, ...rest } = answer.json;
      assert.equal(status, "misconfigured");
      assert.match(version, /^\d+\.\d+\.\d+/);
      assert.deepEqual(rest, {});
      for (const problem of problems) {
        assert.deepEqual(Object.keys(problem).sort(), ["expected", "name", "problem"]);
        for (const text of Object.values(problem)) assert.ok(typeof text === "string" && text.trim() !== "");
      }
      const found = [...new Set(problems.map(({ name }) => name))].sort();
      if (any === undefined) assert.deepEqual(found, names);
      else {
        assert.equal(found.length, 1, `one problem, not ${found}`);
        assert.ok(any.includes(found[0]), `${found[0]} is none of ${any}`);
        for (const name of any) assert.ok(answer.text.includes(name), `${name} is not mentioned`);
      }
      const others = [
        await gate.post(),
        await gate.post({ sub: "alice" }, bearer(good())),
        await gate.upgrade(strange("k")),
        await gate.request({ path: "/" }),
        await gate.request({ method: "OPTIONS", path: "/ws-ticket", headers: { Origin: "https://app.example.com" } }),
      ];
      for (const other of others) assertProblem(other, 500, "misconfigured");
      // What was written wrongly is not shown, neither here nor there (short and ordinary words prove nothing).
      const values = Object.values(vars).filter((value) => /sekret/i.test(value) || value?.length > 9);
      for (const text of [answer, ...others].map((each) => each.rawHeaders.join() + each.text)) {
        for (const value of values) assert.ok(value === "development" || !text.includes(value), `${value} is shown`);
      }
    });
  }

  for (const [offset, { what, health }] of COMPOSITIONS.entries()) {
    test(`allows ${what}`, async () => {
      const gate = gates[MISTAKES.length + offset];
      const answer = await gate.request({ path: "/health" });
      assert.equal(answer.status, 200, answer.text);
      const { version, ...rest } = answer.json;
      assert.match(version, /^\d+\.\d+\.\d+/);
      const { status, degraded_by, store, guarantee, reach, ...settings } = rest;
      assert.deepEqual({ status, degraded_by, store, guarantee, reach }, { degraded_by: undefined, reach, ...health });
      assert.ok(rest.reach.length > 0);
      const dev = gate.config.vars.IDENTITY === "dev";
      assert.deepEqual(settings, {
        identity: dev ? "dev" : "jwt",
        session: "echo",
        carriage: ["query", "subprotocol"],
        bind: "origin",
        // Where the login has a secret, a key is derived from it.
        ticket_check: dev ? "form" : "keyed",
        limits: ["issue", "refusal"],
      });
      const token = bearer(good("alice", { exp: inSeconds(7200) }));
      const issued = await gate.post(undefined, dev ? {} : token);
      if (gate.config.vars.JWT_SECRET === PUBLIC) return assertProblem(issued, 401, "identity_refused");
      assert.equal(issued.status, 200, issued.text);
      assert.equal(issued.json.expires_in, Number(gate.config.vars.TICKET_TTL_SECONDS || 300));
      assert.equal(await gate.opens(issued.json.ticket), 101);
      assert.equal(await gate.opens(issued.json.ticket), 401);
    });
  }

  test("no line of the log shows a secret, or a value that was wrong", async () => {
    const log = gates[0].lines().join("\n");
    assert.ok(log.length > 0);
    for (const text of [SECRET, SECRET.slice(1), PUBLIC, "sekret", "Sekret"])
      assert.ok(!log.includes(text), `${text} is logged`);
  });
});
