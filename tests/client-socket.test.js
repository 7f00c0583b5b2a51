// The client as a WebSocket: states, events, properties, and what becomes of messages between connections.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { TicketSocket } from "../client/index.js";
import { startServer } from "./support/client-server.js";
import { FAST, silence, until, watching } from "./support/watch.js";

const { CONNECTING, OPEN, CLOSING, CLOSED } = WebSocket;
let server;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

describe("the interface of WebSocket", () => {
  test("constants, on the class and on its instances", (t) => {
    const { socket } = watching(t)(server.issue);
    for (const name of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]) {
      assert.equal(TicketSocket[name], WebSocket[name]);
      assert.equal(socket[name], WebSocket[name]);
    }
  });

  test("every member that a WebSocket has", (t) => {
    const { socket } = watching(t)(server.issue);
    const members = Object.getOwnPropertyNames(WebSocket.prototype).filter((name) => name !== "constructor");
    for (const name of members) assert.ok(name in socket, `${name} is missing`);
    assert.ok(socket instanceof EventTarget);
    assert.deepEqual([socket.onopen, socket.onmessage, socket.onerror, socket.onclose], [null, null, null, null]);
  });

  test("readyState through a connection's loss and an end", async (t) => {
    const states = [];
    const watched = watching(t)(server.issue, FAST);
    const { socket } = watched;
    for (const type of ["open", "error", "close"]) {
      socket.addEventListener(type, () => states.push(`${type} ${socket.readyState}`));
    }
    assert.equal(socket.readyState, CONNECTING);
    await watched.opened();
    server.onTicket = (n) => (n === 2 ? { status: 500 } : undefined);
    server.connection.cut();
    await watched.opened(2);
    socket.close();
    assert.equal(socket.readyState, CLOSING);
    await watched.stopped();
    assert.equal(socket.readyState, CLOSED);
    // A connection that is cut may also be an error; runtimes differ.
    const [first, ...others] = states.filter((state, index) => index !== 1 || state !== `error ${CONNECTING}`);
    assert.equal(first, `open ${OPEN}`);
    assert.deepEqual(others.slice(-5), [
      `close ${CONNECTING}`,
      `error ${CONNECTING}`,
      `close ${CONNECTING}`,
      `open ${OPEN}`,
      `close ${CLOSED}`,
    ]);
  });

  test("handlers and listeners get the same event, and the socket as its target", async (t) => {
    const { socket } = watching(t)(server.issue);
    const seen = {};
    for (const type of ["open", "message", "close"]) {
      socket[`on${type}`] = function (event) {
        seen[type] = [event, this];
      };
      socket.addEventListener(type, (event) => {
        assert.equal(seen[type][0], event);
        assert.equal(seen[type][1], socket);
        assert.equal(event.target, socket);
      });
    }
    await until(() => seen.open);
    socket.send("hello");
    await until(() => seen.message);
    const [message] = seen.message;
    assert.ok(message instanceof MessageEvent);
    assert.deepEqual([message.data, message.origin], ["hello", `ws://127.0.0.1:${server.port}`]);
    socket.close();
    await until(() => seen.close);
  });

  test("a handler can be replaced and taken away", async (t) => {
    const watched = watching(t)(server.issue);
    const { socket } = watched;
    const seen = [];
    await watched.opened();
    for (const handler of [() => seen.push(1), () => seen.push(2), null]) {
      socket.onmessage = handler;
      socket.send("x");
      const count = watched.messages.length + 1;
      await until(() => watched.messages.length === count);
    }
    assert.deepEqual(seen, [1, 2]);
  });

  test("url is the connection's, without its query", async (t) => {
    const watched = watching(t)(server.issue);
    assert.equal(watched.socket.url, "");
    await watched.opened();
    assert.equal(watched.socket.url, `ws://127.0.0.1:${server.port}/ws`);
    assert.equal(watched.socket.extensions, "");
    assert.equal(watched.socket.protocol, "");
  });

  test("binaryType is kept from connection to connection", async (t) => {
    const watched = watching(t)(server.issue, FAST);
    const { socket } = watched;
    assert.equal(socket.binaryType, "blob");
    await watched.opened();
    const bytes = new Uint8Array([1, 2, 3]);
    socket.send(bytes);
    await until(() => watched.messages.length === 1);
    assert.ok(watched.messages[0] instanceof Blob);
    socket.binaryType = "arraybuffer";
    socket.send(bytes);
    await until(() => watched.messages.length === 2);
    assert.ok(watched.messages[1] instanceof ArrayBuffer);
    server.connection.cut();
    await watched.opened(2);
    assert.equal(socket.binaryType, "arraybuffer");
    socket.send(bytes);
    await until(() => watched.messages.length === 3);
    assert.deepEqual(new Uint8Array(watched.messages[2]), bytes);
  });

  test("numbers that can't be meant are refused", () => {
    for (const name of ["baseDelay", "maxDelay", "attemptTimeout", "stableAfter", "queue", "queueBytes"]) {
      for (const value of [-1, Number.NaN, "soon", 2 ** 31]) {
        assert.throws(() => new TicketSocket(server.issue, { [name]: value }), { name: "RangeError", message: name });
      }
    }
    assert.equal(server.requests.length, 0);
  });
});

