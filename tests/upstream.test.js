// SESSION=upstream: where the gate hands a socket on to, and what is told there. Servers are real: `ws` in Node, and a Worker of its own.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { until } from "./support/pace.js";
import { assertMisconfigured, assertProblem, assertRefused } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { startUpstream } from "./support/upstream-server.js";

report();

const APP = "https://app.example.com";
const UPSTREAM = { ...DEVELOPMENT, TICKET_STORE: "memory", ALLOWED_ORIGINS: APP, SESSION: "upstream" };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const AUTHORIZATION = "Bearer the-vendors-key";
const WORKER = "tests/fixtures/upstream-worker.js";

/** Opens a socket through the gate: `{ status }` of a refusal, else `{ status: 101, protocol, first, socket }`. */
async function open(gate, path, { ticket, protocols = [], headers = {}, waits = false } = {}) {
  const url = `ws://${new URL(gate.url).host}${path}${path.includes("?") ? "&" : "?"}ticket=${ticket}`;
  const socket = new WebSocket(url, protocols, { headers: { ...gate.headers, ...headers } });
  const first = waits && new Promise((resolve) => socket.once("message", (text) => resolve(JSON.parse(String(text)))));
  const status = await new Promise((resolve, reject) => {
    socket.on("open", () => resolve(101));
    socket.on("unexpected-response", (_, answer) => resolve(answer.statusCode));
    socket.on("error", reject);
  });
  return { status, protocol: socket.protocol, first: await first, socket };
}

