// The contract of WebSocket in its corners. The list is that of the web-platform-tests for WebSocket, the tests are our own. What a
// socket that reconnects can't share is left out: it queues where a WebSocket throws, and its url is there only while it is connected.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { TicketSocket } from "../client/index.js";
import { startServer } from "./support/client-server.js";
import { silence, until, watching } from "./support/watch.js";

let server;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());
const TYPES = ["open", "message", "error", "close"];

describe("the constructor", () => {
  const SYNTAX = { name: "SyntaxError" };
  const made = (...given) => {
    const socket = new TicketSocket(...given);
    socket.close();
  };

  test("without a source of tickets is a TypeError, and so is a call without new", () => {
    for (const nothing of [[], [undefined], [null]]) assert.throws(() => made(...nothing), TypeError);
    assert.throws(() => TicketSocket(server.issue), TypeError);
  });

  for (const url of [
    "",
    "/ws-ticket",
    "http://",
    "http://a b/",
    "ws://gate.example/ws-ticket",
    "mailto:a@b",
    "http://u:p@gate.example/",
  ]) {
    test(`an address that can't be asked, ${JSON.stringify(url)}, is a SyntaxError`, () => {
      assert.throws(() => made(url), SYNTAX);
    });
  }

  for (const protocols of [
    "",
    "a b",
    "a,b",
    "a\0",
    "é",
    "𐀀",
    ["ok", ""],
    ["a", "a"],
    ["echo", "Echo"],
    "ws-ticket.v1",
    ["x/y"],
    ["(a)"],
  ]) {
    test(`subprotocols that can't be offered, ${JSON.stringify(protocols)}, are a SyntaxError, and spend no ticket`, async () => {
      assert.throws(() => made(server.issue, protocols), SYNTAX);
      assert.throws(() => made(server.issue, { protocols }), SYNTAX);
      await silence();
      assert.equal(server.requests.length, 0);
    });
  }

  test("credentials that fetch doesn't know are refused", () => {
    assert.throws(() => made(server.issue, { credentials: "always" }), SYNTAX);
  });

  test("takes every character that a token has, no subprotocols at all, and options that are null", () => {
    const token = "!#$%&'*+-.^_`|~09azAZ";
    for (const protocols of [token, [token, "chat"], [], undefined]) made(server.issue, protocols);
    made(server.issue, null);
  });

  const bad = [
    ["attemptTimeout", [0, "1000", Number.NaN, Number.POSITIVE_INFINITY, null, -1, 2 ** 31, 1n, true, [1000], {}]],
    ["pingInterval", [0, "30000", Number.NaN, Number.POSITIVE_INFINITY]],
    ["pingTimeout", [0, "5000", Number.NaN, Number.POSITIVE_INFINITY]],
    ["baseDelay", ["1000", Number.NaN, Number.POSITIVE_INFINITY, -1]],
    ["maxDelay", ["1000", Number.POSITIVE_INFINITY]],
    ["stableAfter", ["1000", Number.POSITIVE_INFINITY]],
    ["queue", ["1", -1]],
    ["queueBytes", ["1", -1]],
    ["maxRetries", ["3", -1, Number.NaN]],
  ];
  for (const [name, values] of bad) {
    test(`${name}: what can't be meant is refused`, () => {
      for (const value of values) {
        const what = (error) =>
          error instanceof RangeError || (typeof value === "bigint" && error instanceof TypeError);
        assert.throws(() => made(server.issue, { [name]: value }), what, `${typeof value} ${value}`);
      }
      made(server.issue, { [name]: undefined });
      made(server.issue, { [name]: 1 });
    });
  }
  test("maxRetries may be endless", () => made(server.issue, { maxRetries: Number.POSITIVE_INFINITY }));
});

describe("constants", () => {
  for (const [where, object] of [
    ["the class", TicketSocket],
    ["its prototype", TicketSocket.prototype],
  ]) {
    test(`on ${where} can't be written or deleted`, () => {
      for (const [value, name] of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].entries()) {
        const { writable, configurable, value: held } = Object.getOwnPropertyDescriptor(object, name);
        assert.deepEqual([held, writable, configurable], [value, false, false]);
        assert.throws(() => {
          object[name] = 7;
        }, TypeError);
        assert.throws(() => delete object[name], TypeError);
      }
    });
  }
});

test("what is read only can't be set", (t) => {
  const { socket } = watching(t)(server.issue);
  for (const name of ["readyState", "url", "protocol", "extensions", "bufferedAmount", "OPEN"]) {
    const before = socket[name];
    assert.throws(() => {
      socket[name] = 7;
    }, TypeError);
    assert.equal(socket[name], before, name);
  }
});

describe("handlers", () => {
  test("are accessors of the prototype, null at first, and null for what is no function", (t) => {
    const { socket } = watching(t)(server.issue);
    for (const type of TYPES) {
      const name = `on${type}`;
      const { get, set } = Object.getOwnPropertyDescriptor(TicketSocket.prototype, name);
      assert.deepEqual([typeof get, typeof set, Object.hasOwn(socket, name)], ["function", "function", false]);
      assert.equal(socket[name], null);
      const handler = () => {};
      for (const nothing of [1, "f", null, undefined, {}, { handleEvent() {} }, Symbol("s")]) {
        socket[name] = handler;
        assert.equal(socket[name], handler);
        socket[name] = nothing;
        assert.equal(socket[name], null);
      }
    }
  });

  test("one socket's are not another's", (t) => {
    const watch = watching(t);
    const [one, other] = [watch(server.issue).socket, watch(server.issue).socket];
    one.onopen = () => {};
    assert.equal(other.onopen, null);
  });

  test("are called in the order in which they were first set, with the socket as this", async (t) => {
    const { socket } = watching(t)(server.issue);
    const order = [];
    const push = (what) => () => order.push(what);
    socket.addEventListener("open", push(1));
    socket.onopen = push("never");
    socket.addEventListener("open", push(3));
    socket.onopen = function (...[event, ...others]) {
      assert.deepEqual([this, event.target, others], [socket, socket, []]);
      order.push(2);
    };
    await until(() => order.length === 3);
    assert.deepEqual(order, [1, 2, 3]);
  });

  test("taken away and set again, it comes last", (t) => {
    const { socket } = watching(t)(server.issue);
    const order = [];
    socket.onmessage = () => order.push("first");
    socket.addEventListener("message", () => order.push("listener"));
    socket.onmessage = null;
    socket.onmessage = () => order.push("again");
    socket.dispatchEvent(new Event("message"));
    assert.deepEqual(order, ["listener", "again"]);
  });

  test("hear of events that the app dispatches, and once() works beside them", (t) => {
    const { socket } = watching(t)(server.issue);
    let heard = 0;
    socket.onclose = ({ detail }) => {
      heard += detail;
    };
    socket.addEventListener("close", () => {}, { once: true });
    for (const detail of [1, 2]) socket.dispatchEvent(Object.assign(new Event("close"), { detail }));
    assert.equal(heard, 3);
  });

  test("one that is set by another of the same event is heard from the next on", async (t) => {
    const { socket } = watching(t)(server.issue);
    let calls = 0;
    socket.onmessage = () => {
      socket.onmessage = () => {
        calls += 1;
      };
    };
    await until(() => socket.readyState === 1);
    socket.send("a");
    socket.send("b");
    await until(() => calls === 1);
  });
});
