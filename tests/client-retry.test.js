// What the client does about failures: it goes on, waits longer each time, at random, and as long as it is told to.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startServer } from "./support/client-server.js";
import { FAST, silence, sleep, until, watching } from "./support/watch.js";

let server;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

/** Milliseconds between the requests for tickets. */
const gaps = () => server.requests.slice(1).map(({ at }, index) => at - server.requests[index].at);

/** Each wait is (all but) the longest that it can be. */
function withoutLuck(t) {
  const { random } = Math;
  Math.random = () => 0.999;
  t.after(() => {
    Math.random = random;
  });
}

describe("a failed ticket request is retried like a failed connection", () => {
  const refusal = (status, code) => ({
    status,
    body: { type: "about:blank", title: "No", status, detail: "No.", code },
  });
  const failures = [
    ["a gate's 503", { onTicket: () => refusal(503, "store_unavailable") }, "no ticket: store_unavailable", 503],
    ["a gate's 429", { onTicket: () => refusal(429, "rate_limited") }, "no ticket: rate_limited", 429],
    ["a gate's 400", { onTicket: () => refusal(400, "body_malformed") }, "no ticket: body_malformed", 400],
    ["a proxy's 502", { onTicket: () => ({ status: 502, body: "<h1>Bad Gateway</h1>" }) }, "no ticket: 502", 502],
    ["a request that is cut", { onTicket: () => "cut" }, "fetch failed"],
    ["an answer that isn't JSON", { onTicket: () => ({ status: 200, body: '{"ticket":"wst_t_half' }) }, "bad answer"],
    ["an answer without a url", { onTicket: () => ({ status: 200, body: { ticket: "wst_t_a" } }) }, "bad answer"],
    ["null", { onTicket: () => ({ status: 200, body: "null" }) }, "bad answer"],
    ["a url that is none", { onTicket: () => ({ status: 200, body: { url: "//wst_t_a" } }) }, "bad answer"],
    ["a url for no WebSocket", { onTicket: () => ({ status: 200, body: { url: "ftp://wst_t_a" } }) }, "bad answer"],
    [
      "a subprotocol that can't be one",
      { onTicket: () => ({ status: 200, body: { url: "ws://127.0.0.1:1/", protocols: ["wst_t a"] } }) },
      "bad answer",
    ],
    ["a refused upgrade", { onUpgrade: () => ({ status: 429 }) }, "connection failed"],
    ["an upgrade that is cut", { onUpgrade: () => "cut" }, "connection failed"],
  ];
  for (const [what, fault, message, status] of failures) {
    test(`${what}: an error that says so, a close, and on with a fresh ticket`, async (t) => {
      Object.assign(server, fault);
      const watched = watching(t)(server.issue, FAST);
      await until(() => watched.count("close") >= 2);
      Object.assign(server, { onTicket: () => {}, onUpgrade: () => {} });
      await watched.opened();
      assert.deepEqual(watched.log.slice(0, 4), ["error", "close 1006 …", "error", "close 1006 …"]);
      const [{ error, message: said }, { reason, wasClean }] = watched.events;
      assert.ok(error instanceof Error);
      assert.deepEqual([error.message, said, reason, wasClean], [message, message, message, false]);
      assert.equal(error.status, status);
      assert.deepEqual(server.refusals, []);
    });
  }

  test("a server that is down, and comes back", async (t) => {
    await server.close();
    const watched = watching(t)(server.issue, FAST);
    await until(() => watched.count("close") >= 3);
    await server.listen();
    await watched.opened();
  });

  test("what a function or its headers throw is passed on, whatever it is", async (t) => {
    const watch = watching(t);
    const nothing = watch(() => Promise.reject(), FAST);
    await until(() => nothing.count("close") >= 1);
    for (const thrown of [new Error("no token"), "no token"]) {
      const fails = () => Promise.reject(thrown);
      for (const watched of [watch(fails, FAST), watch(server.issue, { ...FAST, headers: fails })]) {
        await until(() => watched.count("close") >= 2);
        assert.equal(watched.last("error").error, thrown);
        assert.equal(watched.last("error").message, "no token");
      }
    }
  });

  test("the code that a gate gives its refusal is there for programs", async (t) => {
    server.onTicket = () => refusal(503, "store_unavailable");
    const watched = watching(t)(server.issue, FAST);
    await until(() => watched.count("error"));
    assert.equal(watched.last("error").error.code, "store_unavailable");
  });
});

describe("reconnect: false, for what reconnects by itself", () => {
  const ends = [
    ["a ticket that is refused", { onTicket: () => ({ status: 503 }) }, ["error", "close 1006"]],
    ["a login that is lost", { onTicket: () => ({ status: 401 }) }, ["error", "close 4401"]],
    ["an upgrade that is refused", { onUpgrade: () => ({ status: 429 }) }, ["error", "close 1006"]],
    ["a connection that ends", { onConnection: (connection) => connection.close(1012) }, ["open", "close 1012"]],
    [
      "a connection that ends with 4401",
      { onConnection: (connection) => connection.close(4401) },
      ["open", "close 4401"],
    ],
  ];
  for (const [what, fault, log] of ends) {
    test(`${what} is the end, and the app isn't asked`, async (t) => {
      Object.assign(server, fault);
      const onUnauthenticated = () => assert.fail("the app was asked");
      const watched = watching(t)(server.issue, { ...FAST, reconnect: false, onUnauthenticated });
      await watched.stopped();
      await silence();
      assert.deepEqual([watched.log, server.requests.length], [log, 1]);
    });
  }
});

