// What answers in the gate's place: a login that redirects or shows its page, a firewall, a proxy that joins headers; and what apps throw.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ticketUrl } from "../client/index.js";
import { startServer } from "./support/client-server.js";
import { FAST, silence, until, watching } from "./support/watch.js";

let server;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

const HTML = { "Content-Type": "text/html; charset=utf-8" };
const LOGINS = [
  ...[301, 302, 303, 307, 308].map((status) => [`${status}`, { status, headers: { Location: "/login" } }]),
  ["302 to itself", { status: 302, headers: { Location: "/ws-ticket" } }],
  ["200 with a page", { status: 200, headers: HTML, body: "<!doctype html><title>Log in</title>" }],
  ["200 with a page of an old server's", { status: 200, headers: { "Content-Type": "TEXT/HTML" }, body: "<HTML>" }],
  ["203 with XHTML", { status: 203, headers: { "Content-Type": "application/xhtml+xml" }, body: "<html/>" }],
  ["401 with a page", { status: 401, headers: HTML, body: "<!doctype html>" }],
];

describe("a login in front of the gate", () => {
  for (const [what, answer] of LOGINS) {
    test(`${what}: the login is lost, the app is asked once, and nothing follows the redirect`, async (t) => {
      server.onTicket = () => answer;
      const lost = [];
      const onUnauthenticated = ({ status, code, signal }) => {
        lost.push([status, code, signal instanceof AbortSignal && signal.aborted]);
      };
      const watched = watching(t)(server.issue, { ...FAST, onUnauthenticated });
      assert.equal((await watched.stopped()).code, 4401);
      await silence();
      assert.deepEqual(lost, [[401, answer.status === 401 ? undefined : "login", false]]);
      assert.deepEqual(
        server.requests.map(({ method, url }) => `${method} ${url}`),
        ["POST /ws-ticket"],
      );
    });
  }

  // oauth2-proxy shows its page with 403, as a firewall does, to whoever doesn't ask for JSON and nothing else.
  test("it is asked for JSON: one that would show its page answers 401", async (t) => {
    const page = { status: 403, headers: HTML, body: "<!doctype html><title>Sign in</title>" };
    server.onTicket = (_, { headers }) =>
      headers.accept === "application/json" ? { status: 401, headers: { "Content-Type": "application/json" } } : page;
    const options = { ...FAST, headers: { Authorization: "Bearer x" }, body: { room: "lobby" } };
    assert.equal((await watching(t)(server.issue, options).stopped()).code, 4401);
    assert.equal(server.requests.length, 1);
  });

  test("ticketUrl ends too", async () => {
    for (const [, answer] of LOGINS) {
      server.forget();
      server.onTicket = () => answer;
      await assert.rejects(ticketUrl(server.issue, FAST)(), { code: 4401 });
      assert.equal(server.requests.length, 1);
    }
  });

  test("a page's fetch shows of a redirect only that there was one, and that is enough", async (t) => {
    const fetch = async () => ({
      type: "opaqueredirect",
      status: 0,
      ok: false,
      headers: new Headers(),
      json: () => Promise.reject(),
    });
    assert.equal((await watching(t)(server.issue, { ...FAST, fetch }).stopped()).code, 4401);
  });

  test("the signal of the question is aborted when the socket is closed", async (t) => {
    server.onTicket = () => LOGINS[0][1];
    let signal;
    const onUnauthenticated = (lost) => {
      ({ signal } = lost);
      return new Promise(() => {});
    };
    const watched = watching(t)(server.issue, { ...FAST, onUnauthenticated });
    await until(() => signal);
    watched.socket.close();
    assert.equal(signal.aborted, true);
  });
});

describe("403", () => {
  const refusals = [
    ["a firewall's page", { headers: HTML, body: "<h1>Blocked</h1>" }],
    ["nothing", {}],
    ["JSON of somebody else's", { headers: { "Content-Type": "application/json" }, body: { code: "blocked" } }],
    ["a problem without a code", { headers: { "Content-Type": "application/problem+json" }, body: '{"status":403}' }],
  ];
  for (const [what, answer] of refusals) {
    test(`with ${what} isn't the gate's word: it is tried again, with waits`, async (t) => {
      server.onTicket = (n) => (n <= 3 ? { status: 403, ...answer } : undefined);
      const watched = watching(t)(server.issue, FAST);
      await watched.opened();
      assert.deepEqual(watched.log, [...Array(3).fill(["error", "close 1006 …"]).flat(), "open"]);
      assert.equal(watched.last("error").error.status, 403);
    });
  }
});

