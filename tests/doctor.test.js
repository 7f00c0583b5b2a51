// `npm run doctor`: it finds nothing wrong with a gate as `npm run dev` and a deploy have it, names each fault that is planted, says what
// mends it, goes on after it, and shows no secret.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { activeChecks } from "../scripts/doctor/active-checks.js";
import { DEVELOPMENT, projectConfig, startGate } from "./support/harness.js";
import { good, SECRET } from "./support/jwt.js";
import { PATIENCE_MS } from "./support/pace.js";

const SCRIPT = fileURLToPath(new URL("../scripts/doctor.js", import.meta.url));
const DEPLOY = fileURLToPath(new URL("../scripts/deploy.js", import.meta.url));
const EXAMPLE = "development-only-secret-not-for-production";
const PRODUCTION = { JWT_SECRET: SECRET, SESSION: "echo", PAGE: "off", TICKET_STORE: "durable" };

async function doctor(url, ...args) {
  const env = { ...process.env, WS_TICKET_TOKEN: good("alice") };
  const options = { env, timeout: PATIENCE_MS };
  const {
    stdout,
    stderr,
    code = 0,
  } = await promisify(execFile)(process.execPath, [SCRIPT, url, ...args], options).catch((error) => error);
  assert.ok(!`${stdout}${stderr}`.includes(env.WS_TICKET_TOKEN), "a login was shown");
  assert.doesNotMatch(`${stdout}${stderr}`, /wst_[a-z0-9]+_[\w-]{20}/, "a ticket was shown");
  return { stdout, stderr, code };
}

/** The checks by name, each with its result. */
async function examined(url, ...args) {
  const { stdout, stderr, code } = await doctor(url, "--json", ...args);
  assert.equal(stderr, "");
  const { checks } = JSON.parse(stdout);
  const failed = checks.filter(({ result }) => result === "fail");
  assert.equal(code, failed.length > 0 ? 1 : 0);
  for (const { name, result, mend } of checks)
    if (["warn", "fail"].includes(result)) assert.ok(mend, `${name} has no mend`);
  return { checks, failed: failed.map(({ name }) => name), of: (name) => checks.find((check) => check.name === name) };
}

/** A server in front of the gate: `change` may write another answer, or change its headers. */
async function proxied(gate, change, run) {
  const server = http.createServer(async (request, answer) => {
    const chunks = await Array.fromAsync(request);
    const body = ["GET", "HEAD"].includes(request.method) ? undefined : Buffer.concat(chunks);
    const { host, connection, "content-length": _, ...headers } = request.headers;
    const got = await fetch(new URL(request.url, gate.url), { method: request.method, headers, body });
    const given = { status: got.status, headers: Object.fromEntries(got.headers), body: await got.text() };
    delete given.headers["content-encoding"];
    delete given.headers["content-length"];
    change(given, request);
    answer.writeHead(given.status, given.headers).end(given.body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await run(`http://127.0.0.1:${server.address().port}`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("a gate", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: PRODUCTION });
  });
  after(() => gate?.close());

  test("that is right is green, also when tickets go through it", async () => {
    const { failed, checks, of } = await examined(gate.url, "--active");
    assert.deepEqual(failed, []);
    for (const name of ["single use", "the example's secret", "no login", "pages of strangers", "lifecycle", "race"])
      assert.equal(of(name).result, "pass", name);
    assert.ok(checks.length > 25);
  });

  test("is only read where nobody asked for more", async () => {
    gate.forgetLines();
    await examined(gate.url);
    const events = new Set(gate.events().map(({ event }) => event));
    for (const event of ["issued", "consumed", "store"]) assert.ok(!events.has(event), event);
  });

  test("is shown with what mends it, and a count", async () => {
    const { stdout, code } = await doctor(gate.url);
    assert.equal(code, 0);
    assert.match(stdout, /^promises$/m);
    assert.match(stdout, /^ {2}ok {4}single use: durable: one ticket opens one connection$/m);
    assert.match(stdout, /^\d+ passed, \d+ to look at, 0 failed, \d+ skipped$/m);
  });

  for (const [what, name, change] of [
    ["a proxy that lets answers be kept", "headers", ({ headers }) => delete headers["cache-control"]],
    [
      "a proxy that allows every origin",
      "pages of strangers",
      ({ headers }) => (headers["access-control-allow-origin"] = "*"),
    ],
    [
      "a proxy that drops upgrades",
      "upgrades",
      (given, { url }) => url === "/ws" && Object.assign(given, { status: 502, body: "" }),
    ],
    [
      "a catch-all page",
      "problems",
      (given) => given.status === 404 && Object.assign(given, { status: 200, body: "<html>" }),
    ],
    [
      "a clock that is an hour off",
      "clock",
      ({ headers }) => (headers.date = new Date(Date.now() - 3_600_000).toUTCString()),
    ],
    [
      "a login that anybody has",
      "no login",
      (given, { url }) =>
        url === "/ws-ticket" &&
        given.body.includes("identity_missing") &&
        Object.assign(given, { status: 200, body: "{}" }),
    ],
    ["another service", "answers", (given) => Object.assign(given, { status: 200, body: '{"status":"UP"}' })],
  ])
    test(`${what}: ${name}`, async () => {
      const { failed } = await proxied(gate, change, examined);
      assert.ok(failed.includes(name), failed.join(", "));
    });

  test("an older version is worth a look", async () => {
    const older = ({ body }, { url }) => url === "/health" && body.replace(/"version":"[^"]+"/, '"version":"0.0.9"');
    const change = (given, request) => Object.assign(given, { body: older(given, request) || given.body });
    assert.equal((await proxied(gate, change, examined)).of("version").result, "warn");
  });
});

