// The contract of WebSocket in its corners, what goes over the wire and how it ends. The list is that of the web-platform-tests for WebSocket, the tests are our own. What a
// socket that reconnects can't share is left out: it queues where a WebSocket throws, and its url is there only while it is connected.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startServer } from "./support/client-server.js";
import { FAST, silence, until, watching } from "./support/watch.js";

let server;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

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
    await silence();
    assert.deepEqual([states, watched.count("close")], [[3, 3], 1]);
  });
});