describe("to a URL", () => {
  let upstream;
  let gates;
  let gate;
  let vendor;
  before(async () => {
    upstream = await startUpstream({ subprotocol: "chat.v2" });
    const at = (path) => `ws://127.0.0.1:${upstream.port}${path}`;
    const nobody = await new Promise((resolve) => {
      const server = net.createServer().listen(0, "127.0.0.1", () => {
        const { port } = server.address();
        server.close(() => resolve(port));
      });
    });
    const more = { X_One: "1", "X-Two": "a b" };
    gates = await startGates([
      { vars: { ...UPSTREAM, UPSTREAM_URL: at("/live?model=m"), UPSTREAM_TIMEOUT_MS: "400", TICKET_CLAIMS: "" } },
      {
        vars: {
          ...UPSTREAM,
          UPSTREAM_URL: at("/v1"),
          UPSTREAM_IDENTITY: "none",
          UPSTREAM_AUTHORIZATION: AUTHORIZATION,
          UPSTREAM_HEADERS: JSON.stringify(more),
        },
      },
      { vars: { ...UPSTREAM, UPSTREAM_URL: `http://127.0.0.1:${nobody}/` } },
      { vars: { ...UPSTREAM } },
      { vars: { ...UPSTREAM, UPSTREAM_URL: at("/"), SESSION: "" } },
    ]);
    [gate, vendor] = gates;
  });
  after(async () => {
    await gate?.close();
    await upstream?.close();
  });

  const fresh = async (body = { sub: "alice" }) => (await gate.issue(body)).ticket;
  const last = () => upstream.handshakes.at(-1);

  test("the path below /ws and the query without the ticket go below the upstream's own; nothing else of the URL can be chosen", async () => {
    for (const [path, url] of [
      ["/ws", "/live?model=m"],
      ["/ws/", "/live?model=m"],
      ["/ws/room/a%20b", "/live/room/a%20b?model=m"],
      ["/ws/room/?a=1&b=%26", "/live/room/?model=m&a=1&b=%26"],
      ["/ws/x?model=mine&%6dodel=mine&a", "/live/x?model=m&a"],
      ["/ws//evil.example/x", "/live//evil.example/x?model=m"],
      ["/ws/http://evil.example", "/live/http://evil.example?model=m"],
      ["/ws/%2F%2f", "/live/%2F%2f?model=m"],
    ]) {
      const { status, socket } = await open(gate, path, { ticket: await fresh() });
      assert.equal(status, 101, path);
      assert.equal(last().url, url, path);
      assert.equal(last().headers.host, `127.0.0.1:${upstream.port}`);
      socket.close();
    }
  });

  test("a path that leads up is no route, and burns nothing", async () => {
    const ticket = await fresh();
    const before = upstream.handshakes.length;
    for (const path of [
      "/ws/%2e%2e%2fadmin",
      "/ws/a%2f..%2f..",
      "/ws/..%5cadmin",
      "/ws/%252e%252e/x",
      "/ws/%2e%2fx",
      "/ws/..;/admin",
    ]) {
      assertProblem(await gate.upgrade(ticket, { path }), 404, "not_found", { never: [ticket] });
      refused();
    }
    assert.equal(upstream.handshakes.length, before);
    assert.equal(await gate.opens(ticket), 101);
  });

  test("who comes is in headers, in ASCII", async () => {
    const { ticket } = await gate.issue({ sub: "张三, x=1", room: "a b/ü" });
    const { socket } = await open(gate, "/ws", { ticket });
    const { headers } = last();
    assert.equal(decodeURIComponent(headers["x-ticket-subject"]), "张三, x=1");
    assert.match(headers["x-ticket-subject"], /^[A-Za-z0-9%]+$/);
    assert.equal(decodeURIComponent(headers["x-ticket-room"]), "a b/ü");
    assert.match(headers["x-ticket-id"], UUID);
    assert.match(headers["x-ticket-session"], UUID);
    const left = Number(headers["x-ticket-expires"]) - Date.now() / 1000;
    assert.ok(left > 200 && left <= 300, `${left} s`);
    const [consumed] = await gate.eventually(
      ({ event, session }) => event === "consumed" && session === headers["x-ticket-session"],
    );
    assert.equal(consumed.ticket_id, headers["x-ticket-id"]);
    assert.ok(!("x-ticket-claims" in headers) && !("x-ticket-assertion" in headers));
    socket.close();
    const { socket: other } = await open(gate, "/ws", { ticket: await fresh() });
    assert.ok(!("x-ticket-room" in last().headers));
    other.close();
  });

  test("whatever the client says under these names is taken out, in every spelling, and so are its logins", async () => {
    const forged = Object.fromEntries(
      `X-Ticket-Subject x-ticket-subject X_Ticket_Subject X-Ticket_Room x_ticket_claims X-Ticket-Assertion X_TICKET_ASSERTION
      X-Ticket-Room X.Ticket.Room X-Ticket-Claims X~Ticket~Id X-Ticket-Anything Cookie Authorization Proxy-Authorization proxy_authorization
      Cf-Access-Jwt-Assertion CF_Access_Jwt_Assertion`
        .split(/\s+/)
        .map((name) => [name, "forged"]),
    );
    const kept = { "X-Own": "kept", "User-Agent": "kept/1", "X-Ticketing": "kept" };
    const ticket = await fresh({ sub: "alice" });
    const { socket } = await open(gate, "/ws", { ticket, headers: { ...forged, ...kept } });
    const { rawHeaders, headers } = last();
    assert.ok(!rawHeaders.includes("forged"), rawHeaders.join("\n"));
    const told = rawHeaders.filter((name, at) => at % 2 === 0 && /^x[^a-z0-9]ticket[^a-z0-9]/i.test(name));
    assert.deepEqual(
      told.map((name) => name.toLowerCase()).sort(),
      ["expires", "id", "session", "session-expires", "subject"].map((name) => `x-ticket-${name}`),
    );
    assert.equal(headers["x-ticket-subject"], "alice");
    for (const [name, value] of Object.entries(kept)) assert.equal(headers[name.toLowerCase()], value);
    assert.ok(!rawHeaders.join("\n").includes(ticket));
    refused(Object.keys(forged).length);
    socket.close();
  });

  test("subprotocols: the app's go on without ours and the ticket, the chosen one comes back, and ours stands in where none is", async () => {
    const offered = () => last().headers["sec-websocket-protocol"];
    const cases = [
      [["ws-ticket.v1"], "/ws", undefined, "ws-ticket.v1"],
      [["ws-ticket.v1", "chat.v1", "chat.v2"], "/ws", "chat.v1, chat.v2", "chat.v2"],
      [["chat.v2", "chat.v1"], "/ws/chooses-chat.v1", "chat.v2, chat.v1", "chat.v1"],
      [["ws-ticket.v1", "chat.v1"], "/ws/chooses-other", "chat.v1", "ws-ticket.v1"],
      [[], "/ws", undefined, ""],
    ];
    for (const [protocols, path, goes, comes] of cases) {
      const { protocol, socket } = await open(gate, path, { ticket: await fresh(), protocols });
      assert.equal(offered(), goes);
      assert.equal(protocol, comes);
      socket.close();
    }
    // The ticket among the subprotocols.
    const ticket = await fresh();
    const url = `ws://${new URL(gate.url).host}/ws`;
    const socket = new WebSocket(url, ["ws-ticket.v1", ticket, "chat.v2"]);
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    assert.equal(socket.protocol, "chat.v2");
    assert.equal(offered(), "chat.v2");
    socket.close();
  });

  test("the 101 is the gate's own: of the upstream's headers none comes along", async () => {
    const answer = await gate.upgrade(await fresh(), { path: "/ws/cookie" });
    assert.equal(answer.status, 101);
    for (const name of ["set-cookie", "x-own"]) assert.ok(!(name in answer.headers), name);
    await answer.leave();
  });

  test("what isn't a socket is told apart, without a word of the upstream's, and the ticket is burnt", async () => {
    for (const [path, status, code] of [
      ["answer-401", 502, "upstream_refused"],
      ["answer-403", 502, "upstream_refused"],
      ["answer-200", 502, "upstream_failed"],
      ["answer-302", 502, "upstream_failed"],
      ["answer-307", 502, "upstream_failed"],
      ["answer-404", 502, "upstream_failed"],
      ["answer-426", 502, "upstream_failed"],
      ["answer-500", 502, "upstream_failed"],
      ["answer-503", 502, "upstream_failed"],
      ["cut", 502, "upstream_failed"],
      ["speaks-other", 502, "upstream_failed"],
      ["silent", 504, "upstream_timeout"],
      ["late-900", 504, "upstream_timeout"],
    ]) {
      const ticket = await fresh();
      const before = upstream.handshakes.length;
      const protocols = path === "speaks-other" ? { "Sec-WebSocket-Protocol": "chat.v1" } : {};
      const answer = await gate.upgrade(ticket, { path: `/ws/${path}`, headers: protocols });
      const { detail } = assertProblem(answer, status, code, { never: [ticket, "the server's own words"] });
      assert.match(detail, /used up/);
      assert.ok(!("x-own" in answer.headers) && !("location" in answer.headers));
      // No redirect is followed, and nothing is tried twice.
      assert.equal(upstream.handshakes.length, before + 1, path);
      assertRefused(await gate.upgrade(ticket));
      const [event] = await gate.eventually(({ event, reason }) => event === "refused" && reason === code);
      assert.match(event.ticket_id, UUID);
      refused();
    }
    // What came too late, or spoke what nobody asked for, isn't left open.
    await until(
      () => upstream.sockets.size === 0,
      () => `${upstream.sockets.size} sockets are still open`,
    );
  });

  test("an upstream that is down fails, and one that stands nowhere is refused at the start", async () => {
    const { ticket } = await gates[2].issue();
    assertProblem(await gates[2].upgrade(ticket), 502, "upstream_failed");
    assertRefused(await gates[2].upgrade(ticket));
    await assertMisconfigured(gates[3], "UPSTREAM_URL");
    await assertMisconfigured(gates[4], "UPSTREAM_URL", { never: [String(upstream.port)] });
    refused(4);
  });

  test("before the ticket everything is refused as ever: the upstream hears of nothing", async () => {
    const before = upstream.handshakes.length;
    const ticket = await fresh();
    assertRefused(await gate.upgrade(`${ticket.slice(0, -1)}${ticket.endsWith("A") ? "E" : "A"}`, { path: "/ws/x" }));
    assertProblem(await gate.request({ path: `/ws/x?ticket=${ticket}` }), 426, "upgrade_required");
    assertProblem(await gate.upgrade(ticket, { path: "/ws/x", headers: { Origin: "https://evil.example" } }), 403);
    assertProblem(await gate.upgrade(ticket, { path: "/ws/x", query: "" }), 400, "ticket_missing");
    assertProblem(await gate.request({ method: "POST", path: "/ws/x" }), 405, "method_not_allowed");
    assert.equal(upstream.handshakes.length, before);
    refused(5);
    assert.equal(await gate.opens(ticket, { path: "/ws/x" }), 101);
  });

  test("one ticket, one connection: of fifty at once the upstream sees one", async () => {
    const ticket = await fresh();
    const before = upstream.handshakes.length;
    const statuses = await Promise.all(Array.from({ length: 50 }, () => gate.opens(ticket, { path: "/ws/race" })));
    assert.equal(statuses.filter((status) => status === 101).length, 1);
    assert.equal(upstream.handshakes.length, before + 1);
    refused(49);
  });

  test("a vendor's socket: its key is put on, and of the client nothing but what it offers and says", async () => {
    const { ticket } = await vendor.issue({ sub: "alice", room: "a" });
    const headers = {
      "User-Agent": "the-clients",
      "X-Own": "the-clients",
      X_one: "the-clients",
      x_two: "the-clients",
    };
    const { socket } = await open(vendor, "/ws/chooses-realtime", { ticket, headers, protocols: ["realtime"] });
    const { url, headers: told, rawHeaders } = last();
    assert.equal(url, "/v1/chooses-realtime");
    assert.equal(told.authorization, AUTHORIZATION);
    assert.equal(told.x_one, "1");
    assert.equal(told["x-two"], "a b");
    assert.equal(told["sec-websocket-protocol"], "realtime");
    assert.ok(!rawHeaders.join("\n").includes("the-clients"));
    assert.ok(!rawHeaders.some((text) => /^x-ticket/i.test(text) || /alice/.test(text)), rawHeaders.join("\n"));
    socket.close();
  });

  test("there is no ping, for nobody knows what the upstream answers; /health says what stands behind", async () => {
    const issued = await gate.issue();
    assert.ok(!("ping" in issued) && issued.url.includes("/ws?ticket="));
    const health = await gate.health();
    assert.equal(health.session, "upstream");
    assert.equal(health.status, "ok");
    assert.ok(!JSON.stringify(health).includes(String(upstream.port)));
    const keys = await gate.request({ path: "/.well-known/jwks.json" });
    assertProblem(keys, 404, "not_found");
  });
});

