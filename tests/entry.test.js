// What stands in front of the wasm. It has two doors: that of our entry, and the handler of the crate `worker`, for who builds the gate
// with `worker-build`. Both give the same answers. And after a panic it begins anew: nothing in the gate can panic, so a build of
// its own is told to, at GET /panic.
//
// One file, since its two builds write to the same place one after the other.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { compile } from "../scripts/build.js";
import { startBare } from "./support/bare.js";
import { until } from "./support/pace.js";

const VARS = { ENVIRONMENT: "development", IDENTITY: "dev", PAGE: "off", TICKET_STORE: "durable" };
const TICKET = `wst_d0_${"A".repeat(43)}`;
const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const body = (text, ...headers) => [...headers, `Content-Length: ${text.length}`, "", text];
const json = (text, ...headers) => body(text, "Content-Type: application/json", ...headers);

/** A request's first line, and what follows: `Host` is added. */
const REQUESTS = [
  ["POST /ws-ticket", ...body("")],
  ["POST /ws-ticket", ...json('{"sub":"alice","room":"lobby"}')],
  ["POST /ws-ticket", ...json('{"sub":"alice"', "Origin: null")],
  ["POST /ws-ticket", ...json("[]")],
  ["POST /ws-ticket", ...body("{}", "Content-Type: text/plain")],
  ["POST /ws-ticket", ...json(`{"room":"${"a".repeat(5000)}"}`)],
  ["POST /ws-ticket", "Transfer-Encoding: chunked", "Content-Type: application/json", "", "2", "{}", "0", "", ""],
  ["POST /ws-ticket", ...body("", "Sec-Fetch-Mode: no-cors")],
  ["POST /ws-ticket", ...body("", "Origin: https://evil.example")],
  ["POST /ws-ticket/", ...body("")],
  ["POST //ws-ticket", ...body("")],
  ["OPTIONS /ws-ticket", "Access-Control-Request-Headers: x-a,x-b"],
  ["OPTIONS /ws-ticket", "Origin: https://evil.example"],
  ["DELETE /ws-ticket"],
  ["GET /ws", KEY, ...UPGRADE],
  [`GET /ws?ticket=${TICKET}`, KEY, ...UPGRADE],
  [`GET /ws?ticket=${TICKET}&t%69cket=x`, KEY, ...UPGRADE],
  [`GET /ws?ticket=${TICKET}`, ...UPGRADE],
  [`GET /ws?ticket=${TICKET}`],
  [`POST /ws?ticket=${TICKET}`, ...body("")],
  ["GET /ws", KEY, ...UPGRADE, `Sec-WebSocket-Protocol: ws-ticket.v1, ${TICKET}`],
  ["GET /health"],
  ["PUT /health", ...body("x")],
  ["GET /nowhere?x=1"],
  ["GET /a/../health"],
];

describe("both doors", () => {
  let gates;
  before(async () => {
    await compile({ folder: "build/stock", entry: "tests/support/stock-entry.js" });
    gates = await Promise.all(["build", "build/stock"].map((folder) => startBare(VARS, { folder, shards: true })));
  });
  after(() => Promise.all((gates ?? []).map((gate) => gate.close())));

  /** Without what differs from answer to answer. */
  const plain = ({ status, headers, body }, { port }) => ({
    status,
    headers: Object.fromEntries(headers),
    body: body
      .replace(/wst_[a-z0-9]+_[\w-]{43,}/g, "<ticket>")
      .replace(/"(session_)?expires_at":"[^"]+"/g, "")
      .replaceAll(String(port), "<port>"),
  });
  const length = (answer) => ({ ...answer, headers: { ...answer.headers, "content-length": "" } });

  for (const [first, ...rest] of REQUESTS) {
    test(`${first.slice(0, 40)} ${rest.join(" ").slice(0, 60)}`, async () => {
      const answers = [];
      for (const gate of gates) {
        const lines = [`${first} HTTP/1.1`, `Host: 127.0.0.1:${gate.port}`, ...rest];
        answers.push(length(plain(await gate.exchange(lines), gate)));
      }
      assert.deepEqual(answers[1], answers[0]);
    });
  }

  test("open the same socket, once", async () => {
    for (const gate of gates) {
      const { ticket } = await gate.issue();
      const session = await gate.upgrade(ticket);
      assert.equal(session.status, 101);
      assert.equal((await session.message()).type, "welcome");
      await session.leave();
      assert.equal(await gate.opens(ticket), 401);
    }
  });
});

describe("after a panic", () => {
  let gate;
  before(async () => {
    await compile({ folder: "build/panicking", features: ["panicking"] });
    gate = await startBare(VARS, { folder: "build/panicking", shards: true });
  });
  after(() => gate?.close());

  const panic = async () => {
    const { status } = await gate.exchange(["GET /panic HTTP/1.1", `Host: 127.0.0.1:${gate.port}`]);
    assert.equal(status, 500);
  };

  test("the next request is served, and tickets of before open, once", async () => {
    const before = await Promise.all(Array.from({ length: 8 }, () => gate.issue()));
    await panic();
    for (const { ticket } of before) {
      assert.equal(await gate.opens(ticket), 101);
      assert.equal(await gate.opens(ticket), 401);
    }
    assert.equal(await gate.opens((await gate.issue()).ticket), 101);
  });

  test("again, and again: each time the wasm begins anew, and the objects with it", async () => {
    const { ticket } = await gate.issue();
    for (let time = 0; time < 5; time += 1) {
      await panic();
      assert.equal(await gate.opens((await gate.issue()).ticket), 101);
    }
    assert.equal(await gate.opens(ticket), 101);
  });

  test("with neighbours in flight nobody is admitted twice, and the next is served", async () => {
    const issued = await Promise.all(Array.from({ length: 30 }, () => gate.issue()));
    // Those whose memory is gone are answered by the platform, not by the gate.
    const asked = issued.map(({ ticket }) => gate.opens(ticket).catch(() => 500));
    await panic();
    const first = await Promise.all(asked);
    const second = await Promise.all(issued.map(({ ticket }) => gate.opens(ticket)));
    for (const [number, status] of first.entries()) {
      assert.ok([101, 500, 503].includes(status), `${status}`);
      if (status === 101) assert.equal(second[number], 401);
    }
    assert.equal(await gate.opens((await gate.issue()).ticket), 101);
  });

  test("its message and stack are in the log, once", async () => {
    const told = () => gate.output.split("asked to").length - 1;
    const before = told();
    await panic();
    await until(() => told() > before, "the panic is told");
    await gate.issue();
    assert.equal(told() - before, 1);
    assert.match(gate.output, /Stack:/);
  });
});
