// The wire, `POST /ws-ticket` with the development identity: what is answered, and which bodies are taken.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { assertProblem } from "./support/problem.js";
import { TICKET } from "./support/tickets.js";

const LIMIT = 4096;
const TYPE = { "Content-Type": "application/json" };

/** A body of exactly `bytes` bytes that names a room. */
const padded = (bytes) => `{"room":"lobby"${" ".repeat(bytes - '{"room":"lobby"}'.length)}}`;

describe("POST /ws-ticket", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv" }, edge: true });
  });
  after(() => gate?.close());

  /** The refusal is of the right form, costs no store call and gives nothing out. */
  async function refuses(send, status, code, never) {
    await gate.edge();
    assertProblem(await send(), status, code, { never });
    assert.deepEqual(await gate.calls(), {}, "a refused request reached a store");
  }

  async function welcome(ticket) {
    const session = await gate.upgrade(ticket);
    assert.equal(session.status, 101);
    const message = await session.message();
    await session.leave();
    return message;
  }

  test("answers a ticket, how long it lives, until when, and where to go with it", async () => {
    const before = Date.now();
    const answer = await gate.post({ sub: "alice", room: "lobby" });
    const after = Date.now();
    assert.equal(answer.status, 200);
    assert.match(answer.headers["content-type"], /^application\/json(;|$)/);
    const { ticket, expires_in, expires_at, url, ...rest } = answer.json;
    assert.deepEqual(rest, { ping: "ws-ticket:ping" }, "members that the protocol does not name");
    assert.match(ticket, TICKET);
    assert.equal(expires_in, 300);
    assert.match(expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, "RFC 3339 in UTC");
    const end = Date.parse(expires_at);
    assert.ok(end >= before + 300_000 && end <= after + 300_000, `${expires_at} is not 300 s from now`);
    assert.equal(url, `ws://${new URL(gate.url).host}/ws?ticket=${ticket}`);
    const { subject, room } = await welcome(ticket);
    assert.deepEqual([subject, room], ["alice", "lobby"]);
  });

  test("is never kept by a cache, and its address is never passed on", async () => {
    const { headers } = await gate.post();
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["referrer-policy"], "no-referrer");
  });

  test("url is wss when the request came by https, with the host that was asked", async () => {
    const answer = await gate.direct("https://gate.example/ws-ticket", { method: "POST" });
    const { url, ticket } = answer.json;
    assert.equal(url, `wss://gate.example/ws?ticket=${ticket}`);
  });

  test("two hundred tickets are two hundred texts", async () => {
    const issued = await Promise.all(Array.from({ length: 200 }, () => gate.issue()));
    assert.equal(new Set(issued.map(({ ticket }) => ticket)).size, 200);
  });

  test("the body is optional: without one, the subject is dev, in no room", async () => {
    const none = await gate.post();
    assert.equal(none.status, 200);
    const { subject, room } = await welcome(none.json.ticket);
    assert.deepEqual([subject, room], ["dev", null]);
    for (const body of ["", "{}"]) {
      const answer = await gate.request({ method: "POST", path: "/ws-ticket", headers: TYPE, body });
      assert.equal(answer.status, 200, `body ${JSON.stringify(body)}`);
    }
  });

  test("names: as long as they may be, in any script, and as they were written", async () => {
    for (const [sub, room] of [
      ["a", "b"],
      ["s".repeat(256), "r".repeat(128)],
      ["é".repeat(128), "é".repeat(64)],
      ["爱丽丝 🦊", "大厅/1?x=y&z#"],
      [' "quoted" \\ ', "<b>'"],
      ["__proto__", "constructor"],
    ]) {
      const { ticket } = await gate.issue({ sub, room });
      const { subject, room: entered } = await welcome(ticket);
      assert.deepEqual([subject, entered], [sub, room]);
    }
  });

  for (const [what, body] of [
    ["an empty subject", '{"sub":""}'],
    ["a subject of 257 bytes", JSON.stringify({ sub: "s".repeat(257) })],
    ["a subject of 129 characters in 258 bytes", JSON.stringify({ sub: "é".repeat(129) })],
    ["an empty room", '{"room":""}'],
    ["a room of 129 bytes", JSON.stringify({ room: "r".repeat(129) })],
    ["a subject with a line break", '{"sub":"eve\\nadmin"}'],
    ["a subject with NUL", '{"sub":"eve\\u0000"}'],
    ["a room with DEL", '{"room":"eve\\u007f"}'],
    ["a room with a C1 control character", '{"room":"eve\\u0085"}'],
    ["a subject that is a number", '{"sub":7}'],
    ["a room that is a list", '{"room":["lobby"]}'],
    ["a field that nobody knows", '{"sub":"eve","role":"eve-admin"}'],
    ["a known field in capitals", '{"Sub":"eve"}'],
    ["a list", "[]"],
    ["a list of the fields' values", '["eve","lobby"]'],
    ["a text", '"eve"'],
    ["a number", "1"],
    ["null", "null"],
    ["half an object", '{"sub":"eve"'],
    ["two objects", '{"sub":"eve"}{"sub":"mallory"}'],
    ["a trailing comma", '{"sub":"eve",}'],
    ["a comment", '{"sub":"eve"} // eve'],
    ["a field twice", '{"sub":"eve","sub":"mallory"}'],
    ["a form", "sub=eve"],
    ["half a surrogate pair", '{"sub":"\\ud800"}'],
    ["bytes that are not UTF-8", Buffer.from([...Buffer.from('{"sub":"'), 0xc3, 0x28, ...Buffer.from('"}')])],
    ["UTF-16", Buffer.from('{"sub":"eve"}', "utf16le")],
    ["deep nesting", `{"sub":${"[".repeat(2000)}${"]".repeat(2000)}}`],
  ]) {
    test(`refuses ${what}`, () => refuses(() => gate.post(body), 400, "body_malformed", ["eve", "mallory"]));
  }

  test("takes a body of 4096 bytes, with and without a length", async () => {
    for (const body of [padded(LIMIT), [padded(LIMIT).slice(0, 100), padded(LIMIT).slice(100)]]) {
      const answer = await gate.request({ method: "POST", path: "/ws-ticket", headers: TYPE, body });
      assert.equal(answer.status, 200, answer.text);
      assert.equal((await welcome(answer.json.ticket)).room, "lobby");
    }
  });

  for (const [what, body] of [
    ["4097 bytes", padded(LIMIT + 1)],
    ["4097 bytes in chunks, without a length", [padded(LIMIT + 1).slice(0, 4000), padded(LIMIT + 1).slice(4000)]],
    ["4097 bytes of nothing but spaces", " ".repeat(LIMIT + 1)],
    ["300 kilobytes in chunks", Array.from({ length: 300 }, () => "x".repeat(1000))],
    ["a megabyte", "x".repeat(1_000_000)],
  ]) {
    const send = () => gate.request({ method: "POST", path: "/ws-ticket", headers: TYPE, body });
    test(`refuses a body of ${what}`, () => refuses(send, 413, "body_too_large"));
  }

  test("takes application/json in any case and with parameters", async () => {
    for (const type of ["application/json", "Application/JSON", "application/json; charset=utf-8"]) {
      const answer = await gate.post({ sub: "alice" }, { "Content-Type": type });
      assert.equal(answer.status, 200, type);
      assert.equal((await welcome(answer.json.ticket)).subject, "alice");
    }
  });

  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "text/json",
    "json",
    "",
  ]) {
    const send = () => gate.post('{"sub":"eve"}', { "Content-Type": type });
    test(`refuses a body of type ${JSON.stringify(type)}`, () => refuses(send, 415, "media_type_unsupported", ["eve"]));
  }

  test("refuses a body without a type", () =>
    refuses(
      () => gate.request({ method: "POST", path: "/ws-ticket", body: '{"sub":"eve"}' }),
      415,
      "media_type_unsupported",
    ));
});