describe("close()", () => {
  test("an open connection: the server's close comes back, and that is the end", async (t) => {
    const watched = watching(t)(server.issue, FAST);
    await watched.opened();
    watched.socket.close(3000, "bye");
    const { code, reason, wasClean } = await watched.stopped();
    assert.deepEqual([code, reason, wasClean], [3000, "bye", true]);
    assert.deepEqual(await server.connection.closed, { code: 3000, reason: "bye" });
    await silence();
    assert.deepEqual([server.requests.length, watched.log], [1, ["open", "close 3000"]]);
  });

  test("without a code it is 1005, as with WebSocket, and twice is once", async (t) => {
    const watched = watching(t)(server.issue);
    await watched.opened();
    watched.socket.close();
    watched.socket.close(3000);
    assert.equal((await watched.stopped()).code, 1005);
    watched.socket.close();
    await silence();
    assert.equal(watched.count("close"), 1);
  });

  test("a code or a reason that WebSocket refuses is refused, and nothing is closed", async (t) => {
    const watched = watching(t)(server.issue);
    await watched.opened();
    assert.throws(() => watched.socket.close(1001), { name: "InvalidAccessError" });
    assert.throws(() => watched.socket.close(3000, "x".repeat(124)), { name: "SyntaxError" });
    assert.equal(watched.socket.readyState, OPEN);
  });

  const moments = [
    ["before anything was asked", () => {}, async () => {}],
    [
      "while the ticket is awaited",
      () => Object.assign(server, { onTicket: () => "hang" }),
      () => server.requests.length > 0,
    ],
    [
      "during the handshake",
      () => Object.assign(server, { onUpgrade: () => "hang" }),
      () => server.upgrades.length > 0,
    ],
  ];
  for (const [when, prepare, arrived] of moments) {
    test(`${when}: no connection comes of it, and a close says what was asked for`, async (t) => {
      prepare();
      const watched = watching(t)(server.issue, FAST);
      if (when !== moments[0][0]) await until(arrived, when);
      watched.socket.close(3000, "changed my mind");
      assert.equal(watched.socket.readyState, CLOSING);
      assert.deepEqual(watched.log, [], "close comes later, as with WebSocket");
      const { code, reason, wasClean } = await watched.stopped();
      assert.deepEqual([code, reason, wasClean], [3000, "changed my mind", false]);
      assert.deepEqual(watched.log, ["close 3000"]);
      await silence();
      assert.equal(server.connections.length, 0);
      if (when === moments[1][0]) assert.ok(server.requests[0].aborted);
    });
  }

  test("a socket that opens after it is closed", async (t) => {
    class Stubborn extends WebSocket {
      close(...args) {
        if (this.readyState !== CONNECTING) super.close(...args);
      }
    }
    server.onUpgrade = () => ({ wait: 200 });
    const watched = watching(t)(server.issue, { WebSocket: Stubborn });
    await until(() => server.upgrades.length === 1);
    watched.socket.close();
    await watched.stopped();
    await until(() => server.connections.length === 1, "the late one opened");
    await until(() => server.open === 0, "the late one was closed");
    assert.deepEqual(watched.log, ["close 1005"]);
  });

  for (const type of ["open", "error", "close"]) {
    test(`in a handler of "${type}"`, async (t) => {
      if (type !== "open") server.onTicket = () => ({ status: 500 });
      const watched = watching(t)(server.issue, FAST);
      watched.socket.addEventListener(type, () => watched.socket.close(3000), { once: true });
      assert.equal((await watched.stopped()).code, 3000);
      await silence();
      assert.equal(server.requests.length, 1);
      assert.equal(watched.events.filter(({ willReconnect }) => willReconnect === false).length, 1);
      assert.equal(watched.log.at(-1), "close 3000");
    });
  }
});
