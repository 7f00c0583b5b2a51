// A page's network and visibility: the client sleeps while offline and wakes at once when there is a reason to.
// Node has no page, so these tests make what a page has: events of the window and of the document, `document.hidden` and
// `navigator.onLine`. Real pages follow in the browser's tests.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startServer } from "./support/client-server.js";
import { FAST, sleep, until, watching } from "./support/watch.js";

let server;
let page;
let tab;
beforeEach(async () => {
  server = await startServer();
  page = new EventTarget();
  tab = Object.assign(new EventTarget(), { hidden: false });
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
  tab.dispatchEvent(new Event("visibilitychange"));
}
const listeners = () => getEventListeners(page, "online").length + getEventListeners(tab, "visibilitychange").length;

/** Waits that nobody sits out. */
const SLOW = { baseDelay: 3_000_000, maxDelay: 3_000_000 };
/** Long enough for an attempt, if there were one. */
const silence = () => sleep(200);

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

describe("offline", () => {
  test("a new socket asks for nothing until the network is there", async (t) => {
    network(false);
    const watched = watching(t)(server.issue, FAST);
    visible(true);
    await silence();
    assert.deepEqual([server.requests.length, watched.log], [0, []]);
    network(true);
    await watched.opened();
  });

  test("a client that waits sleeps on after its wait, and wakes when the network is there", async (t) => {
    server.onTicket = (n) => (n === 1 ? { status: 503 } : undefined);
    const watched = watching(t)(server.issue, FAST);
    watched.socket.addEventListener("close", () => network(false), { once: true });
    await until(() => watched.count("close") === 1);
    await silence();
    assert.equal(server.requests.length, 1);
    visible(true);
    await silence();
    assert.equal(server.requests.length, 1);
    network(true);
    await watched.opened();
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

  test("a socket that sleeps can be closed", async (t) => {
    network(false);
    const watched = watching(t)(server.issue, FAST);
    await silence();
    watched.socket.close();
    await watched.stopped();
    assert.equal(listeners(), 0);
  });
});

describe("listeners of the page", () => {
  test("are there while the client waits, and at no other time", async (t) => {
    const watched = await waiting(t);
    assert.equal(listeners(), 2);
    network(true);
    await watched.opened();
    assert.equal(listeners(), 0);
    server.connection.cut();
    await until(() => listeners() === 2);
    watched.socket.close();
    assert.equal(listeners(), 0);
  });

  test("don't add up over attempts", async (t) => {
    server.onTicket = () => ({ status: 503 });
    const watched = watching(t)(server.issue, { baseDelay: 1, maxDelay: 1 });
    await until(() => watched.count("close") >= 20);
    assert.ok(listeners() <= 2, `${listeners()} listeners`);
  });
});
