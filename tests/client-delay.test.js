// How often the client tries again and after how long, as far as an app says so; and what it says of it.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { TicketSocket } from "../client/index.js";
import { startServer } from "./support/client-server.js";
import { FAST, silence, sleep, until, watching } from "./support/watch.js";

let server;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

/** Each wait is (all but) the longest that it can be. */
function withoutLuck(t) {
  const { random } = Math;
  Math.random = () => 0.999;
  t.after(() => {
    Math.random = random;
  });
}

describe("how often, and after how long", () => {
  test("each close says which retry comes next, and after how many milliseconds", async (t) => {
    withoutLuck(t);
    server.onTicket = (n) => (n <= 3 ? { status: 500 } : undefined);
    const watched = watching(t)(server.issue, { baseDelay: 10, maxDelay: 30, stableAfter: 0 });
    await watched.opened();
    const said = () =>
      watched.events.filter(({ type }) => type === "close").map(({ attempt, delay }) => [attempt, Math.round(delay)]);
    assert.deepEqual(said(), [
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    await sleep(50);
    server.connection.cut();
    await watched.opened(2);
    assert.deepEqual(said().at(-1), [1, 10], "a connection that lived makes it begin anew");
    watched.socket.close();
    const last = await watched.stopped();
    assert.equal(last.delay, 0);
  });

  test("after more failures than a number can double for, the wait is still one", async (t) => {
    const delays = [];
    const socket = new TicketSocket(() => Promise.reject(new Error("no")), { baseDelay: 0, maxDelay: 0 });
    t.after(() => socket.close());
    socket.onclose = ({ delay }) => delays.push(delay);
    await until(() => delays.length > 1100);
    assert.deepEqual(new Set(delays), new Set([0]));
  });

  for (const maxRetries of [0, 1, 3]) {
    test(`maxRetries: ${maxRetries}: so many retries, and then the end`, async (t) => {
      server.onTicket = () => ({ status: 503 });
      const watched = watching(t)(server.issue, { ...FAST, maxRetries });
      const { code, attempt } = await watched.stopped();
      await silence();
      assert.deepEqual([server.requests.length, code, attempt], [maxRetries + 1, 1006, maxRetries]);
      assert.equal(watched.count("close"), maxRetries + 1);
    });
  }

  test("maxRetries counts anew when a connection has lived", async (t) => {
    const watched = watching(t)(server.issue, { ...FAST, maxRetries: 1, stableAfter: 0 });
    for (const count of [1, 2, 3]) {
      await watched.opened(count);
      await sleep(50);
      server.connection.cut();
    }
    await watched.opened(4);
  });

  test("delay says how long, in place of chance; Retry-After still comes on top", async (t) => {
    const asked = [];
    const delay = (attempt) => {
      asked.push(attempt);
      return attempt * 7;
    };
    server.onTicket = (n) =>
      [{ status: 500 }, { status: 500 }, { status: 503, headers: { "Retry-After": "1" } }][n - 1];
    const watched = watching(t)(server.issue, { delay });
    await watched.opened();
    const delays = watched.events.filter(({ type }) => type === "close").map((event) => event.delay);
    assert.deepEqual(
      [asked, delays],
      [
        [1, 2, 3],
        [7, 14, 1021],
      ],
    );
  });

  for (const [what, delay] of [
    ["nothing", () => {}],
    ["no number", () => "soon"],
    ["less than nothing", () => -1],
    ["NaN", () => Number.NaN],
    ["a promise", async () => 1],
    ["an exception", () => assert.fail("no delay")],
  ]) {
    test(`delay answers ${what}: it waits as if there were none`, async (t) => {
      withoutLuck(t);
      server.onTicket = (n) => (n === 1 ? { status: 500 } : undefined);
      const watched = watching(t)(server.issue, { baseDelay: 50, delay });
      await watched.opened();
      assert.equal(Math.round(watched.last("close").delay), 50);
    });
  }
});
