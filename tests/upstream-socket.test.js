// What goes over a socket that the gate handed on, in workerd with nothing in front: every message as it was, both ways, and every end of
// it. The gate isn't in between any more, which is to be seen here and not believed.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { startBare } from "./support/bare.js";
import { DEVELOPMENT } from "./support/harness.js";
import { until } from "./support/pace.js";
import { assertRefused } from "./support/problem.js";
import { BINARY, CONTINUATION, frame, PING, TEXT } from "./support/raw-socket.js";
import { refused, report } from "./support/refused.js";
import { startUpstream } from "./support/upstream-server.js";

report();

const MIB = 2 ** 20;
const digest = (data) => createHash("sha256").update(data).digest("hex");
/** What a server may close with (RFC 6455 §7.4; 1012 to 1014 are registered since). */
const CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
for (let code = 3000; code < 5000; code += 1) CODES.push(code);

describe("a socket that was handed on", () => {
  let upstream;
  let gate;
  before(async () => {
    upstream = await startUpstream();
    const UPSTREAM_URL = `ws://127.0.0.1:${upstream.port}/`;
    gate = await startBare({ ...DEVELOPMENT, SESSION: "upstream", UPSTREAM_URL, UPSTREAM_TIMEOUT_MS: "10000" });
  });
  after(async () => {
    await gate?.close();
    await upstream?.close();
  });

  async function open(path = "/ws") {
    const { ticket } = await gate.issue();
    const socket = new WebSocket(`ws://127.0.0.1:${gate.port}${path}?ticket=${ticket}`, { maxPayload: 40 * MIB });
    // An end may come with the opening.
    socket.ended = once(socket, "close").then(([code, reason]) => ({ code, reason: String(reason) }));
    await once(socket, "open");
    return socket;
  }

  async function echoed(socket, message, options) {
    socket.send(message, options);
    const [data, isBinary] = await once(socket, "message");
    return { data, isBinary };
  }

  test("text and bytes come back as they were, from nothing to 32 MiB", async () => {
    const socket = await open();
    for (const size of [0, 1, 125, 126, 65_535, 65_536, MIB, 32 * MIB]) {
      const bytes = randomBytes(size);
      const { data, isBinary } = await echoed(socket, bytes);
      assert.equal(isBinary, true);
      assert.equal(digest(data), digest(bytes), `${size} bytes`);
    }
    for (const text of ["", "hello", "张三 👋 \u{0}", "x".repeat(MIB)]) {
      const { data, isBinary } = await echoed(socket, text);
      assert.equal(isBinary, false);
      assert.equal(String(data), text);
    }
    socket.close();
    await socket.ended;
  });

  test("messages keep their order", async () => {
    const socket = await open();
    const heard = [];
    socket.on("message", (data) => heard.push(String(data)));
    const sent = Array.from({ length: 2000 }, (_, number) => `${number} ${"x".repeat(number % 300)}`);
    for (const text of sent) socket.send(text);
    await until(
      () => heard.length === sent.length,
      () => `${heard.length} came back`,
    );
    assert.deepEqual(heard, sent);
    socket.close();
    await socket.ended;
  });

  test("a message in pieces is one message, and a ping between them is answered", async () => {
    const { ticket } = await gate.issue();
    const socket = new WebSocket(`ws://127.0.0.1:${gate.port}/ws?ticket=${ticket}`, { perMessageDeflate: false });
    await once(socket, "open");
    const raw = socket._socket;
    const pong = once(socket, "pong");
    const message = once(socket, "message");
    raw.write(frame(TEXT, "one ", { fin: false }));
    raw.write(frame(PING, "there?"));
    raw.write(frame(CONTINUATION, "two ", { fin: false }));
    raw.write(frame(CONTINUATION, "three"));
    assert.equal(String((await pong)[0]), "there?");
    assert.equal(String((await message)[0]), "one two three");
    const bytes = once(socket, "message");
    raw.write(frame(BINARY, "a", { fin: false }));
    raw.write(frame(CONTINUATION, ""));
    const [data, isBinary] = await bytes;
    assert.deepEqual([String(data), isBinary], ["a", true]);
    socket.close();
  });

  test("what RFC 6455 doesn't allow comes to the server as it is, which ends the session, and says why", async () => {
    for (const [what, bytes, code] of [
      ["a text that is no UTF-8", frame(TEXT, Buffer.from([0xff, 0xfe])), 1007],
      ["an opcode that there isn't", frame(3, "x"), 1002],
      ["a bit of an extension that nobody agreed on", frame(TEXT, "x", { rsv: 1 }), 1002],
      ["a ping in pieces", frame(PING, "x", { fin: false }), 1002],
      ["a continuation of nothing", frame(CONTINUATION, "x"), 1002],
      ["a frame without a mask", frame(TEXT, "x", { masked: false }), 1002],
      ["a ping of 126 bytes", frame(PING, "x".repeat(126)), 1002],
    ]) {
      const { ticket } = await gate.issue();
      const url = `ws://127.0.0.1:${gate.port}/ws?ticket=${ticket}`;
      const socket = new WebSocket(url, { perMessageDeflate: false });
      await once(socket, "open");
      const ended = once(socket, "close");
      socket._socket.write(bytes);
      assert.equal((await ended)[0], code, what);
      refused();
    }
  });

  test(`every code with which the server may close comes to the client, with its reason (${CODES.length})`, async () => {
    const wrong = [];
    const queue = [...CODES];
    const lane = async () => {
      for (let code = queue.shift(); code !== undefined; code = queue.shift()) {
        const end = await (await open(`/ws/ends-${code}`)).ended;
        if (end.code !== code || end.reason !== `with ${code}`) wrong.push([code, end]);
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    assert.deepEqual(wrong, []);
  });

  test("the client's code and reason come to the server", async () => {
    for (const code of [1000, 1001, 1011, 3000, 4001, 4999]) {
      const socket = await open(`/ws/by-client-${code}`);
      socket.close(code, `because ${code}`);
      await socket.ended;
      const ended = () => upstream.ended.find(({ url }) => url === `/by-client-${code}`);
      await until(ended, () => `the server heard nothing of ${code}`);
      assert.deepEqual([ended().code, ended().reason], [code, `because ${code}`]);
    }
  });

  test("a client that is torn away, and a server that is, end the other side too", async () => {
    const gone = await open("/ws/torn");
    gone.terminate();
    await until(
      () => upstream.ended.some(({ url }) => url === "/torn"),
      () => "the server still waits",
    );
    const left = await open("/ws/tearing");
    for (const socket of upstream.sockets) socket.terminate();
    const { code } = await left.ended;
    assert.equal(code, 1006);
  });

  test("a client that vanishes while the server is asked leaves no socket behind, and its ticket is burnt", async () => {
    const { ticket } = await gate.issue();
    const { port } = gate;
    const before = upstream.handshakes.length;
    const client = net.connect(port, "127.0.0.1");
    client.write(
      [
        `GET /ws/late-700?ticket=${ticket} HTTP/1.1`,
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ].join("\r\n"),
    );
    await until(
      () => upstream.handshakes.length > before,
      () => "the server was not asked",
    );
    client.destroy();
    const late = () => upstream.ended.some(({ url }) => url === "/late-700");
    const none = () => upstream.sockets.size === 0;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await until(none, () => `${upstream.sockets.size} sockets are still open, ${late() ? "and" : "nor did"} one ended`);
    assertRefused(await gate.upgrade(ticket));
  });
});