describe("to a service binding", () => {
  let gates;
  let gate;
  before(async () => {
    const bound = (vars = {}) => ({ vars: { ...UPSTREAM, UPSTREAM_TIMEOUT_MS: "400", ...vars }, behind: 4 });
    gates = await startGates([
      bound(),
      bound({ UPSTREAM_CREDENTIALS: "pass" }),
      bound({ SESSION: "echo" }),
      bound({ UPSTREAM_URL: "https://app.example" }),
      { main: WORKER },
    ]);
    gate = gates[0];
  });
  after(() => gate?.close());

  const secrets = { Cookie: "session=s", Authorization: "Bearer a" };

  test("the Worker sees the gate's own URL, the client's place and who comes", async () => {
    const { ticket } = await gate.issue({ sub: "alice" }, { Origin: APP });
    const headers = { ...secrets, Origin: APP, "CF-Connecting-IP": "192.0.2.1" };
    const { first, socket } = await open(gate, "/ws/room/red?a=1", { ticket, headers, waits: true });
    const { pathname, search, host } = new URL(first.url);
    assert.equal(pathname + search, "/room/red?a=1");
    assert.equal(host, new URL(gate.url).host);
    assert.equal(first.headers["x-ticket-subject"], "alice");
    assert.equal(first.headers.origin, APP);
    assert.ok(!("cookie" in first.headers) && !("authorization" in first.headers));
    assert.equal(typeof first.country, "string");
    socket.close();
  });

  test("logins go on only where a setting says so", async () => {
    const { ticket } = await gates[1].issue({ sub: "alice" });
    const { first, socket } = await open(gates[1], "/ws", {
      ticket,
      headers: { ...secrets, X_Cookie: "x", authorization_: "x" },
      waits: true,
    });
    assert.equal(first.headers.cookie, secrets.Cookie);
    assert.equal(first.headers.authorization, secrets.Authorization);
    socket.close();
  });

  test("a Worker that throws, forbids, answers a page, speaks otherwise or is silent", async () => {
    for (const [word, status, code] of [
      ["throws", 502, "upstream_failed"],
      ["forbids", 502, "upstream_refused"],
      ["plain", 502, "upstream_failed"],
      ["chooses-other", 502, "upstream_failed"],
      ["silent", 504, "upstream_timeout"],
    ]) {
      const { ticket } = await gate.issue();
      const answer = await gate.upgrade(ticket, { path: `/ws/${word}` });
      assertProblem(answer, status, code, { never: ["planted-by-the-upstream", ticket] });
      assertRefused(await gate.upgrade(ticket));
      refused();
    }
  });

  test("a binding without SESSION=upstream, or beside a URL, is refused at the start", async () => {
    await assertMisconfigured(gates[2], "UPSTREAM");
    await assertMisconfigured(gates[3], "UPSTREAM_URL");
    refused(2);
  });
});
