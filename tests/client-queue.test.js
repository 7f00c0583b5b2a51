// Messages that are sent while the client has no connection: kept within bounds, in order, as they were; or refused.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startServer } from "./support/client-server.js";
import { FAST, silence, until, watching } from "./support/watch.js";

const FULL = { name: "InvalidStateError", message: "queue" };
let server;
beforeEach(async () => {
  server = await startServer();
  server.onConnection = () => {};
});
afterEach(() => server.close());

describe("the queue", () => {
  test("goes out in order when there is a connection, before anything that is sent from then on", async (t) => {
    const watched = watching(t)(server.issue, FAST);
    const { socket } = watched;
    socket.onopen = () => socket.send("third");
    socket.send("first");
    socket.send("second");
    await until(() => server.connection?.messages.length === 3);
    assert.deepEqual(server.connection.messages, ["first", "second", "third"]);
    assert.equal(socket.bufferedAmount, 0);
  });

  test("also between two connections, and once only", async (t) => {
    const watched = watching(t)(server.issue, FAST);
    const { socket } = watched;
    await watched.opened();
    server.connection.cut();
    await until(() => watched.count("close") === 1);
    socket.send("in between");
    await watched.opened(2);
    await until(() => server.connection.messages.length > 0);
    server.connection.cut();
    await watched.opened(3);
    await silence();
    assert.deepEqual(
      server.connections.map(({ messages }) => messages),
      [[], ["in between"], []],
    );
  });

  test("while a connection closes messages wait for the next one, as this one sends them no more", async (t) => {
    let closing = false;
    class Closing extends WebSocket {
      get readyState() {
        return closing ? WebSocket.CLOSING : super.readyState;
      }
    }
    const watched = watching(t)(server.issue, { ...FAST, WebSocket: Closing });
    const { socket } = watched;
    await watched.opened();
    closing = true;
    assert.equal(socket.readyState, WebSocket.CONNECTING);
    socket.send("later");
    closing = false;
    server.connection.close(1012);
    await watched.opened(2);
    await until(() => server.connection.messages.length === 1);
    assert.deepEqual(
      server.connections.map(({ messages }) => messages),
      [[], ["later"]],
    );
  });

  test("every kind of data arrives as it was when it was sent", async (t) => {
    const { socket } = watching(t)(server.issue, FAST);
    const bytes = new Uint8Array([0, 1, 2, 3, 4, 5]);
    socket.send("text ✓");
    socket.send(bytes.buffer);
    socket.send(bytes.subarray(2, 4));
    socket.send(new DataView(bytes.buffer, 1, 2));
    socket.send(new Uint16Array([0x0201]));
    socket.send(Buffer.from([9, 8]).subarray(1));
    socket.send(new Blob([new Uint8Array([7])]));
    bytes.fill(99);
    await until(() => server.connection?.messages.length === 7);
    const [text, ...binary] = server.connection.messages;
    assert.equal(text, "text ✓");
    assert.deepEqual(
      binary.map((message) => [...message]),
      [[0, 1, 2, 3, 4, 5], [2, 3], [1, 2], [1, 2], [8], [7]],
    );
  });

  test("has room for so many messages, and refuses the next", async (t) => {
    const watched = watching(t)(server.issue, { ...FAST, queue: 2 });
    const { socket } = watched;
    socket.send("one");
    socket.send("two");
    assert.throws(() => socket.send("three"), FULL);
    await until(() => server.connection?.messages.length === 2);
    assert.deepEqual(server.connection.messages, ["one", "two"]);
    socket.send("four");
    await until(() => server.connection.messages.length === 3);
    server.connection.cut();
    await until(() => watched.count("close") === 1);
    socket.send("there is room again");
  });

  test("has room for so many bytes, as they go over the wire, and says how many there are", (t) => {
    const { socket } = watching(t)(server.issue, { queueBytes: 10 });
    assert.equal(socket.bufferedAmount, 0);
    socket.send("✓✓");
    assert.equal(socket.bufferedAmount, 6);
    socket.send(new Uint8Array(3));
    assert.equal(socket.bufferedAmount, 9);
    for (const data of ["ab", new Uint8Array(2), new ArrayBuffer(2), new Blob(["ab"])]) {
      assert.throws(() => socket.send(data), FULL);
    }
    socket.send("a");
    socket.send("");
    assert.equal(socket.bufferedAmount, 10);
  });

  test("has room for 100 messages and a million bytes, when nothing is said", (t) => {
    const watch = watching(t);
    const many = watch(server.issue).socket;
    for (let count = 0; count < 100; count += 1) many.send("");
    assert.throws(() => many.send(""), FULL);
    const large = watch(server.issue).socket;
    large.send(new Uint8Array(1_000_000));
    assert.throws(() => large.send("a"), FULL);
  });

  test("can be taken back, in order, and is empty then; after the end too", async (t) => {
    server.onTicket = () => "hang";
    const watched = watching(t)(server.issue, FAST);
    const { socket } = watched;
    socket.send("one");
    socket.send(new Uint8Array([2]));
    assert.deepEqual(socket.takeQueue(), ["one", new Uint8Array([2])]);
    assert.deepEqual([socket.takeQueue(), socket.bufferedAmount], [[], 0]);
    socket.send("three");
    socket.close();
    await watched.stopped();
    assert.equal(socket.bufferedAmount, 5);
    assert.deepEqual(socket.takeQueue(), ["three"]);
  });

  test("loses nothing to a socket class that throws while it goes out", async (t) => {
    let left = 2;
    class Throws extends WebSocket {
      send(data) {
        if (data === "second" && left-- > 0) throw new Error("not now");
        super.send(data);
      }
    }
    const watched = watching(t)(server.issue, { ...FAST, WebSocket: Throws });
    // What the app sends as it hears of it comes behind what waits.
    const states = [];
    watched.socket.onerror = () => {
      states.push(watched.socket.readyState);
      watched.socket.send(`after error ${states.length}`);
    };
    for (const text of ["first", "second", "third"]) watched.socket.send(text);
    await watched.opened();
    await until(() => server.connections.flatMap(({ messages }) => messages).length === 5);
    assert.deepEqual(
      server.connections.flatMap(({ messages }) => messages),
      ["first", "second", "third", "after error 1", "after error 2"],
    );
    assert.deepEqual(states, [WebSocket.CONNECTING, WebSocket.CONNECTING]);
    assert.deepEqual(watched.log.slice(0, 2), ["error", "close 1006 …"]);
    assert.equal(watched.last("error").message, "not now");
    assert.equal(watched.socket.bufferedAmount, 0);
  });

  test("of 0 refuses: nothing is kept, and a connection takes messages as ever", async (t) => {
    const watched = watching(t)(server.issue, { ...FAST, queue: 0 });
    const { socket } = watched;
    assert.throws(() => socket.send("too early"), FULL);
    await watched.opened();
    socket.send("now");
    await until(() => server.connection.messages.length === 1);
    assert.deepEqual(server.connection.messages, ["now"]);
  });

  test("after close() nothing is kept, and nothing is thrown, as with WebSocket", async (t) => {
    const watched = watching(t)(server.issue, { ...FAST, queue: 0 });
    watched.socket.close();
    watched.socket.send("too late");
    await watched.stopped();
    watched.socket.send("too late");
    assert.equal(watched.socket.bufferedAmount, 16, "as with WebSocket, it counts what will never be sent");
    assert.deepEqual(watched.socket.takeQueue(), []);
  });
});
