// Every answer that docs/openapi.yaml declares is one that the gate gives: each is provoked here, from outside, and no more than
// these few can't be.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { control, TOKEN } from "./support/control.js";
import { REDEEM_SECRET } from "./support/doors.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { bearer, good, inSeconds, mint, SECRET } from "./support/jwt.js";
import { askMetrics } from "./support/metrics.js";
import { contract, document } from "./support/openapi.js";
import { SEAL_KEY } from "./support/rows.js";
import { ED25519, ZERO } from "./support/signing-keys.js";
import { kvKey, strange } from "./support/tickets.js";
import { startUpstream } from "./support/upstream-server.js";

/** Declared, because nobody can be promised that it never comes, and out of a test's reach. */
const OUT_OF_REACH = [
  // A preflight calls nothing of the platform that could be made to fail.
  "OPTIONS /ws-ticket 500 internal_error",
];

const APP = "https://app.example.com";
const IDP = "https://idp.example";
const page = { Origin: APP };
const evil = { Origin: "https://evil.example" };
/** A host that no URL can have: punycode for nothing. */
const noHost = { Host: "xn--.example" };
/** One that is on the internet. */
const strangeHost = { Host: "gate.example.com" };
/** A handshake as the client sent it; workerd's own proxies would mend it on the way (see `faulty-entry.js`). */
const oldVersion = { "x-edge-headers": JSON.stringify({ "sec-websocket-version": "12" }) };
const throws = { how: "throw" };
const KEYS = "/.well-known/jwks.json";
/** What a server behind the gate does: see `upstream-server.js`. */
const WORDS = ["answer-403", "answer-200", "silent"];
const over = { how: "answer", value: { success: false } };
/** Limits count refusals of addresses. */
const address = { "CF-Connecting-IP": "192.0.2.1" };