for (const [what, vars, name, result = "fail"] of [
  [
    "the example's secret",
    { ...DEVELOPMENT, ...PRODUCTION, IDENTITY: "jwt", JWT_SECRET: EXAMPLE },
    "the example's secret",
  ],
  ["a setting that can't work", { ...PRODUCTION, TICKET_STORE: "nowhere" }, "configuration"],
  ["development", { ...DEVELOPMENT, TICKET_STORE: "memory" }, "development mode", "warn"],
  ["memory", { ...DEVELOPMENT, TICKET_STORE: "memory" }, "reach", "warn"],
  ["nothing behind it", { ...PRODUCTION, SESSION: undefined }, "session", "warn"],
])
  test(`a gate with ${what} is named: ${name}`, async (t) => {
    const gate = await startGate({ vars });
    t.after(() => gate.close());
    assert.equal((await examined(gate.url)).of(name).result, result);
  });

test("KV alone lets a ticket in twice", async (t) => {
  const gate = await startGate({
    vars: { ...PRODUCTION, TICKET_STORE: "kv", ALLOW_BEST_EFFORT: "true" },
    without: ["TICKET_SHARD"],
  });
  t.after(() => gate.close());
  const { failed } = await examined(gate.url);
  assert.deepEqual(failed, ["single use"]);
});

