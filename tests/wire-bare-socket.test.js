// How a session ends, and what the platform does with frames that no client should send: what docs/asyncapi.yaml says, held to
// workerd itself. A proxy in front would close for its own reasons.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { document } from "./support/asyncapi.js";
import { startBare } from "./support/bare.js";
import { DEVELOPMENT } from "./support/harness.js";
import { BINARY, CLOSE, CONTINUATION, close, frame, openRaw, PING, PONG, TEXT } from "./support/raw-socket.js";

const MIB = 1024 * 1024;
const declared = document().channels.socket["x-close-codes"];
const ranges = (code) =>
  String(code)
    .split(", ")
    .map((range) => range.split(" to ").map(Number));

/** Both ends of each range of codes that a client may send, as the document has them. */
const edges = (index) => ranges(declared.filter(({ by }) => by === "client")[index].code).flat();

describe("a session in workerd with nothing in front", () => {
  let gate;
  before(async () => {
    gate = await startBare(DEVELOPMENT);
  });
  after(() => gate?.close());

  async function ends(...pieces) {
    const socket = await openRaw(gate);
    socket.send(...pieces);
    return socket.closing();
  }
  async function answers(...pieces) {
    const socket = await openRaw(gate);
    socket.send(...pieces);
    const { opcode, payload } = await socket.next();
    socket.send(close(1000));
    assert.equal((await socket.closing()).code, 1000, "the session goes on");
    return [opcode, payload.toString("utf8")];
  }
  const by = (who, code) => declared.some((each) => each.by === who && String(each.code) === String(code));

  test("the document has a place for every code, and one only", () => {
    const places = declared.filter((each) => each.by === "client").flatMap(({ code }) => ranges(code));
    for (let code = 0; code <= 65_535; code += 1) {
      const found = places.filter(([first, last = first]) => code >= first && code <= last);
      assert.equal(found.length, 1, `${code}`);
    }
  });

  test("a close with a code is answered with the same code and reason", async () => {
    for (const code of edges(0)) assert.deepEqual(await ends(close(code, "bye 再见")), { code, reason: "bye 再见" });
    assert.deepEqual(await ends(close(1000)), { code: 1000, reason: "" });
  });

  test("a close without a code is answered without one", async () => {
    assert.deepEqual(await ends(frame(CLOSE)), { code: undefined, reason: "" });
  });

  test("a close with a code that nobody may send is answered as it came", async () => {
    for (const code of edges(2)) assert.deepEqual(await ends(close(code, "bye")), { code, reason: "bye" });
  });

  test("a frame that isn't allowed ends the session with 1002, and the reason says why", async () => {
    assert.ok(by("platform", 1002));
    for (const [what, reason, ...pieces] of [
      ["an opcode that there isn't", /opcode/i, frame(3, "x")],
      ["a bit of an extension", /compression/i, frame(TEXT, "x", { rsv: 4 })],
      ["a control frame in fragments", /control/i, frame(PING, "x", { fin: false })],
      ["a continuation of nothing", /continuation/i, frame(CONTINUATION, "x")],
    ]) {
      const closing = await ends(...pieces);
      assert.equal(closing.code, 1002, what);
      assert.match(closing.reason, reason);
    }
  });

  test("a message that is too large ends it with 1009; the reason has what the frame declares, and what was left", async () => {
    assert.ok(by("platform", 1009));
    const limit = 32 * MIB;
    for (const size of [limit + 1, 2 ** 40]) {
      const { code, reason } = await ends(frame(BINARY, "", { declares: size }));
      assert.deepEqual([code, reason], [1009, `Message is too large: ${size} > ${limit}`]);
    }
    const half = Buffer.alloc(limit - 10);
    const rest = frame(CONTINUATION, "", { declares: 11 });
    const { code, reason } = await ends(frame(BINARY, half, { fin: false }), rest);
    assert.deepEqual([code, reason], [1009, "Message is too large: 11 > 10"]);
  });

  test("bytes of a text that are no UTF-8 come back as U+FFFD", async () => {
    for (const [bytes, text] of [
      [[0x61, 0xff, 0xfe, 0x62], "a\ufffd\ufffdb"],
      [[0xc3, 0x28], "\ufffd("],
      [[0xe7, 0x88], "\ufffd"],
    ]) {
      assert.deepEqual(await answers(frame(TEXT, Buffer.from(bytes))), [TEXT, text]);
    }
  });

  test("a frame that is not masked is let pass, and so is a ping that is too long", async () => {
    assert.deepEqual(await answers(frame(TEXT, "plain", { masked: false })), [TEXT, "plain"]);
    assert.deepEqual(await answers(frame(PING, "p".repeat(126))), [PONG, "p".repeat(126)]);
  });
});
