// A page's network and visibility: the client tries seldom while offline, and wakes at once when there is a reason to.
// Node has no page, so these tests make what a page has: events of the window, to which the document's bubble, `document.hidden` and
// `navigator.onLine`. Real pages follow in the browser's tests.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startServer } from "./support/client-server.js";
import { FAST, silence, until, watching } from "./support/watch.js";

let server;
let page;
let tab;
beforeEach(async () => {
  server = await startServer();
  page = new EventTarget();
  tab = { hidden: false };
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.document = tab;
  network(true);
});
afterEach(async () => {
  delete globalThis.addEventListener;
  delete globalThis.document;
  delete navigator.onLine;
  await server.close();
});

function network(onLine) {
  Object.defineProperty(navigator, "onLine", { value: onLine, configurable: true });
  page.dispatchEvent(new Event(onLine ? "online" : "offline"));
}
function visible(is) {
  tab.hidden = !is;
  page.dispatchEvent(new Event("visibilitychange"));
}
const listeners = () =>
  ["online", "pageshow", "visibilitychange"].reduce((sum, type) => sum + getEventListeners(page, type).length, 0);

/** Waits that nobody sits out. */
const SLOW = { baseDelay: 3_000_000, maxDelay: 3_000_000 };

/** A socket whose first attempt has failed and that waits for long. */
async function waiting(t, options) {
  server.onTicket = (n) => (n === 1 ? { status: 503, ...options } : undefined);
  const watched = watching(t)(server.issue, SLOW);
  await until(() => watched.count("close") === 1);
  return watched;
}

describe("a client that waits", () => {
  for (const [what, act] of [
    ["the network comes back", () => network(true)],
    ["the page is shown", () => visible(true)],
    ["the page comes back from the history", () => page.dispatchEvent(new Event("pageshow"))],
  ]) {
    test(`wakes at once when ${what}`, async (t) => {
      const watched = await waiting(t);
      act();
      await watched.opened();
    });
  }

  test("doesn't wake when the page is hidden, nor when the network goes", async (t) => {
    await waiting(t);
    visible(false);
    page.dispatchEvent(new Event("offline"));
    await silence();
    assert.equal(server.requests.length, 1);
  });

  test("wakes in a hidden page when the network comes back", async (t) => {
    const watched = await waiting(t);
    visible(false);
    network(true);
    await watched.opened();
  });

  test("isn't woken before the gate's Retry-After is over, but then", async (t) => {
    const watched = await waiting(t, { headers: { "Retry-After": "1" } });
    visible(true);
    network(true);
    await watched.opened();
    const [first, second] = server.requests;
    assert.equal(server.requests.length, 2);
    assert.ok(second.at - first.at >= 999, `${second.at - first.at} ms`);
  });

  test("starts one attempt, however often it is woken", async (t) => {
    const watched = await waiting(t);
    for (let times = 0; times < 5; times += 1) {
      visible(true);
      network(true);
    }
    await watched.opened();
    await silence();
    assert.deepEqual([server.requests.length, server.connections.length], [2, 1]);
  });

  test("closes at once", async (t) => {
    const watched = await waiting(t);
    watched.socket.close();
    await watched.stopped();
    visible(true);
    network(true);
    await silence();
    assert.equal(server.requests.length, 1);
  });
});

describe("offline, which is a hint only", () => {
  test("a new socket tries all the same: there may be a way", async (t) => {
    network(false);
    await watching(t)(server.issue, SLOW).opened();
  });

  test("the next attempt comes after the longest wait, and not at random before it", async (t) => {
    const { random } = Math;
    Math.random = () => 0;
    t.after(() => {
      Math.random = random;
    });
    network(false);
    server.onTicket = () => ({ status: 503 });
    const watched = watching(t)(server.issue, { baseDelay: 1, maxDelay: 300_000 });
    await until(() => watched.count("close") === 1);
    assert.equal(watched.last("close").delay, 300_000);
    await silence();
    assert.equal(server.requests.length, 1);
    server.onTicket = () => {};
    network(true);
    await watched.opened();
  });

  test("it goes on trying, however long that lasts", async (t) => {
    network(false);
    server.onTicket = () => ({ status: 503 });
    const watched = watching(t)(server.issue, FAST);
    await until(() => watched.count("close") >= 5);
    server.onTicket = () => {};
    await watched.opened();
    assert.equal(navigator.onLine, false);
  });

  test("a connection is left alone: it may be to this very machine", async (t) => {
    const watched = watching(t)(server.issue, FAST);
    await watched.opened();
    network(false);
    watched.socket.send("still here");
    await until(() => watched.messages.includes("still here"));
    network(true);
    visible(true);
    await silence();
    assert.deepEqual([watched.count("open"), watched.count("close")], [1, 0]);
  });
});

describe("listeners of the page", () => {
  test("are there until the client is closed, once each", async (t) => {
    const watched = await waiting(t);
    assert.equal(listeners(), 3);
    network(true);
    await watched.opened();
    assert.equal(listeners(), 3);
    server.connection.cut();
    await until(() => watched.count("close") === 2);
    assert.equal(listeners(), 3);
    watched.socket.close();
    await watched.stopped();
    assert.equal(listeners(), 0);
  });

  test("don't add up over attempts", async (t) => {
    server.onTicket = () => ({ status: 503 });
    const watched = watching(t)(server.issue, { baseDelay: 1, maxDelay: 1 });
    await until(() => watched.count("close") >= 20);
    assert.ok(listeners() <= 3, `${listeners()} listeners`);
  });
});