/** The app's login, for IDENTITY=forward: its cookie is the status that it answers with. */
async function startLogin() {
  const server = http.createServer(({ headers }, response) => {
    const status = Number(/status=(\d+)/.exec(headers.cookie)?.[1]);
    response.writeHead(status, { "Content-Type": "application/json" }).end('{"sub":"alice"}');
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
}

describe("every declared answer is given", () => {
  let [
    login,
    upstream,
    gates,
    gate,
    jwt,
    forward,
    strict,
    broken,
    sealed,
    redeeming,
    none,
    up,
    keyed,
    zero,
    hub,
    logout,
    monitored,
    unmonitored,
    bare,
  ] = [];
  const roots = {};
  before(async () => {
    login = await startLogin();
    const vars = { ...DEVELOPMENT, TICKET_STORE: "kv", ALLOWED_ORIGINS: APP };
    upstream = await startUpstream();
    const behind = (word) => ({
      ...vars,
      SESSION: "upstream",
      UPSTREAM_URL: `http://127.0.0.1:${upstream.port}/${word}`,
      UPSTREAM_TIMEOUT_MS: "500",
    });
    gates = await startGates([
      { vars: { ...vars, TICKET_CARRIAGE: "query", PAGE: "on" }, edge: true },
      { vars: { ...vars, IDENTITY: "jwt", JWT_SECRET: SECRET } },
      { vars: { ...vars, IDENTITY: "forward", AUTH_URL: login.url } },
      {
        vars: {
          ...vars,
          TICKET_STORE: "memory",
          TICKET_CARRIAGE: "subprotocol",
          BIND: "cookie",
          TICKET_KEY: "k".repeat(32),
        },
      },
      { vars: { ENVIRONMENT: "sekret" } },
      { vars: { ...vars, TICKET_STORE: "sealed", SEAL_KEY } },
      { vars: { ...vars, REDEEM_SECRET }, edge: true, limits: { REFUSAL_LIMIT: 1 } },
      { vars: { ...vars, SESSION: "none" } },
      { vars: { ...behind(""), TICKET_CARRIAGE: "query" }, edge: true },
      { vars: { ...behind(""), UPSTREAM_PRIVATE_KEY: ED25519 } },
      { vars: { ...behind(""), UPSTREAM_PRIVATE_KEY: ZERO } },
      ...WORDS.map((word) => ({ vars: behind(word) })),
      { vars: { ...vars, SESSION: "hub", ROOM_MEMBERS_MAX: "1", ADMIN_TOKEN: TOKEN }, edge: true },
      {
        vars: { ...vars, IDENTITY: "jwt", JWT_SECRET: SECRET, JWT_ISSUER: IDP, LOGOUT_AUDIENCE: "app" },
        edge: true,
      },
      { vars: { ...vars, ADMIN_TOKEN: TOKEN }, monitor: "TicketMonitor", edge: true },
      // An object that knows nothing of metrics.
      { vars: { ...vars, ADMIN_TOKEN: TOKEN }, monitor: "TicketRoom" },
    ]);
    [hub, logout, monitored, unmonitored] = gates.slice(-4);
    [gate, jwt, forward, strict, broken, sealed, redeeming, none, up, keyed, zero] = gates;
    for (const [index, word] of WORDS.entries()) roots[word] = gates[11 + index];
    bare = (method, path, headers) => gate.request({ method, path, headers });
  });
  after(async () => {
    await gates?.[0].close();
    await login?.close();
    await upstream?.close();
  });

  const session = (status) => ({ ...page, Cookie: `status=${status}` });
  const ws = (ticket, headers, query) => gate.upgrade(ticket, { headers, query });
  /** The answer of `send` while the edge has the faults of `plan`. */
  async function during(plan, send, at = gate) {
    await at.edge(plan);
    try {
      return await send();
    } finally {
      await at.edge();
    }
  }
  /** As a proxy asks, with a ticket of its own and the secret, but for what is said. */
  async function authorized(more = {}) {
    const uri = more["X-Original-URI"] ?? `/socket?ticket=${(await redeeming.issue()).ticket}`;
    const own = { Authorization: `Bearer ${REDEEM_SECRET}`, "X-Request-ID": randomUUID(), "X-Original-URI": uri };
    return redeeming.request({ path: "/ws-ticket/auth", headers: { ...own, ...more } });
  }
  /** With a ticket of its own and the secret, but for what is said. */
  async function redeem(presented = {}, options = {}) {
    const ticket = presented.ticket ?? (await redeeming.issue()).ticket;
    const asked = { ticket, attempt: randomUUID(), ...presented };
    return redeeming.redeem(asked, { secret: REDEEM_SECRET, ...options });
  }
  async function corrupt(path) {
    const from = path === "/ws" ? gate : up;
    const { ticket } = await from.issue();
    await (await from.kv()).put(kvKey(ticket), "not JSON", { expirationTtl: 60 });
    return from.upgrade(ticket, { path });
  }
  /** What the server behind the gate makes of a socket at its root, and below it. */
  const at = async (word) => roots[word].upgrade((await roots[word].issue()).ticket);
  const below = async (word) => up.upgrade((await up.issue()).ticket, { path: `/ws/${word}` });
  /** What is answered alike on `/ws` and below it. */
  function sockets(name, path, { refuses, fails, hangs }) {
    const to = () => (path === "/ws" ? gate : up);
    const open = (ticket, headers, query) => to().upgrade(ticket, { path, headers, query });
    const offered = { "Sec-WebSocket-Protocol": `ws-ticket.v1, ${strange("k")}` };
    const all = {
      "GET 400 handshake_invalid": () => open("x", oldVersion),
      "GET 400 subprotocol_invalid": () => open("x", { "Sec-WebSocket-Protocol": "a, a" }),
      "GET 400 ticket_missing": () => open("", {}, "a=b"),
      "GET 400 ticket_repeated": () => open("", {}, "ticket=x&ticket=x"),
      "GET 400 carriage_refused": () => open("", offered, "a=b"),
      "GET 400 ticket_malformed": () => open("x"),
      "GET 400 request_malformed": () => open("x", noHost),
      "GET 401 ticket_refused": () => open(strange("k")),
      "GET 403 origin_refused": () => open("x", evil),
      "GET 426 upgrade_required": () => to().request({ path }),
      "GET 500 misconfigured": () => broken.upgrade("x", { path }),
      "GET 502 upstream_refused": refuses,
      "GET 502 upstream_failed": fails,
      "GET 503 store_unavailable": () =>
        during({ kv: { get: throws, getWithMetadata: throws } }, () => open(strange("k")), to()),
      "GET 504 upstream_timeout": hangs,
      "* 400 request_malformed": () => to().request({ method: "POST", path, headers: noHost }),
      "* 405 method_not_allowed": () => to().request({ method: "POST", path }),
      "* 500 misconfigured": () => broken.request({ method: "POST", path }),
    };
    return Object.fromEntries(Object.entries(all).map(([key, send]) => [key.replace(" ", ` ${name} `), send]));
  }
  /** The routes for operators, which answer alike. */
  function controls() {
    const bodies = {
      "/ws-ticket/revoke": { ticket: "x" },
      "/sessions/end": { subject: "a" },
      "/sessions/extend": { subject: "a", seconds: 60 },
      "/sessions/list": { subject: "a" },
    };
    const all = Object.entries(bodies).flatMap(([path, body]) => {
      const ask = (more = {}, token = TOKEN) => {
        const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...more.headers };
        return hub.request({ method: "POST", path, headers, body: JSON.stringify({ ...body, ...more.body }) });
      };
      const noAnswer = async () => {
        const { ticket } = await hub.issue();
        const more = path === "/ws-ticket/revoke" ? { body: { ticket } } : {};
        return during({ kv: { get: throws }, shard: { fetch: throws } }, () => ask(more), hub);
      };
      return [
        [`POST ${path} 200`, () => ask()],
        [`POST ${path} 400 body_malformed`, () => ask({ body: { more: 1 } })],
        [`POST ${path} 400 request_malformed`, () => ask({ headers: noHost })],
        [`POST ${path} 401 admin_refused`, () => ask({}, "x")],
        [`POST ${path} 404 not_found`, () => jwt.request({ method: "POST", path })],
        [`POST ${path} 413 body_too_large`, () => ask({ body: { subject: "s".repeat(5000) } })],
        [`POST ${path} 415 media_type_unsupported`, () => ask({ headers: { "Content-Type": "text/plain" } })],
        [`POST ${path} 500 misconfigured`, () => broken.request({ method: "POST", path })],
        [`POST ${path} 500 internal_error`, () => during({ platform: ["answer"] }, () => ask(), hub)],
        [`POST ${path} 503 store_unavailable`, noAnswer],
        [`* ${path} 400 request_malformed`, () => hub.request({ path, headers: noHost })],
        [`* ${path} 404 not_found`, () => jwt.request({ path })],
        [`* ${path} 405 method_not_allowed`, () => hub.request({ path })],
        [`* ${path} 500 misconfigured`, () => broken.request({ path })],
      ];
    });
    const noRoom = (path, more) => async () => {
      // Of a subject of its own: an end also ends the tickets of a moment later.
      const member = await entered(path);
      const asked = () => control(hub, path, { subject: path, ...more });
      const answer = await during({ room: { ask: throws } }, asked, hub);
      await member.leave();
      return answer;
    };
    return {
      ...Object.fromEntries(all),
      "POST /ws-ticket/revoke 500 record_corrupt": async () => {
        const { ticket } = await hub.issue();
        await (await hub.kv()).put(kvKey(ticket), "not JSON", { expirationTtl: 60 });
        return control(hub, "/ws-ticket/revoke", { ticket });
      },
      "POST /sessions/end 503 room_unavailable": noRoom("/sessions/end"),
      "POST /sessions/extend 503 room_unavailable": noRoom("/sessions/extend", { seconds: 60 }),
      "POST /sessions/list 503 room_unavailable": noRoom("/sessions/list"),
    };
  }
  /** What an identity provider says. */
  function logouts() {
    const path = "/backchannel-logout";
    const said = () => ({
      ...{ iss: IDP, aud: "app", sub: "alice", jti: randomUUID(), iat: inSeconds(0), exp: inSeconds(60) },
      events: { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    const send = (token = mint(said()), headers = {}) => {
      const type = { "Content-Type": "application/x-www-form-urlencoded" };
      const body = `logout_token=${token}`;
      return logout.request({ method: "POST", path, headers: { ...type, ...headers }, body });
    };
    const noAnswer = () => during({ shard: { fetch: throws } }, () => send(), logout);
    return {
      [`POST ${path} 200`]: () => send(),
      [`POST ${path} 400 body_malformed`]: () => send(""),
      [`POST ${path} 400 request_malformed`]: () => send("x", noHost),
      [`POST ${path} 400 logout_token_refused`]: () => send("x"),
      [`POST ${path} 400 logout_failed`]: noAnswer,
      [`POST ${path} 404 not_found`]: () => jwt.request({ method: "POST", path }),
      [`POST ${path} 413 body_too_large`]: () => send("x".repeat(30_000)),
      [`POST ${path} 500 misconfigured`]: () => broken.request({ method: "POST", path }),
      [`POST ${path} 500 internal_error`]: () => during({ platform: ["answer"] }, () => send(), logout),
      [`* ${path} 400 request_malformed`]: () => logout.request({ path, headers: noHost }),
      [`* ${path} 404 not_found`]: () => jwt.request({ path }),
      [`* ${path} 405 method_not_allowed`]: () => logout.request({ path }),
      [`* ${path} 500 misconfigured`]: () => broken.request({ path }),
    };
  }
  /** In a room that has a place for one. */
  async function entered(sub = "dev") {
    const { ticket } = await hub.issue({ sub, room: "small" });
    const answer = await hub.upgrade(ticket);
    if (answer.status === 101) await answer.message();
    return answer;
  }
  async function admitted() {
    const answer = await ws((await gate.issue()).ticket);
    await answer.message();
    await answer.leave();
    return answer;
  }
  async function unchanged(method) {
    const { headers } = await bare(method, "/");
    return bare(method, "/", { "If-None-Match": headers.etag });
  }

  const provoked = {
    "POST /ws-ticket 200": () => gate.post(),
    "POST /ws-ticket 400 body_malformed": () => jwt.post({ sub: "alice" }, bearer(good())),
    "POST /ws-ticket 400 request_malformed": () => gate.post(undefined, noHost),
    "POST /ws-ticket 401 identity_missing": () => jwt.post(),
    "POST /ws-ticket 401 identity_refused": () => jwt.post(undefined, bearer("x")),
    "POST /ws-ticket 403 origin_refused": () => gate.post(undefined, evil),
    "POST /ws-ticket 403 fetch_mode_refused": () => gate.post(undefined, { "Sec-Fetch-Mode": "navigate" }),
    "POST /ws-ticket 403 identity_forbidden": () => forward.post(undefined, session(403)),
    "POST /ws-ticket 403 room_refused": () => jwt.post({ room: "b" }, bearer(good("alice", { rooms: ["a"] }))),
    "POST /ws-ticket 413 body_too_large": () => gate.post(" ".repeat(4097)),
    "POST /ws-ticket 415 media_type_unsupported": () => gate.post("{}", { "Content-Type": "text/plain" }),
    "POST /ws-ticket 422 grant_too_large": () => sealed.post({ sub: "s".repeat(256), room: "r".repeat(128) }),
    "POST /ws-ticket 429 rate_limited": () => during({ issue_limit: { limit: over } }, () => gate.post()),
    "POST /ws-ticket 500 internal_error": () => during({ platform: ["answer"] }, () => gate.post({}, page)),
    "POST /ws-ticket 500 misconfigured": () => broken.post(),
    "POST /ws-ticket 503 store_unavailable": () => during({ kv: { put: throws } }, () => gate.post()),
    "POST /ws-ticket 503 identity_unavailable": () => forward.post(undefined, session(500)),
    "POST /ws-ticket 503 limiter_unavailable": () => during({ issue_limit: { limit: throws } }, () => gate.post()),
    "POST /ws-ticket/redeem 200": () => redeem(),
    "POST /ws-ticket/redeem 400 body_malformed": () => redeem({ more: 1 }),
    "POST /ws-ticket/redeem 400 request_malformed": () => redeem({}, { headers: noHost }),
    "POST /ws-ticket/redeem 401 redeem_refused": () => redeem({}, { secret: "x" }),
    "POST /ws-ticket/redeem 404 not_found": () => jwt.redeem({}),
    "POST /ws-ticket/redeem 413 body_too_large": () => redeem({ cookie: "x".repeat(17_000) }),
    "POST /ws-ticket/redeem 415 media_type_unsupported": () =>
      redeem({}, { headers: { "Content-Type": "text/plain" } }),
    "POST /ws-ticket/redeem 429 rate_limited": async () => {
      const presented = { ticket: "x", address: "203.0.113.9" };
      for (let time = 0; time < 3; time += 1) await redeem(presented);
      return redeem(presented);
    },
    "POST /ws-ticket/redeem 500 misconfigured": () => broken.redeem({}),
    "POST /ws-ticket/redeem 500 internal_error": () =>
      during({ platform: ["answer"] }, () => redeem({ ticket: "x" }), redeeming),
    "POST /ws-ticket/redeem 500 record_corrupt": async () => {
      const { ticket } = await redeeming.issue();
      await (await redeeming.kv()).put(kvKey(ticket), "not JSON", { expirationTtl: 60 });
      return redeem({ ticket });
    },
    "POST /ws-ticket/redeem 503 store_unavailable": async () => {
      const { ticket } = await redeeming.issue();
      return during({ kv: { get: throws } }, () => redeem({ ticket }), redeeming);
    },
    "* /ws-ticket/redeem 400 request_malformed": () => bare("GET", "/ws-ticket/redeem", noHost),
    "* /ws-ticket/redeem 404 not_found": () => jwt.request({ path: "/ws-ticket/redeem" }),
    "* /ws-ticket/redeem 405 method_not_allowed": () => redeeming.request({ path: "/ws-ticket/redeem" }),
    "* /ws-ticket/redeem 500 misconfigured": () => broken.request({ path: "/ws-ticket/redeem" }),
    ...controls(),
    ...logouts(),
    "GET /ws-ticket/auth 200": () => authorized(),
    "GET /ws-ticket/auth 400 original_malformed": () => authorized({ "X-Request-ID": "1" }),
    "GET /ws-ticket/auth 400 request_malformed": () => authorized(noHost),
    "GET /ws-ticket/auth 401 redeem_refused": () => authorized({ Authorization: "Bearer x" }),
    "GET /ws-ticket/auth 401 ticket_refused": () => authorized({ "X-Original-URI": "/socket" }),
    "GET /ws-ticket/auth 403 origin_refused": () => authorized(evil),
    "GET /ws-ticket/auth 404 not_found": () => bare("GET", "/ws-ticket/auth"),
    "GET /ws-ticket/auth 429 rate_limited": async () => {
      const nobodys = { "X-Original-URI": "/socket?ticket=x", "X-Real-IP": "203.0.113.10" };
      for (let time = 0; time < 3; time += 1) await authorized(nobodys);
      return authorized(nobodys);
    },
    "GET /ws-ticket/auth 500 misconfigured": () => broken.request({ path: "/ws-ticket/auth" }),
    "GET /ws-ticket/auth 500 internal_error": () =>
      during({ platform: ["answer"] }, () => authorized({ "X-Original-URI": "/socket" }), redeeming),
    "GET /ws-ticket/auth 500 record_corrupt": async () => {
      const { ticket } = await redeeming.issue();
      await (await redeeming.kv()).put(kvKey(ticket), "not JSON", { expirationTtl: 60 });
      return authorized({ "X-Original-URI": `/socket?ticket=${ticket}` });
    },
    "GET /ws-ticket/auth 503 store_unavailable": async () => {
      const { ticket } = await redeeming.issue();
      return during({ kv: { get: throws } }, () => authorized({ "X-Original-URI": `/?ticket=${ticket}` }), redeeming);
    },
    "* /ws-ticket/auth 400 request_malformed": () => bare("POST", "/ws-ticket/auth", noHost),
    "* /ws-ticket/auth 404 not_found": () => bare("POST", "/ws-ticket/auth"),
    "* /ws-ticket/auth 405 method_not_allowed": () => redeeming.request({ method: "POST", path: "/ws-ticket/auth" }),
    "* /ws-ticket/auth 500 misconfigured": () => broken.request({ method: "POST", path: "/ws-ticket/auth" }),
    "OPTIONS /ws-ticket 204": () => bare("OPTIONS", "/ws-ticket", page),
    "OPTIONS /ws-ticket 400 request_malformed": () => bare("OPTIONS", "/ws-ticket", noHost),
    "OPTIONS /ws-ticket 400 preflight_malformed": () =>
      bare("OPTIONS", "/ws-ticket", { ...page, "Access-Control-Request-Headers": "a b" }),
    "OPTIONS /ws-ticket 403 origin_refused": () => bare("OPTIONS", "/ws-ticket", evil),
    "OPTIONS /ws-ticket 500 misconfigured": () => broken.request({ method: "OPTIONS", path: "/ws-ticket" }),
    "* /ws-ticket 400 request_malformed": () => bare("GET", "/ws-ticket", noHost),
    "* /ws-ticket 405 method_not_allowed": () => bare("GET", "/ws-ticket"),
    "* /ws-ticket 500 misconfigured": () => broken.request({ path: "/ws-ticket" }),
    ...sockets("/ws", "/ws", {
      refuses: () => at("answer-403"),
      fails: () => at("answer-200"),
      hangs: () => at("silent"),
    }),
    "GET /ws 101": admitted,
    "GET /ws 404 not_found": () => none.request({ path: "/ws" }),
    "GET /ws 429 rate_limited": () => during({ refusal_limit: { limit: over } }, () => ws("x", address)),
    "GET /ws 500 record_corrupt": () => corrupt("/ws"),
    "GET /ws 500 internal_error": async () => {
      const { ticket } = await gate.issue();
      return during({ platform: ["socket"] }, () => ws(ticket));
    },
    "GET /ws 503 room_full": async () => {
      const first = await entered();
      const answer = await entered();
      await first.leave();
      return answer;
    },
    "GET /ws 503 room_unavailable": () => during({ room: { fetch: throws } }, entered, hub),
    "* /ws 404 not_found": () => none.request({ method: "POST", path: "/ws" }),
    "* /ws 429 rate_limited": () => bare("POST", "/ws", address),
    ...sockets("/ws/{below}", "/ws/a", {
      refuses: () => below("answer-403"),
      fails: () => below("answer-200"),
      hangs: () => below("silent"),
    }),
    "GET /ws/{below} 101": async () => {
      const answer = await below("a");
      await answer.leave();
      return answer;
    },
    "GET /ws/{below} 404 not_found": () => up.request({ path: "/ws/%2e%2e%2f" }),
    "GET /ws/{below} 429 rate_limited": () =>
      during({ refusal_limit: { limit: over } }, () => up.upgrade("x", { path: "/ws/a", headers: address }), up),
    "GET /ws/{below} 500 record_corrupt": () => corrupt("/ws/a"),
    "GET /ws/{below} 500 internal_error": async () => zero.upgrade((await zero.issue()).ticket, { path: "/ws/a" }),
    "* /ws/{below} 404 not_found": () => gate.request({ method: "POST", path: "/ws/a" }),
    "* /ws/{below} 429 rate_limited": () => up.request({ method: "POST", path: "/ws/a", headers: address }),
    "GET /metrics 200": () => askMetrics(monitored),
    "GET /metrics 400 request_malformed": () => monitored.request({ path: "/metrics", headers: noHost }),
    "GET /metrics 401 admin_refused": () => askMetrics(monitored, {}),
    "GET /metrics 404 not_found": () => askMetrics(gate),
    "GET /metrics 500 misconfigured": () => askMetrics(broken),
    "GET /metrics 500 internal_error": () => during({ platform: ["answer"] }, () => askMetrics(monitored), monitored),
    "GET /metrics 503 monitor_unavailable": () => askMetrics(unmonitored),
    "* /metrics 400 request_malformed": () => monitored.request({ method: "POST", path: "/metrics", headers: noHost }),
    "* /metrics 404 not_found": () => bare("POST", "/metrics"),
    "* /metrics 405 method_not_allowed": () => monitored.request({ method: "POST", path: "/metrics" }),
    "* /metrics 500 misconfigured": () => broken.request({ method: "POST", path: "/metrics" }),
    "GET /.well-known/jwks.json 200": () => keyed.request({ path: KEYS }),
    "GET /.well-known/jwks.json 400 request_malformed": () => keyed.request({ path: KEYS, headers: noHost }),
    "GET /.well-known/jwks.json 404 not_found": () => bare("GET", KEYS),
    "GET /.well-known/jwks.json 500 internal_error": () => zero.request({ path: KEYS }),
    "GET /.well-known/jwks.json 500 misconfigured": () => broken.request({ path: KEYS }),
    "HEAD /.well-known/jwks.json 200": () => keyed.request({ method: "HEAD", path: KEYS }),
    "HEAD /.well-known/jwks.json 400": () => keyed.request({ method: "HEAD", path: KEYS, headers: noHost }),
    "HEAD /.well-known/jwks.json 404": () => bare("HEAD", KEYS),
    "HEAD /.well-known/jwks.json 500": () => broken.request({ method: "HEAD", path: KEYS }),
    "* /.well-known/jwks.json 400 request_malformed": () =>
      keyed.request({ method: "POST", path: KEYS, headers: noHost }),
    "* /.well-known/jwks.json 404 not_found": () => bare("POST", KEYS),
    "* /.well-known/jwks.json 405 method_not_allowed": () => keyed.request({ method: "POST", path: KEYS }),
    "* /.well-known/jwks.json 500 misconfigured": () => broken.request({ method: "POST", path: KEYS }),
    "GET /health 200": () => bare("GET", "/health"),
    "GET /health 400 request_malformed": () => bare("GET", "/health", noHost),
    "GET /health 500": () => broken.request({ path: "/health" }),
    "HEAD /health 200": () => bare("HEAD", "/health"),
    "HEAD /health 400": () => bare("HEAD", "/health", noHost),
    "HEAD /health 500": () => broken.request({ method: "HEAD", path: "/health" }),
    "* /health 400 request_malformed": () => bare("POST", "/health", noHost),
    "* /health 405 method_not_allowed": () => bare("POST", "/health"),
    "GET /{file} 200": () => bare("GET", "/"),
    "GET /{file} 304": () => unchanged("GET"),
    "GET /{file} 307": () => bare("GET", "/index.html"),
    "GET /{file} 400 request_malformed": () => bare("GET", "/", noHost),
    "GET /{file} 404 not_found": () => bare("GET", "/nowhere"),
    "GET /{file} 500 internal_error": () => during({ platform: ["page"] }, () => bare("GET", "/")),
    "GET /{file} 500 misconfigured": () => broken.request({ path: "/" }),
    "HEAD /{file} 200": () => bare("HEAD", "/"),
    "HEAD /{file} 304": () => unchanged("HEAD"),
    "HEAD /{file} 307": () => bare("HEAD", "/index.html"),
    "HEAD /{file} 400": () => bare("HEAD", "/", noHost),
    "HEAD /{file} 404": () => bare("HEAD", "/nowhere"),
    "HEAD /{file} 500": () => broken.request({ method: "HEAD", path: "/" }),
    "* /{file} 400 request_malformed": () => bare("POST", "/", noHost),
    "* /{file} 404 not_found": () => bare("POST", "/"),
    "* /{file} 500 misconfigured": () => broken.request({ method: "POST", path: "/" }),
  };

  // A gate for development that is asked by another host answers so on every route, before it looks at anything.
  const outside = Object.keys(provoked).filter((name) => name.endsWith("500 misconfigured"));
  for (const name of outside) {
    const [method, path] = name.split(" ");
    const asked = { method: method === "*" ? "PATCH" : method, path: path.replace(/[{].*/, "a"), headers: strangeHost };
    provoked[name.replace("misconfigured", "development_only")] = () => gate.request(asked);
  }

  /** These say what the configuration lets them expect. */
  const OF_CONFIGURATION = ["body_malformed", "identity_missing"];

  for (const [name, send] of Object.entries(provoked)) {
    test(name, async () => {
      const before = contract.seen.get(name) ?? 0;
      const answer = await send();
      assert.ok((contract.seen.get(name) ?? 0) > before, `was answered ${answer.status} ${answer.text}`);
      const [method, , , code] = name.split(" ");
      if (code === undefined || method === "HEAD" || OF_CONFIGURATION.includes(code)) return;
      assert.deepEqual(answer.json, document().components.examples[code].value, "the example is the answer");
    });
  }

  test("and so is each form of a ticket's answer", async () => {
    const query = await gate.issue();
    assert.equal(query.protocols, undefined);
    const { headers, json } = await strict.post(undefined, page);
    assert.deepEqual(json.protocols, ["ws-ticket.v1", json.ticket]);
    assert.match(headers["set-cookie"][0], /^__Host-ws-ticket=/);
    assert.equal(headers["access-control-allow-credentials"], "true");
    assert.ok(json.ticket.length > query.ticket.length, "with a check");
    const offer = {
      ...page,
      Cookie: headers["set-cookie"][0].split(";")[0],
      "Sec-WebSocket-Protocol": json.protocols.join(),
    };
    assert.equal(await strict.opens("", { query: "", headers: offer }), 101);
  });

  test("these are all, but for the few that no test can reach", () => {
    assert.deepEqual([...Object.keys(provoked), ...OUT_OF_REACH].sort(), contract.declared.sort());
    for (const name of OUT_OF_REACH) assert.ok(!contract.seen.has(name), `${name} was reached`);
  });
});
