// Planted secrets, every route and every refusal: whatever a client sends or an operator sets, none of it stands in a log line, an
// answer, `/health` or a store, in no encoding; but for the ticket and the cookie in the answer to the one who asked.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { startGates } from "./support/harness.js";
import { bearer, inSeconds, mint } from "./support/jwt.js";
import { refused, report } from "./support/refused.js";
import { altered, keyed, kvKey, strange } from "./support/tickets.js";
import { Witness } from "./support/witness.js";

const APP = "https://app.example.com";
const NAME = "__Host-ws-ticket";
/** Every refusal that a client can provoke here; those of other logins are in `planted-identity.test.js`. */
const CODES =
  `body_malformed body_too_large carriage_refused fetch_mode_refused grant_too_large handshake_invalid identity_missing
  identity_refused limiter_unavailable media_type_unsupported method_not_allowed misconfigured not_found origin_refused
  rate_limited record_corrupt room_refused store_unavailable subprotocol_invalid ticket_malformed ticket_missing ticket_refused
  ticket_repeated upgrade_required`.split(/\s+/);

describe("planted secrets", () => {
  const witness = new Witness();
  const [key, oldKey, ticketKey, oldTicketKey] = [
    "JWT_SECRET",
    "JWT_SECRET_PREVIOUS",
    "TICKET_KEY",
    "TICKET_KEY_PREVIOUS",
  ].map((name) => witness.secret(name));
  const keys = {
    JWT_SECRET: key,
    JWT_SECRET_PREVIOUS: oldKey,
    TICKET_KEY: ticketKey,
    TICKET_KEY_PREVIOUS: oldTicketKey,
  };
  const vars = { TICKET_STORE: "kv,durable", ALLOWED_ORIGINS: APP, BIND: "cookie", ...keys };
  /** What a careless client may send along, anywhere. */
  const stray = {
    Cookie: `session=${witness.secret("a session's cookie")}; ${NAME}=${witness.plant("a cookie", randomBytes(32).toString("base64url"))}`,
    Referer: `https://app.example.com/?token=${witness.secret("a referrer")}`,
    "User-Agent": witness.secret("a user agent"),
    "X-Forwarded-For": witness.secret("a forwarded address"),
    "X-Original-URL": `/ws?ticket=${witness.secret("an original URL")}`,
    "Cf-Access-Jwt-Assertion": witness.secret("an assertion"),
  };
  const sealing = Object.fromEntries(["SEAL_KEY", "SEAL_KEY_PREVIOUS"].map((name) => [name, witness.secret(name)]));
  let gates;
  let gate;
  let sealed;
  before(async () => {
    const wrong = (name) => `${witness.secret(`a wrong ${name}`)}`;
    // Settings of every kind, each of them wrong.
    const names = `ENVIRONMENT TICKET_STORE TICKET_TTL_SECONDS TICKET_CARRIAGE BIND LIMITER_FAILURE ALLOWED_ORIGINS IDENTITY
      TICKET_SHARDS STORE_TIMEOUT_MS SLOW_READ_MS SLOW_WRITE_MS ALLOW_BEST_EFFORT JWT_PUBLIC_KEY JWT_JWKS_URL JWT_ALGORITHMS
      JWT_LEEWAY_SECONDS IDENTITY_TIMEOUT_MS TICKET_CLAIMS REDIS_URL UPSTASH_REDIS_REST_URL AUTH_URL ACCESS_TEAM_DOMAIN`;
    const broken = Object.fromEntries(names.split(/\s+/).map((name) => [name, wrong(name)]));
    gates = await startGates([
      { vars, edge: true },
      { vars: { ...vars, TICKET_CARRIAGE: "subprotocol" }, edge: true, limits: { ISSUE_LIMIT: 1, REFUSAL_LIMIT: 1 } },
      { vars: { ...vars, ...broken } },
      { vars: { ...vars, IDENTITY: "forward", AUTH_URL: broken.AUTH_URL } },
      { vars: { ...vars, IDENTITY: "access", ACCESS_TEAM_DOMAIN: broken.ACCESS_TEAM_DOMAIN } },
      { vars: { ...vars, JWT_SECRET: witness.secret("a short key").slice(0, 31), TICKET_KEY: ticketKey.slice(0, 31) } },
      {
        vars: {
          ...vars,
          TICKET_STORE: "redis",
          REDIS_URL: `redis://u:${wrong("password")}@h:99999/${wrong("database")}`,
        },
      },
      { vars: { ...vars, ...sealing, TICKET_STORE: "sealed" }, edge: true },
      { vars: { ...vars, SEAL_KEY: `"${sealing.SEAL_KEY}"`, SEAL_KEY_PREVIOUS: ticketKey } },
    ]);
    gate = gates[0];
    sealed = gates.at(-2);
  });
  after(() => gate?.close());

  const claims = (more) => ({ sub: "alice", exp: inSeconds(3600), rooms: ["lobby"], ...more });
  const token = (more, options) => witness.plantToken("a token", mint(claims(more), { secret: key, ...options }));
  const login = (more) => ({ ...stray, Origin: APP, ...bearer(token(more)) });
  const issue = (body, headers = login(), at = gate) => witness.see("POST /ws-ticket", at.post(body, headers));
  const upgrade = (ticket, options = {}, at = gate) =>
    witness.see("GET /ws", at.upgrade(ticket, { ...options, headers: { ...stray, Origin: APP, ...options.headers } }));
  const offering = (...entries) => ({ query: "", headers: { "Sec-WebSocket-Protocol": entries.join(", ") } });
  const refuse = async (status, answering) => {
    assert.equal((await answering).status, status);
    refused();
  };

  test("issuing, and all that is refused at it", async () => {
    await refuse(200, issue());
    await refuse(200, issue({ room: "lobby" }, { ...login(), Cookie: `a=${witness.secret("another cookie")}` }));
    await refuse(403, issue({ room: witness.secret("a room") }));
    await refuse(400, issue(`{"room":7,"x":"${witness.secret("a body")}"}`));
    await refuse(400, issue(witness.secret("a body")));
    await refuse(413, issue(JSON.stringify({ room: witness.secret("a room").repeat(200) })));
    await refuse(415, issue(witness.secret("a body"), { ...login(), "Content-Type": "text/plain" }));
    await refuse(403, issue(undefined, { ...login(), "Sec-Fetch-Mode": "navigate" }));
    await refuse(403, issue(undefined, { ...login(), Origin: `https://${witness.secret("an origin")}.example` }));
    await refuse(401, issue(undefined, { ...stray, Origin: APP }));
    const { json } = await gate.post(undefined, login());
    witness.plantTicket("a ticket as a login", json.ticket);
    for (const Authorization of [
      `Basic ${Buffer.from(`alice:${witness.secret("a password")}`).toString("base64")}`,
      `Bearer ${witness.secret("no token")}`,
      `Bearer ${json.ticket}`,
      `Bearer ${token({}, { secret: witness.secret("another key") })}`,
      `Bearer ${token({}, { header: { alg: "none" } })}`,
      `Bearer ${token({}, { header: { kid: witness.secret("a kid"), alg: witness.secret("an alg") } })}`,
      `Bearer ${token({}, { header: { crit: [witness.secret("an extension")] } })}`,
      `Bearer ${token({ exp: inSeconds(-60) })}`,
      `Bearer ${token({ nbf: inSeconds(600) })}`,
      `Bearer ${token({ sub: "" })}`,
      `Bearer ${token({ sub: `${witness.secret("a subject")}\n` })}`,
      `Bearer ${token({ rooms: witness.secret("a room") })}`,
      `Bearer ${token()}.${witness.secret("a fourth part")}`,
      `Bearer ${"A".repeat(17_000)}${witness.secret("the end of a long token")}`,
    ]) {
      const [status] = [(await issue(undefined, { ...login(), Authorization })).status];
      assert.ok([400, 401, 431].includes(status), `${status}`);
      refused();
    }
  });

  test("presenting, and all that is refused at it", async () => {
    const cookie = (answer) => ({ Cookie: answer.headers["set-cookie"][0].split(";")[0] });
    for (const carried of [(t) => [t, {}], (t) => ["", offering("ws-ticket.v1", t, "chat")]]) {
      const answer = await issue();
      const [text, options] = carried(answer.json.ticket);
      const headers = { ...options.headers, ...cookie(answer) };
      for (const status of [101, 401]) await refuse(status, upgrade(text, { ...options, headers }));
    }
    const fresh = async () => (await issue()).json.ticket;
    const forged = witness.plantTicket("a forged ticket", keyed(strange("k"), "another-key-of-thirty-two-bytes!"));
    const unknown = witness.plantTicket("an unknown ticket", keyed(strange("k"), ticketKey));
    for (const text of [forged, unknown]) await refuse(401, upgrade(text));
    await refuse(401, upgrade(await fresh(), { headers: { Cookie: `${NAME}=${witness.secret("a cookie")}` } }));
    await refuse(401, upgrade(await fresh(), { headers: { Cookie: "" } }));
    await refuse(401, upgrade(await fresh(), { headers: { Origin: undefined } }));
    const [one, two] = [await fresh(), await fresh()];
    await refuse(400, upgrade("", { query: `ticket=${one}&ticket=${two}&x=${witness.secret("a parameter")}` }));
    await refuse(400, upgrade(one, { ...offering("ws-ticket.v1", two), query: `ticket=${one}` }));
    await refuse(400, upgrade("", offering(one)));
    await refuse(400, upgrade("", offering("ws-ticket.v1", one, `${witness.secret("a subprotocol")}@`)));
    await refuse(400, upgrade("", offering("ws-ticket.v1", witness.secret("a subprotocol"))));
    await refuse(400, upgrade(`${one}${witness.secret("the end of a ticket")}`));
    await refuse(400, upgrade("", { query: witness.secret("a query") }));
    await refuse(400, upgrade(witness.secret("no ticket")));
    await refuse(400, upgrade("", { query: `ticket=%ZZ${encodeURIComponent(witness.secret("no ticket"))}%C0` }));
    await refuse(400, upgrade(one, { headers: { "x-edge-headers": JSON.stringify({ "sec-websocket-key": one }) } }));
    await refuse(403, upgrade(one, { headers: { Origin: `https://${witness.secret("an origin")}.example` } }));
    await refuse(400, upgrade(one, {}, gates[1]));
    const late = await issue();
    await gate.edge({ clock: Date.parse(late.json.expires_at) });
    await refuse(401, upgrade(late.json.ticket, { headers: cookie(late) }));
    await gate.edge();
  });

  test("sealed tickets: what they carry, what doesn't fit, and all that is refused", async () => {
    const [subject, room] = [witness.secret("a subject"), witness.secret("a room")];
    const known = { ...login({ sub: subject, rooms: [room] }) };
    const issueSealed = async (headers = known) => {
      const answer = await issue({ room }, headers, sealed);
      return { answer, ticket: answer.json.ticket, Cookie: answer.headers["set-cookie"]?.[0].split(";")[0] };
    };
    const headersOf = ({ Cookie }) => ({ headers: { Cookie } });
    const good = await issueSealed();
    assert.ok(good.ticket.startsWith("wst_s_"));
    // The one who presents it is told who he is, and nobody else: so this answer isn't searched for that.
    const open = await sealed.upgrade(good.ticket, { headers: { ...stray, Origin: APP, Cookie: good.Cookie } });
    assert.equal(open.status, 101);
    await open.leave();
    await refuse(401, upgrade(good.ticket, headersOf(good), sealed));
    const large = login({ sub: witness.secret("a long subject").repeat(6), rooms: [room.repeat(3)] });
    await refuse(422, issue({ room: room.repeat(3) }, large, sealed));
    const other = await issueSealed();
    for (const text of [altered(other.ticket, 3), altered(other.ticket, 90), strange("s")])
      await refuse(401, upgrade(witness.plantTicket("a forged sealed ticket", text), headersOf(other), sealed));
    // Four characters of Base64 are three bytes, so a text of one more than a multiple of four is none, whatever it says.
    const body = other.ticket.slice("wst_s_".length);
    const none = `wst_s_${body.slice(0, body.length - (body.length % 4) - 3)}`;
    await refuse(400, upgrade(witness.plantTicket("a cut ticket", none), headersOf(other), sealed));
    await refuse(401, upgrade(other.ticket, { headers: { Cookie: "" } }, sealed));
    const says = witness.secret("an error's text");
    const third = await issueSealed();
    await sealed.edge({ shard: { fetch: { how: "throw", says } } });
    await refuse(503, upgrade(third.ticket, headersOf(third), sealed));
    await sealed.edge();
  });

  test("faults: of the store, of its record, of the limits", async () => {
    const says = witness.secret("an error's text");
    const fault = { how: "throw", says: `${says}: wst:${says}` };
    const answers = await Promise.all([issue(), issue(), issue()]);
    const [one, two, three] = answers.map(({ json }) => json.ticket);
    const cookie = { Cookie: answers[0].headers["set-cookie"][0].split(";")[0] };
    await gate.edge({ kv: { get: fault, put: fault }, shard: { fetch: fault }, refusal_limit: { limit: fault } });
    await refuse(503, issue());
    await refuse(503, upgrade(one, { headers: cookie }));
    await refuse(401, upgrade(witness.plantTicket("a strange ticket", strange("k"))));
    await gate.edge({ issue_limit: { limit: fault } });
    await refuse(503, issue());
    await gate.edge({ shard: { fetch: { how: "answer", status: 500, body: says } } });
    await refuse(503, upgrade(two, { headers: cookie }));
    await gate.edge();
    const record = witness.secret("a record");
    await (await gate.kv()).put(kvKey(three.slice(0, -22)), `{"${record}":"${record}"}`, { expirationTtl: 60 });
    await refuse(500, upgrade(three));
    await (await gate.kv()).delete(kvKey(three.slice(0, -22)));
  });

  test("limits, other methods, other routes, and a gate that is misconfigured", async () => {
    for (const status of [200, 429]) await refuse(status, issue(undefined, login(), gates[1]));
    const address = { headers: { "CF-Connecting-IP": "192.0.2.1" } };
    for (const status of [400, 429, 429]) await refuse(status, upgrade(witness.secret("no ticket"), address, gates[1]));
    const open = (await issue()).json.ticket;
    for (const at of gates) {
      for (const path of ["/ws-ticket", "/ws", "/health", "/", `/${witness.secret("a path")}`, `/ws/${open}`]) {
        for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
          const body = method === "POST" || method === "PUT" ? witness.secret("a body") : undefined;
          const headers = { ...login(), "Sec-WebSocket-Protocol": `ws-ticket.v1, ${open}` };
          const asking = at.request({ method, path: `${path}?ticket=${open}&secret=${key}`, headers, body });
          if ((await witness.see(`${method} ${path.slice(0, 12)}`, asking)).status >= 400) refused();
        }
      }
      if (at !== gates[1]) await upgrade(open, {}, at);
    }
  });

  test("nothing of it came out", async (t) => {
    await witness.collect(gates);
    assert.deepEqual([...witness.codes].sort(), CODES);
    assert.deepEqual(witness.finds(), []);
    const { places, characters } = witness.searched;
    assert.ok(places > 500 && witness.planted > 100);
    t.diagnostic(`${witness.planted} secrets, in ${places} places of ${characters} characters: none`);
  });
});

report();