describe("the wait between attempts", () => {
  test("its bound doubles with each failure", async (t) => {
    withoutLuck(t);
    server.onTicket = () => ({ status: 500 });
    watching(t)(server.issue, { baseDelay: 40 });
    await until(() => server.requests.length >= 5);
    for (const [index, least] of [39, 79, 159, 319].entries()) {
      assert.ok(gaps()[index] >= least, `wait ${index + 1} was ${gaps()[index]} ms, less than ${least}`);
    }
  });

  test("and has a cap", async (t) => {
    server.onTicket = () => ({ status: 500 });
    watching(t)(server.issue, { baseDelay: 20, maxDelay: 40 });
    // Without a cap the twelfth would take about twenty seconds.
    await until(() => server.requests.length >= 12);
  });

  test("is anything from nothing to its bound, so that clients who lost their server together don't return together", async (t) => {
    const watch = watching(t);
    const all = Array.from({ length: 30 }, () => watch(server.issue, { baseDelay: 500 }));
    await Promise.all(all.map((watched) => watched.opened()));
    for (const connection of [...server.connections]) connection.cut();
    await Promise.all(all.map((watched) => watched.opened(2)));
    const waits = all.map((watched) => watched.last("close").delay);
    assert.ok(Math.max(...waits) - Math.min(...waits) > 200, `they waited ${waits}`);
  });

  for (const drop of ["cut", "close"]) {
    test(`a server that accepts and drops (${drop}) isn't hammered: a connection has to live for its failures to be forgotten`, async (t) => {
      withoutLuck(t);
      let drops = 7;
      server.onConnection = (connection) => {
        if (drops-- > 0) connection[drop]();
      };
      const watched = watching(t)(server.issue, { baseDelay: 20, stableAfter: 200 });
      await watched.opened(8);
      for (const [index, least] of [19, 39, 79, 159, 319].entries()) {
        assert.ok(gaps()[index] >= least, `wait ${index + 1} was ${gaps()[index]} ms, less than ${least}`);
      }
      await sleep(250);
      server.connection.cut();
      await watched.opened(9);
      // It would be 2560 if it had not been forgotten.
      assert.equal(
        Math.round(watched.last("close").delay),
        20,
        "the failures before a connection that lived still count",
      );
    });
  }
});

describe("Retry-After", () => {
  for (const status of [429, 503]) {
    test(`${status} with seconds: not before they are over`, async (t) => {
      server.onTicket = (n) => (n === 1 ? { status, headers: { "Retry-After": "1" } } : undefined);
      const watched = watching(t)(server.issue, FAST);
      await watched.opened();
      assert.equal(server.requests.length, 2);
      assert.ok(gaps()[0] >= 999, `${gaps()[0]} ms`);
    });
  }

  test("with a date: not before it", async (t) => {
    const date = new Date(Date.now() + 2000).toUTCString();
    server.onTicket = (n) => (n === 1 ? { status: 503, headers: { "Retry-After": date } } : undefined);
    const watched = watching(t)(server.issue, FAST);
    await watched.opened();
    assert.ok(
      server.requests[1].at >= Date.parse(date),
      `came ${Date.parse(date) - server.requests[1].at} ms too early`,
    );
  });

  test("in the past, or that says nothing, is none", async (t) => {
    const values = ["0", "-5", "soon", "", new Date(0).toUTCString()];
    server.onTicket = (n) =>
      n <= values.length ? { status: 503, headers: { "Retry-After": values[n - 1] } } : undefined;
    await watching(t)(server.issue, FAST).opened();
    assert.equal(server.requests.length, values.length + 1);
  });

  for (const far of ["99999999", new Date(Date.now() + 1e13).toUTCString()]) {
    test(`so far off that a timer can't hold it (${far}) doesn't make the client ask at once`, async (t) => {
      server.onTicket = () => ({ status: 503, headers: { "Retry-After": far } });
      const watched = watching(t)(server.issue, FAST);
      await until(() => watched.count("close") === 1);
      await silence();
      assert.equal(server.requests.length, 1);
    });
  }

  test("may come from a function in place of a URL, with what it throws", async (t) => {
    const times = [];
    const issue = async () => {
      times.push(Date.now());
      throw Object.assign(new Error("busy"), { status: 503, retryAfter: 1 });
    };
    watching(t)(issue, FAST);
    await until(() => times.length >= 2);
    assert.ok(times[1] - times[0] >= 999, `${times[1] - times[0]} ms`);
  });
});
