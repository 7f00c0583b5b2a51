// `reconnect()`, and a `close()` that ends although the server is gone.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startServer } from "./support/client-server.js";
import { FAST, silence, until, watching } from "./support/watch.js";

let server;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

describe("reconnect()", () => {
  test("drops the connection at once, and opens another with a fresh ticket", async (t) => {
    const watched = watching(t)(server.issue, { baseDelay: 3_000_000, maxDelay: 3_000_000 });
    await watched.opened();
    server.connection.deaf = true;
    watched.socket.reconnect();
    assert.equal(watched.socket.readyState, WebSocket.CONNECTING);
    assert.deepEqual(watched.log, ["open", "close 1006 …"]);
    const { reason, delay, attempt } = watched.last("close");
    assert.deepEqual([reason, delay, attempt], ["reconnect", 0, 0]);
    await watched.opened(2);
    assert.equal(new Set(server.upgrades.map(({ ticket }) => ticket)).size, 2);
  });

  test("while it waits: goes on at once, though not before a Retry-After", async (t) => {
    const watch = watching(t);
    server.onTicket = (n) => (n === 1 ? { status: 503 } : undefined);
    const watched = watch(server.issue, { baseDelay: 3_000_000, maxDelay: 3_000_000 });
    await until(() => watched.count("close") === 1);
    watched.socket.reconnect();
    await watched.opened();
    server.onTicket = () => ({ status: 503, headers: { "Retry-After": "3000" } });
    const busy = watch(server.issue, FAST);
    await until(() => busy.count("close") === 1);
    busy.socket.reconnect();
    await silence();
    assert.equal(server.requests.length, 3);
  });

  test("while it asks for a ticket: that request is given up for another", async (t) => {
    server.onTicket = (n) => (n === 1 ? "hang" : undefined);
    const watched = watching(t)(server.issue, FAST);
    await until(() => server.requests.length === 1);
    watched.socket.reconnect();
    await watched.opened();
    await until(() => server.requests[0].aborted);
    assert.equal(server.requests.length, 2);
  });

  test("before it has begun, and after the end, changes nothing", async (t) => {
    const watched = watching(t)(server.issue, FAST);
    watched.socket.reconnect();
    await watched.opened();
    assert.equal(server.requests.length, 1);
    watched.socket.close();
    watched.socket.reconnect();
    await watched.stopped();
    watched.socket.reconnect();
    await silence();
    assert.deepEqual([server.requests.length, watched.log], [1, ["open", "close 1005"]]);
  });

  test("in the handlers of its own events doesn't go round in circles", async (t) => {
    const watched = watching(t)(server.issue, FAST);
    const { socket } = watched;
    socket.onclose = () => socket.reconnect();
    socket.onerror = () => socket.reconnect();
    await watched.opened();
    socket.reconnect();
    await watched.opened(2);
    assert.equal(watched.count("close"), 1);
    socket.onclose = null;
  });
});

test("close() ends although the server is gone", async (t) => {
  const watched = watching(t)(server.issue, FAST);
  await watched.opened();
  server.connection.deaf = true;
  watched.socket.close(3000, "bye");
  assert.equal(watched.socket.readyState, WebSocket.CLOSING);
  const { code, wasClean, willReconnect } = await watched.stopped();
  assert.deepEqual([code, wasClean, willReconnect], [1006, false, false]);
  await silence();
  assert.equal(watched.count("close"), 1);
});