describe("Retry-After that isn't one number", () => {
  const far = new Date(Date.now() + 2_000_000).toUTCString();
  for (const [value, least] of [
    ["120, 60", 120_000],
    ["60,120", 120_000],
    ["1, 90, 2", 90_000],
    [`${far}, 60`, 1_000_000],
    [`60, ${far}`, 1_000_000],
    ["99999999", 3_600_000],
    ["99999999, 1", 3_600_000],
  ]) {
    test(`${value}: the longest counts, an hour at most`, async (t) => {
      server.onTicket = () => ({ status: 503, headers: { "Retry-After": value } });
      const watched = watching(t)(server.issue, FAST);
      await until(() => watched.count("close") === 1);
      const { delay } = watched.last("close");
      assert.ok(delay >= least && delay <= 3_600_000 + FAST.maxDelay, `${delay} ms`);
      await silence();
      assert.equal(server.requests.length, 1);
    });
  }

  test("added to the longest wait there is, it is still one that a timer can hold", async (t) => {
    server.onTicket = () => ({ status: 503, headers: { "Retry-After": "3600" } });
    const longest = 2 ** 31 - 1;
    for (const options of [{ baseDelay: longest, maxDelay: longest }, { delay: () => Number.POSITIVE_INFINITY }]) {
      server.requests.length = 0;
      const watched = watching(t)(server.issue, options);
      await until(() => watched.count("close") === 1);
      await silence();
      assert.ok(watched.last("close").delay <= longest);
      assert.equal(server.requests.length, 1, "it fired at once");
    }
  });
});

describe("whatever is thrown, it goes on", () => {
  const thrown = [
    ["undefined", undefined],
    ["null", null],
    ["an object without a prototype", Object.create(null)],
    ["a symbol", Symbol("s")],
    ["a bigint", 7n],
    [
      "what throws when it is read",
      {
        get message() {
          throw new Error("no");
        },
      },
    ],
    ["what can't be a text", { message: { toString: () => ({}) } }],
    ["a wait that can't be a text", { retryAfter: Object.create(null) }],
    ["a function", () => {}],
  ];
  for (const [what, value] of thrown) {
    test(what, async (t) => {
      const watch = watching(t);
      const fails = () => Promise.reject(value);
      const throws = () => {
        throw value;
      };
      for (const watched of [
        watch(fails, FAST),
        watch(throws, FAST),
        watch(server.issue, { ...FAST, headers: fails }),
        watch(server.issue, { ...FAST, body: throws }),
        watch(server.issue, { ...FAST, fetch: fails }),
      ]) {
        await until(() => watched.count("close 1006 …") >= 2);
        assert.equal(watched.last("error").error, value);
        assert.equal(typeof watched.last("error").message, "string");
      }
    });
  }

  test("by a socket class's constructor, too", async (t) => {
    class Throws {
      constructor() {
        throw null;
      }
    }
    const watched = watching(t)(server.issue, { ...FAST, WebSocket: Throws });
    await until(() => watched.count("close 1006 …") >= 2);
    assert.equal(watched.last("error").message, "bad answer");
  });

  test("by onUnauthenticated: it stops, as without an answer", async (t) => {
    server.onTicket = () => ({ status: 401 });
    for (const [, value] of thrown) {
      const watched = watching(t)(server.issue, { ...FAST, onUnauthenticated: () => Promise.reject(value) });
      assert.equal((await watched.stopped()).code, 4401);
    }
  });
});

test("body may be a function, asked for each request", async (t) => {
  let visits = 0;
  const body = async ({ signal }) => {
    assert.ok(signal instanceof AbortSignal);
    visits += 1;
    return visits === 3 ? undefined : { visits };
  };
  const watched = watching(t)(server.issue, { ...FAST, body });
  for (const count of [1, 2]) {
    await watched.opened(count);
    server.connection.cut();
  }
  await watched.opened(3);
  assert.deepEqual(
    server.requests.map((request) => [request.body, request.headers["content-type"]]),
    [
      ['{"visits":1}', "application/json"],
      ['{"visits":2}', "application/json"],
      ["", undefined],
    ],
  );
});