test("a Redis that is gone is trouble, once somebody has noticed", async (t) => {
  const closed = net.createServer();
  await new Promise((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address();
  await new Promise((resolve) => closed.close(resolve));
  const vars = { ...DEVELOPMENT, TICKET_STORE: "redis", REDIS_URL: `redis://127.0.0.1:${port}` };
  const gate = await startGate({ vars });
  t.after(() => gate.close());
  const { failed } = await examined(gate.url, "--active");
  assert.ok(failed.includes("lifecycle"), failed.join(", "));
});

test("no gate at all: the rest is looked at all the same", async () => {
  const { failed, of } = await examined("http://127.0.0.1:9");
  assert.deepEqual(failed, ["answers"]);
  assert.equal(of("tickets in the platform's logs").result, "pass");
});

test("plain http from elsewhere", async () => {
  assert.equal((await examined("http://gate.invalid")).of("transport").result, "fail");
});

describe("wrangler.jsonc", () => {
  let folder;
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-doctor-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [name, change, result = "fail"] of [
    ["tickets in the platform's logs", (config) => delete config.observability.redact_query_string],
    ["invocation logs", (config) => (config.observability.logs.invocation_logs = true)],
    ["secrets in the file", (config) => (config.vars.JWT_SECRET = SECRET)],
    ["development mode", (config) => (config.vars.ENVIRONMENT = "development")],
    ["single use", (config) => (config.vars.ALLOW_BEST_EFFORT = "true")],
    ["single use", (config) => (config.vars.ALLOW_BEST_EFFORT = true)],
    [
      "single use",
      (config) => Object.assign(config.vars, { TICKET_STORE: "kv , redis" }) && delete config.durable_objects,
    ],
    [
      "single use",
      (config) => Object.assign(config.vars, { TICKET_STORE: " " }) && delete config.kv_namespaces,
      "warn",
    ],
    ["secrets in the file", (config) => (config.vars.UPSTREAM_HEADERS = '{"X-Api-Key":"k"}'), "warn"],
    ["origins", (config) => (config.vars.ALLOWED_ORIGINS = "http://app.example.com")],
    ["rate limits", (config) => delete config.ratelimits, "warn"],
    [
      "deploys",
      (config) => Object.assign(config.vars, { SESSION: "hub" }) && delete config.durable_objects.code_update_strategy,
      "warn",
    ],
    ["other Workers", (config) => delete config.compatibility_flags, "warn"],
  ])
    test(`with a fault: ${name}`, async () => {
      const config = await projectConfig();
      change(config);
      const file = path.join(folder, "wrangler.json");
      writeFileSync(file, JSON.stringify(config));
      const { checks } = await examined("http://127.0.0.1:9", "--config", file);
      const found = checks.find((check) => check.group === "wrangler.jsonc" && check.name === name);
      assert.equal(found.result, result);
      assert.ok(!JSON.stringify(checks).includes(SECRET));
    });
});

test("a login isn't sent over plain http, except on this machine", async () => {
  const { tickets } = activeChecks(new URL("http://gate.example.com/"), { session: "echo" }, "login");
  assert.equal(tickets().result, "skip");
  for (const url of ["http://127.0.0.1:8787/", "https://gate.example.com/"])
    assert.ok("race" in activeChecks(new URL(url), { session: "echo" }, "login"), url);
});

describe("npm run deploy deploys nothing that a check refuses, and says why:", () => {
  let [folder, number] = [undefined, 0];
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-deploy-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const noRedaction = { observability: { enabled: true, redact_query_string: false } };
  for (const [what, change, more, environment, said, mend] of [
    ["the file", noRedaction, [], {}, /: tickets in the platform's logs, invocation logs$/m, /→ "observability"/],
    ["an environment of it", { env: { b: noRedaction } }, ["--env", "b"], {}, /: tickets in the platform's logs/, /→/],
    ["the same, in short", { env: { b: noRedaction } }, ["-e", "b"], {}, /: tickets in the platform's logs/, /→/],
    ["one that is named outside", { env: { b: noRedaction } }, [], { CLOUDFLARE_ENV: "b" }, /: tickets in the/, /→/],
    ["an environment that there isn't", {}, ["--env=b"], {}, /: environment$/m, /→ "env"/],
    ["an environment by another name", {}, ["--e", "b"], {}, /: --e would deploy/, /--config and --env/],
    ["a setting beside it", {}, ["--var", "IDENTITY:dev"], {}, /: --var changes settings/, /wrangler\.jsonc/],
  ])
    test(what, async () => {
      number += 1;
      const file = path.join(folder, `wrangler-${number}.json`);
      writeFileSync(file, JSON.stringify({ ...(await projectConfig()), ...change }));
      const args = [DEPLOY, "--dry-run", "--config", file, ...more];
      const options = { timeout: PATIENCE_MS, env: { ...process.env, ...environment } };
      const deploying = promisify(execFile)(process.execPath, args, options);
      const { stdout, stderr, code } = await deploying.catch((error) => error);
      assert.equal(code, 1);
      assert.match(stderr, /ws-ticket: not deployed: /);
      assert.match(stderr, said);
      assert.match(stderr, mend);
      assert.doesNotMatch(stdout, /dry-run: exiting/);
    });
});

test("what it isn't told is asked for in one line", async () => {
  for (const args of [[], ["gate.example.com"], ["http://127.0.0.1/?ticket=x"], ["http://127.0.0.1", "--bogus"]]) {
    const { stdout, stderr, code } = await doctor(...(args.length > 0 ? args : [""]));
    assert.deepEqual([stdout, code], ["", 1]);
    assert.match(stderr, /^ws-ticket: .*npm run doctor/);
  }
});
