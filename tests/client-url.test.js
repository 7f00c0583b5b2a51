// ticketUrl: the URL for libraries that make their own connections. Most of them end for good when the function for it rejects, so it
// tries until it has one.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ticketUrl } from "../client/index.js";
import { startServer } from "./support/client-server.js";
import { FAST, silence, until } from "./support/watch.js";

describe("ticketUrl", () => {
  let server;
  beforeEach(async () => {
    server = await startServer();
  });
  afterEach(() => server.close());

  /** The ticket in a URL of our server. */
  function ticketOf(url) {
    const { origin, pathname, searchParams } = new URL(url);
    assert.equal(`${origin}${pathname}`, `ws://127.0.0.1:${server.port}/ws`);
    return searchParams.get("ticket");
  }

  test("asks nothing by itself; each call resolves to a string with a ticket of its own", async () => {
    const next = ticketUrl(server.issue);
    await silence();
    assert.equal(server.requests.length, 0);
    const urls = [await next(), await next(), ...(await Promise.all([next(), next()]))];
    assert.equal(new Set(urls.map(ticketOf)).size, 4);
    assert.equal(server.requests.length, 4);
    assert.equal(server.upgrades.length, 0, "the connection is the library's");
  });

  test("takes the options of the request", async () => {
    let token = 0;
    const headers = async () => ({ Authorization: `Bearer ${++token}` });
    const next = ticketUrl(server.issue, { headers, body: { room: "lobby" } });
    await next();
    await next();
    assert.deepEqual(
      server.requests.map(({ headers: { authorization }, body }) => [authorization, body]),
      [
        ["Bearer 1", '{"room":"lobby"}'],
        ["Bearer 2", '{"room":"lobby"}'],
      ],
    );
  });

  test("a function in place of a URL", async () => {
    const next = ticketUrl(async () => ({ url: "wss://gate.example.com/socket?key=1" }));
    assert.equal(await next(), "wss://gate.example.com/socket?key=1");
  });

  test("doesn't reject when a request fails: it tries again, and honours Retry-After", async () => {
    const faults = [
      "cut",
      { status: 500 },
      { status: 200, body: "{" },
      { status: 503, headers: { "Retry-After": "1" } },
    ];
    server.onTicket = (n) => faults[n - 1];
    ticketOf(await ticketUrl(server.issue, FAST)());
    const [, , , busy, last] = server.requests;
    assert.equal(server.requests.length, 5);
    assert.ok(last.at - busy.at >= 999, `${last.at - busy.at} ms`);
  });

  test("has a deadline for each try", async () => {
    server.onTicket = (n) => (n <= 2 ? "hang" : undefined);
    ticketOf(await ticketUrl(server.issue, { ...FAST, attemptTimeout: 1000 })());
    assert.equal(server.requests.length, 3);
  });

  test("rejects where trying again is of no use: 403, and 401 when the app doesn't go on", async () => {
    const refusals = [
      [403, "room_refused", 4403],
      [401, "identity_missing", 4401],
    ];
    for (const [status, code, closeCode] of refusals) {
      server.forget();
      server.onTicket = () => ({ status, body: { code } });
      for (const options of [FAST, { ...FAST, onUnauthenticated: () => false }]) {
        await assert.rejects(ticketUrl(server.issue, options)(), { message: `no ticket: ${code}`, code: closeCode });
      }
      assert.equal(server.requests.length, 2);
    }
  });

  test("asks the app for its login, once", async () => {
    let asked = 0;
    server.onTicket = (n) => (n <= 4 ? { status: 401 } : undefined);
    const onUnauthenticated = () => {
      asked += 1;
      return true;
    };
    ticketOf(await ticketUrl(server.issue, { ...FAST, onUnauthenticated })());
    assert.deepEqual([asked, server.requests.length], [1, 5]);
  });

  test("rejects where the gate takes tickets in a subprotocol only: no URL would open anything", async () => {
    server.carriage = "subprotocol";
    await assert.rejects(ticketUrl(server.issue, FAST)(), { message: "no ticket in the url" });
  });

  test("with onError it calls that in place of a rejection, once, and the promise stays as it is", async (t) => {
    for (const [status, code, options] of [
      [401, 4401, {}],
      [403, 4403, {}],
      [503, 1006, { maxRetries: 2 }],
    ]) {
      server.onTicket = () => ({ status, body: { code: "refused" } });
      const errors = [];
      const unhandled = t.mock.fn();
      process.on("unhandledRejection", unhandled);
      let settled = false;
      const done = () => {
        settled = true;
      };
      ticketUrl(server.issue, { ...FAST, ...options, onError: (error) => errors.push(error) })().then(done, done);
      await until(() => errors.length > 0);
      await silence();
      process.off("unhandledRejection", unhandled);
      assert.deepEqual([errors.length, errors[0].code, settled, unhandled.mock.callCount()], [1, code, false, 0]);
    }
  });

  test("a URL that it got is no failure: nothing is told to onError, and the next call doesn't wait", async () => {
    const errors = [];
    const next = ticketUrl(server.issue, {
      baseDelay: 3_000_000,
      maxDelay: 3_000_000,
      onError: (error) => errors.push(error),
    });
    for (let calls = 0; calls < 3; calls += 1) ticketOf(await next());
    const plain = ticketUrl(server.issue, { baseDelay: 3_000_000, maxDelay: 3_000_000 });
    for (let calls = 0; calls < 3; calls += 1) ticketOf(await plain());
    await silence();
    assert.deepEqual(errors, []);
  });

  test("called again at once after a rejection, it waits longer each time: a library that does so doesn't hammer", async () => {
    server.onTicket = () => ({ status: 401 });
    const next = ticketUrl(server.issue, { baseDelay: 100, maxDelay: 100_000 });
    await assert.rejects(next());
    await assert.rejects(next());
    await assert.rejects(next());
    const [first, second, third] = server.requests;
    assert.ok(second.at - first.at >= 199 && third.at - second.at >= 399);
    server.onTicket = () => {};
    ticketOf(await next());
    await next();
  });

  test("what can never work is refused when it is made, and asks for nothing", async () => {
    assert.throws(() => ticketUrl(), TypeError);
    assert.throws(() => ticketUrl("ws://gate.example/ws-ticket"), { name: "SyntaxError" });
    assert.throws(() => ticketUrl(server.issue, { attemptTimeout: 0 }), RangeError);
    assert.equal(server.requests.length, 0);
  });

  test("its signal ends the wait after a rejection, too, and is left as it was", async () => {
    server.onTicket = () => ({ status: 401 });
    const controller = new AbortController();
    const { signal } = controller;
    const next = ticketUrl(server.issue, { baseDelay: 3_000_000, maxDelay: 3_000_000, signal });
    await assert.rejects(next(), { code: 4401 });
    let end;
    next().catch((error) => {
      end = error;
    });
    controller.abort();
    await until(() => end, "it is over");
    assert.equal(end.code, 1005);
    await assert.rejects(next(), { code: 1005 });
    assert.deepEqual([server.requests.length, getEventListeners(signal, "abort").length], [1, 0]);
  });

  test("its signal ends it", async () => {
    server.onTicket = () => ({ status: 503 });
    const controller = new AbortController();
    const url = ticketUrl(server.issue, { ...FAST, signal: controller.signal })();
    url.catch(() => {});
    await until(() => server.requests.length >= 2);
    controller.abort();
    await assert.rejects(url, { message: "aborted", code: 1005 });
    const { length } = server.requests;
    await silence();
    assert.equal(server.requests.length, length);
    await assert.rejects(ticketUrl(server.issue, { signal: controller.signal })(), { code: 1005 });
  });
});
