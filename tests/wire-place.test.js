// Where the gate stands: BASE_PATH, PUBLIC_URL, and whom a gate for development serves.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { heard } from "./support/heard.js";
import { assertProblem } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { ED25519 } from "./support/signing-keys.js";
import { startUpstream } from "./support/upstream-server.js";

report();

/** Routes are checked against the document at the root, so here a request of our own below it. */
async function ask(gate, path, { method = "GET", headers = {}, body } = {}) {
  const answer = await fetch(new URL(path, gate.url), { method, headers, body, redirect: "manual" });
  const text = await answer.text();
  const json = /json/.test(answer.headers.get("content-type") ?? "") ? JSON.parse(text) : undefined;
  return { status: answer.status, headers: answer.headers, text, json };
}
const post = (gate, path, body, headers = {}) =>
  ask(gate, path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body ?? {}),
  });

describe("below a path", () => {
  let upstream;
  let gate;
  before(async () => {
    upstream = await startUpstream();
    const vars = {
      ...DEVELOPMENT,
      TICKET_STORE: "memory",
      BASE_PATH: "/a/rt",
      PAGE: "on",
      SESSION: "upstream",
      UPSTREAM_URL: `ws://127.0.0.1:${upstream.port}/up`,
      UPSTREAM_PRIVATE_KEY: ED25519,
      REDEEM_SECRET: "a secret to redeem with, of 32 bytes",
    };
    [gate] = await startGates([{ vars }]);
  });
  after(async () => {
    await gate?.close();
    await upstream?.close();
  });

  test("every route is there, also with a slash at its end, and the url leads there", async () => {
    for (const slash of ["", "/"]) {
      const { json } = await post(gate, `/a/rt/ws-ticket${slash}`, { sub: "alice" });
      const { host } = new URL(gate.url);
      assert.equal(json.url, `ws://${host}/a/rt/ws?ticket=${json.ticket}`);
      const socket = new WebSocket(json.url.replace("/ws?", `/ws${slash}?`));
      await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
      assert.equal(upstream.handshakes.at(-1).url, "/up");
      socket.close();
      assert.equal((await ask(gate, `/a/rt/health${slash}`)).json.status, "ok");
      assert.equal((await ask(gate, `/a/rt/.well-known/jwks.json${slash}`)).json.keys.length, 1);
      assert.equal((await post(gate, `/a/rt/ws-ticket/redeem${slash}`)).json.code, "redeem_refused");
      assert.equal((await ask(gate, `/a/rt/ws-ticket/auth${slash}`)).json.code, "redeem_refused");
      refused(2);
    }
    const { json } = await post(gate, "/a/rt/ws-ticket", { sub: "alice" });
    const below = new WebSocket(json.url.replace("/ws?", "/ws/a/rt/ws?"));
    await new Promise((resolve, reject) => below.on("open", resolve).on("error", reject));
    assert.equal(upstream.handshakes.at(-1).url, "/up/a/rt/ws");
    below.close();
  });

  test("everything else is not there", async () => {
    for (const path of [
      "/",
      "/ws-ticket",
      "/health",
      "/ws",
      "/a",
      "/a/rtx/health",
      "/A/RT/health",
      "/a/rt/a/rt/health",
    ]) {
      const answer = await ask(gate, path);
      assert.deepEqual([answer.status, answer.json?.code], [404, "not_found"], path);
      refused();
    }
    const posted = await post(gate, "/ws-ticket");
    assert.equal(posted.status, 404);
  });

  test("the page is there, with all that it names, and leads a visitor without the slash to it", async () => {
    const moved = await ask(gate, "/a/rt");
    assert.deepEqual([moved.status, moved.headers.get("location")], [307, "/a/rt/"]);
    const page = await ask(gate, "/a/rt/");
    assert.equal(page.status, 200);
    const named = [...page.text.matchAll(/(?:href|src)="([^"#:]+)"/g)].map(([, name]) => name);
    assert.ok(named.length > 10);
    for (const name of named) {
      const answer = await ask(gate, new URL(name, new URL("/a/rt/", gate.url)).pathname);
      assert.equal(answer.status, 200, name);
      assert.match(answer.headers.get("content-security-policy"), /default-src 'none'/);
    }
    const again = await ask(gate, "/a/rt/", { headers: { "If-None-Match": page.headers.get("etag") } });
    assert.equal(again.status, 304);
    const index = await ask(gate, "/a/rt/index.html");
    assert.deepEqual([index.status, index.headers.get("location")], [307, "/a/rt/"]);
    assert.equal((await ask(gate, "/a/rt/nowhere")).status, 404);
  });
});

describe("behind another name", () => {
  let gate;
  before(async () => {
    const vars = {
      ...DEVELOPMENT,
      TICKET_STORE: "memory",
      PUBLIC_URL: "https://app.example.com:8443",
      BASE_PATH: "/rt",
    };
    [gate] = await startGates([{ vars }]);
  });
  after(() => gate?.close());
  const OWN = "https://app.example.com:8443";

  test("the url and the gate's own origin are the public ones, whatever the request says of itself", async () => {
    const lies = { "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example", Forwarded: "host=evil.example" };
    const { json } = await post(gate, "/rt/ws-ticket", { sub: "alice" }, { Origin: OWN, ...lies });
    assert.equal(json.url, `wss://app.example.com:8443/rt/ws?ticket=${json.ticket}`);
    const local = json.url.replace("wss://app.example.com:8443", `ws://${new URL(gate.url).host}`);
    assert.match(await heard(new WebSocket(local, { headers: { Origin: OWN } })), /"alice"/);
    const second = await post(gate, "/rt/ws-ticket", {}, { Origin: "wss://app.example.com:8443" });
    assert.equal(second.status, 200);
  });

  test("other origins are others, that of the request's own URL too", async () => {
    for (const Origin of [
      new URL(gate.url).origin,
      "https://app.example.com",
      "http://app.example.com:8443",
      "https://evil.example",
    ]) {
      const answer = await post(gate, "/rt/ws-ticket", {}, { Origin });
      assert.deepEqual([answer.status, answer.json.code], [403, "origin_refused"], Origin);
      refused();
    }
  });
});

describe("in development", () => {
  let gates;
  before(async () => {
    const vars = { ...DEVELOPMENT, TICKET_STORE: "memory", DEVELOPMENT_HOSTS: "gate.tunnel.example,ws-ticket-1.test" };
    gates = await startGates([
      { vars },
      { vars: { ...vars, BASE_PATH: "/rt", IDENTITY: "jwt", JWT_SECRET: "x".repeat(32) } },
      { vars: { ENVIRONMENT: "production", JWT_SECRET: "x".repeat(32), DEVELOPMENT_HOSTS: "a.example" } },
    ]);
  });
  after(() => gates?.[0].close());

  test("this machine, private addresses and the hosts that are named are served", async () => {
    const [gate] = gates;
    for (const Host of [
      "localhost",
      "localhost:8787",
      "LOCALHOST",
      "localhost.",
      "app.localhost",
      "127.0.0.1",
      "127.8.7.6:1",
      "[::1]:8787",
      "10.0.0.7",
      "172.20.1.1",
      "192.168.1.20:8787",
      "169.254.0.9",
      "[fd12::1]",
      "[fe80::1]",
      "gate.tunnel.example",
      "Gate.Tunnel.Example:443",
    ]) {
      assert.equal((await gate.post({}, { Host })).status, 200, Host);
      assert.equal((await gate.request({ path: "/health", headers: { Host } })).json.status, "ok", Host);
    }
  });

  test("nobody else is, on no route, whatever else the request says; and /health says why", async () => {
    const [gate] = gates;
    for (const Host of [
      "gate.example.workers.dev",
      "gate.example.com",
      "tunnel.example",
      "x.gate.tunnel.example",
      "gate.tunnel.example.evil.example",
      "localhost.evil.example",
      "notlocalhost",
      "127.0.0.1.nip.io",
      "8.8.8.8",
      "172.32.0.1",
      "100.64.0.1",
      "[2001:db8::1]",
      "[::ffff:8.8.8.8]",
      "xn--lcalhost-1za.example",
    ]) {
      const headers = { Host, "X-Forwarded-Host": "localhost", Forwarded: "host=localhost" };
      const { detail } = assertProblem(await gate.post({}, headers), 500, "development_only");
      assert.match(detail, /DEVELOPMENT_HOSTS/);
      assertProblem(await gate.upgrade("x", { headers }), 500, "development_only");
      assertProblem(await gate.request({ path: "/", headers }), 500, "development_only");
      const health = await gate.request({ path: "/health", headers });
      assert.equal(health.status, 500);
      assert.equal(health.json.status, "misconfigured");
      assert.deepEqual(
        health.json.problems.map(({ name }) => name),
        ["ENVIRONMENT"],
      );
      refused(4);
    }
  });

  test("also where there is a login, for the operator took over more than one setting", async () => {
    const headers = { Host: "gate.example.com" };
    const direct = await gates[1].worker.fetch("https://gate.example.com/rt/ws-ticket", { method: "POST", headers });
    assert.equal((await direct.json()).code, "development_only");
    const health = await gates[1].worker.fetch("https://gate.example.com/rt/health");
    assert.deepEqual([health.status, (await health.json()).problems[0].name], [500, "ENVIRONMENT"]);
    refused(2);
  });

  test("production has no such hosts", async () => {
    const health = await gates[2].health();
    assert.deepEqual(
      health.problems.map(({ name }) => name),
      ["DEVELOPMENT_HOSTS"],
    );
    // Nobody knows what the base path of a gate that is misconfigured is.
    const below = await gates[2].worker.fetch("https://gate.example.com/any/where/health");
    assert.equal((await below.json()).status, "misconfigured");
    refused();
  });
});
