// The contract of WebSocket in its corners. The list is that of the web-platform-tests for WebSocket, the tests are our own. What a
// socket that reconnects can't share is left out: it queues where a WebSocket throws, and its url is there only while it is connected.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { TicketSocket } from "../client/index.js";
import { startServer } from "./support/client-server.js";
import { FAST, sleep, until, watching } from "./support/watch.js";

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
      await sleep(20);
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
      assert.deepEqual([this, event.target, event.currentTarget, others], [socket, socket, socket, []]);
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

describe("binaryType", () => {
  test("set during the handshake is that of the connection", async (t) => {
    server.onUpgrade = () => ({ wait: 200 });
    const watched = watching(t)(server.issue);
    await until(() => server.upgrades.length === 1);
    watched.socket.binaryType = "arraybuffer";
    await watched.opened();
    server.connection.send(Buffer.from([1, 2]));
    await until(() => watched.messages.length > 0);
    assert.ok(watched.messages[0] instanceof ArrayBuffer);
  });

  test("another value changes nothing, before and after the handshake", async (t) => {
    const watched = watching(t)(server.issue);
    const { socket } = watched;
    for (const wait of [() => {}, () => watched.opened()]) {
      await wait();
      socket.binaryType = "arraybuffer";
      for (const value of ["text", "", null, undefined, 7, "Blob", "notBlobOrArrayBuffer"]) socket.binaryType = value;
      assert.equal(socket.binaryType, "arraybuffer");
    }
  });
});

describe("send()", () => {
  const odd = [
    [7, "7"],
    [null, "null"],
    [undefined, "undefined"],
    [true, "true"],
    [{}, "[object Object]"],
    [[1, 2], "1,2"],
    [{ toString: () => "own" }, "own"],
    ["a\uDC00xb\uD800x", "a\uFFFDxb\uFFFDx"],
    ["🦊", "🦊"],
    ["", ""],
  ];
  for (const when of ["while it connects", "while it is open"]) {
    test(`${when}: what is neither text nor bytes is sent as the text that it is`, async (t) => {
      const watched = watching(t)(server.issue);
      if (when.endsWith("open")) await watched.opened();
      for (const [data] of odd) watched.socket.send(data);
      await until(() => watched.messages.length === odd.length);
      assert.deepEqual(
        server.connection.messages,
        odd.map(([, text]) => text),
      );
    });

    test(`${when}: nothing at all is a TypeError, and a symbol too`, async (t) => {
      const watched = watching(t)(server.issue);
      if (when.endsWith("open")) await watched.opened();
      assert.throws(() => watched.socket.send(), TypeError);
      assert.throws(() => watched.socket.send(Symbol("s")), TypeError);
    });
  }

  test("its length is 1; after the end bufferedAmount grows, as nothing is ever sent", async (t) => {
    const watched = watching(t)(server.issue);
    const { socket } = watched;
    assert.equal(socket.send.length, 1);
    await watched.opened();
    socket.close();
    await watched.stopped();
    socket.send("é");
    socket.send(new Uint8Array(3));
    assert.equal(socket.bufferedAmount, 5);
  });
});

describe("close()", () => {
  const ACCESS = { name: "InvalidAccessError" };
  const codes = [
    0,
    999,
    1001,
    1005,
    1006,
    2999,
    5000,
    65_536,
    -1,
    Number.NaN,
    "string",
    null,
    Number.POSITIVE_INFINITY,
    1000 + 65_536,
  ];
  const moments = [
    ["while it connects", () => {}],
    ["while it is open", (watched) => watched.opened()],
    [
      "after the end",
      (watched) => {
        watched.socket.close();
        return watched.stopped();
      },
    ],
  ];
  for (const [when, reach] of moments) {
    test(`${when}: codes and reasons that a WebSocket refuses are refused, and change nothing`, async (t) => {
      const watched = watching(t)(server.issue);
      await reach(watched);
      const { readyState } = watched.socket;
      for (const code of codes) assert.throws(() => watched.socket.close(code), ACCESS, `${code}`);
      for (const reason of ["x".repeat(124), "é".repeat(62)]) {
        assert.throws(() => watched.socket.close(1000, reason), { name: "SyntaxError" });
        assert.throws(() => watched.socket.close(undefined, reason), { name: "SyntaxError" });
      }
      assert.throws(() => watched.socket.close("only a reason"), ACCESS);
      assert.equal(watched.socket.readyState, readyState);
    });
  }

  for (const [code, reason, end] of [
    [1000, "x".repeat(123), 1000],
    [3000, "é".repeat(61), 3000],
    [4999, "", 4999],
    ["1000", "as a text", 1000],
    [undefined, undefined, 1005],
  ]) {
    test(`${code} with a reason of ${reason?.length} characters is the end of it`, async (t) => {
      const watched = watching(t)(server.issue);
      await watched.opened();
      watched.socket.close(code, reason);
      const event = await watched.stopped();
      assert.deepEqual([event.code, event.reason, event.wasClean], [end, reason ?? "", true]);
    });
  }

  test("its event is a CloseEvent, whose members can't be written", async (t) => {
    const watched = watching(t)(server.issue, FAST);
    await watched.opened();
    server.connection.close(4000, "so");
    await until(() => watched.count("close") === 1);
    const event = watched.last("close");
    assert.ok(event instanceof CloseEvent);
    assert.deepEqual(
      [event.code, event.reason, event.wasClean, event.bubbles, event.cancelable],
      [4000, "so", true, false, false],
    );
    assert.throws(() => {
      event.code = 1;
    }, TypeError);
  });

  test("in the handler of the last close, it changes nothing", async (t) => {
    const watched = watching(t)(server.issue);
    const states = [];
    watched.socket.onclose = () => {
      states.push(watched.socket.readyState);
      watched.socket.close();
      states.push(watched.socket.readyState);
    };
    watched.socket.close();
    assert.equal(watched.socket.readyState, 2);
    await watched.stopped();
    await sleep(50);
    assert.deepEqual([states, watched.count("close")], [[3, 3], 1]);
  });
});
