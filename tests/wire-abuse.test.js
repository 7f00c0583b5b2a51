// The wire, what a malicious page and a misplaced secret can do: forms and other requests that a browser sends by itself get no
// ticket, and a ticket is good for `/ws` and nothing else.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { bearer, good, SECRET } from "./support/jwt.js";
import { assertProblem, assertRefused } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { parts, strange } from "./support/tickets.js";
import { refusesUntouched } from "./support/untouched.js";

const APP = "https://app.example.com";
const VARS = { TICKET_STORE: "kv", ALLOWED_ORIGINS: APP };

/** What a form of a page posts, by its `enctype`. */
const FORMS = [
  ["application/x-www-form-urlencoded", "room=lobby&sub=eve"],
  ["multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="room"\r\n\r\nlobby\r\n--x--\r\n'],
  // The old trick: a field whose name and value make JSON of a text form.
  ["text/plain", '{"room":"lobby","x":"="}'],
  ["text/plain", '{"room":"lobby"}'],
];

describe("what a browser sends by itself", () => {
  let dev;
  let jwt;
  before(async () => {
    [dev, jwt] = await startGates([
      { vars: { ...DEVELOPMENT, ...VARS }, edge: true },
      { vars: { ...VARS, JWT_SECRET: SECRET }, edge: true },
    ]);
  });
  after(() => dev?.close());

  /** Refused without a store call, and nothing in the answer is a ticket. */
  async function getsNothing(answer, status, code) {
    assertProblem(answer, status, code, { never: ["wst_"] });
    assert.equal(answer.headers["set-cookie"], undefined);
    for (const gate of [dev, jwt]) assert.deepEqual(await gate.calls(), {}, "a store was called");
    refused();
  }
  const heal = () => Promise.all([dev, jwt].map((gate) => gate.edge()));
  const login = (gate) => (gate === jwt ? bearer(good()) : {});

  test("Sec-Fetch-Mode: cors, same-origin and none at all get a ticket", async () => {
    for (const gate of [dev, jwt]) {
      for (const mode of ["cors", "same-origin", undefined]) {
        for (const body of [undefined, { room: "lobby" }]) {
          const fetched = mode === undefined ? {} : { "Sec-Fetch-Mode": mode, "Sec-Fetch-Site": "cross-site" };
          const answer = await gate.post(body, { ...login(gate), ...fetched, Origin: APP });
          assert.equal(answer.status, 200, `${mode} ${answer.text}`);
        }
      }
    }
  });

  for (const mode of ["navigate", "no-cors", "websocket", "nested-navigate", "CORS", "cors, cors", "x"]) {
    test(`Sec-Fetch-Mode: ${mode}: fetch_mode_refused, whoever is logged in`, async () => {
      await heal();
      for (const gate of [dev, jwt]) {
        for (const origin of [{}, { Origin: APP }, { Origin: new URL(gate.url).origin }]) {
          if (gate === jwt && origin.Origin !== undefined && origin.Origin !== APP) continue;
          const headers = { ...login(gate), ...origin, "Sec-Fetch-Mode": mode };
          await getsNothing(await gate.post(undefined, headers), 403, "fetch_mode_refused");
          await getsNothing(await gate.post({ room: "lobby" }, headers), 403, "fetch_mode_refused");
        }
      }
    });
  }

  test("the order: method, origin, fetch mode, body, and then the login", async () => {
    await heal();
    const evil = { Origin: "https://evil.example", "Sec-Fetch-Mode": "navigate", "Content-Type": "text/plain" };
    const ours = { ...evil, Origin: APP };
    const put = { method: "PUT", path: "/ws-ticket", headers: evil, body: "x" };
    await getsNothing(await jwt.request(put), 405, "method_not_allowed");
    await getsNothing(await jwt.post("x", evil), 403, "origin_refused");
    await getsNothing(await jwt.post("x", ours), 403, "fetch_mode_refused");
    await getsNothing(await jwt.post("x", { ...ours, "Sec-Fetch-Mode": "cors" }), 415, "media_type_unsupported");
    await getsNothing(await jwt.post("x", { Origin: APP }), 400, "body_malformed");
    await getsNothing(await jwt.post(undefined, { Origin: APP }), 401, "identity_missing");
  });

  test("a preflight is answered, whatever the mode: it gets nothing", async () => {
    const headers = { Origin: APP, "Access-Control-Request-Method": "POST", "Sec-Fetch-Mode": "cors" };
    const answer = await dev.request({ method: "OPTIONS", path: "/ws-ticket", headers });
    assert.deepEqual([answer.status, answer.text], [204, ""]);
  });

  for (const [type, body] of FORMS) {
    test(`a form of type ${type.split(";")[0]}: no ticket, from a browser of today nor of yesterday`, async () => {
      await heal();
      for (const gate of [dev, jwt]) {
        const headers = { ...login(gate), "Content-Type": type };
        const today = { ...headers, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe" };
        await getsNothing(await gate.post(body, { ...headers, Origin: "https://evil.example" }), 403, "origin_refused");
        await getsNothing(await gate.post(body, { ...headers, Origin: "null" }), 403, "origin_refused");
        await getsNothing(await gate.post(body, { ...today, Origin: APP }), 403, "fetch_mode_refused");
        await getsNothing(await gate.post(body, { ...headers, Origin: APP }), 415, "media_type_unsupported");
        await getsNothing(await gate.post(body, headers), 415, "media_type_unsupported");
      }
    });
  }

  test("an empty form: refused by its mode or its origin, since there is no body to refuse", async () => {
    await heal();
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const navigating = { ...headers, "Sec-Fetch-Mode": "navigate" };
    await getsNothing(await dev.post(undefined, navigating), 403, "fetch_mode_refused");
    await getsNothing(await dev.post(undefined, { ...headers, Origin: "https://evil.example" }), 403, "origin_refused");
    await getsNothing(await dev.post(undefined, { ...navigating, Origin: APP }), 403, "fetch_mode_refused");
  });

  test("links, images, and every method but POST: no ticket", async () => {
    await heal();
    for (const gate of [dev, jwt]) {
      for (const method of ["GET", "PUT", "DELETE", "PATCH", "PROPFIND"]) {
        for (const path of ["/ws-ticket", "/ws-ticket?room=lobby", "/ws-ticket?_method=POST"]) {
          const headers = { ...login(gate), "X-HTTP-Method-Override": "POST" };
          await getsNothing(await gate.request({ method, path, headers }), 405, "method_not_allowed");
        }
      }
      const head = await gate.request({ method: "HEAD", path: "/ws-ticket", headers: login(gate) });
      assert.deepEqual([head.status, head.text, head.headers.allow], [405, "", "POST, OPTIONS"]);
      refused();
    }
  });
});

describe("a secret in a place where it doesn't belong", () => {
  let jwt;
  before(async () => {
    [jwt] = await startGates([{ vars: { ...VARS, JWT_SECRET: SECRET }, edge: true }]);
  });
  after(() => jwt?.close());
  const minted = [undefined, bearer(good())];
  const refuses = (send, status, code) => refusesUntouched(jwt, send, status, code, { minted });

  test("a ticket buys no ticket: as a login, a cookie, in the query, in the body", async () => {
    const post = (headers, body) => (ticket) => jwt.post(body?.(ticket), headers(ticket));
    await refuses(post(bearer), 401, "identity_refused");
    await refuses(
      post((t) => ({ Authorization: `Ticket ${t}` })),
      401,
      ["identity_refused", "identity_missing"],
    );
    await refuses(
      post((t) => ({ Authorization: t })),
      401,
      ["identity_refused", "identity_missing"],
    );
    await refuses(
      post((t) => ({ Cookie: `ticket=${t}; __Host-ws-ticket=${parts(t).secret}` })),
      401,
      "identity_missing",
    );
    await refuses(
      post((t) => ({ "Cf-Access-Jwt-Assertion": t })),
      401,
      "identity_missing",
    );
    await refuses(
      post((t) => ({ "Sec-WebSocket-Protocol": `ws-ticket.v1, ${t}` })),
      401,
      "identity_missing",
    );
    for (const name of ["ticket", "access_token", "token"]) {
      const path = (t) => `/ws-ticket?${name}=${t}`;
      await refuses((t) => jwt.request({ method: "POST", path: path(t) }), 401, "identity_missing");
    }
    await refuses(
      post(
        () => bearer(good()),
        (t) => ({ ticket: t }),
      ),
      400,
      "body_malformed",
    );
    await refuses(
      post(
        () => ({}),
        (t) => ({ room: t }),
      ),
      401,
      "identity_missing",
    );
  });

  test("the log says that somebody tried", async () => {
    const { ticket } = await jwt.issue(...minted);
    jwt.forgetLines();
    assertProblem(await jwt.post(undefined, bearer(ticket)), 401, "identity_refused");
    const [event] = await jwt.eventually(({ event }) => event === "refused");
    assert.equal(event.reason, "token_is_ticket");
  });

  test("a ticket in a header or a cookie opens nothing at /ws", async () => {
    const upgrade =
      (headers, query = "") =>
      (ticket) =>
        jwt.upgrade("", { query, headers: headers(ticket) });
    await refuses(upgrade(bearer), 400, "ticket_missing");
    await refuses(
      upgrade((t) => ({ Authorization: `Ticket ${t}` })),
      400,
      "ticket_missing",
    );
    await refuses(
      upgrade((t) => ({ Cookie: `ticket=${t}` })),
      400,
      "ticket_missing",
    );
    await refuses(
      upgrade((t) => ({ "X-Ticket": t, "X-Original-URL": `/ws?ticket=${t}` })),
      400,
      "ticket_missing",
    );
    await refuses(
      upgrade((t) => ({ Referer: `https://x.example/?ticket=${t}` })),
      400,
      "ticket_missing",
    );
    await refuses((t) => jwt.upgrade("", { query: `token=${t}` }), 400, "ticket_missing");
  });

  test("a login opens nothing at /ws: in the query, among the subprotocols, in a header", async () => {
    const token = good();
    const protocol = { "Sec-WebSocket-Protocol": `ws-ticket.v1, ${token}` };
    await refuses(() => jwt.upgrade(token), 400, "ticket_malformed");
    await refuses(() => jwt.upgrade("", { query: "", headers: protocol }), 400, "ticket_missing");
    await refuses(() => jwt.upgrade("", { query: "", headers: bearer(token) }), 400, "ticket_missing");
    const headers = { ...bearer(token), Cookie: `__Host-ws-ticket=${"A".repeat(43)}` };
    assertRefused(await jwt.upgrade(strange("k"), { headers }));
    refused();
  });

  test("a ticket opens no other route", async () => {
    const at = (path) => (ticket) => jwt.upgrade(ticket, { path });
    for (const path of ["/", "/ws//", "/ws-ticket//", "/health//"]) await refuses(at(path), 404, "not_found");
    await refuses(at("/ws-ticket"), 405, "method_not_allowed");
    const { ticket } = await jwt.issue(...minted);
    assert.equal((await jwt.upgrade(ticket, { path: "/health" })).status, 200);
    assert.equal(await jwt.opens(ticket), 101);
  });
});

report();
