// A socket that was handed on, by a client that isn't ours and shares no code with what we test with: Python's `websockets`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { pythonWithWebsockets } from "../scripts/websockets.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { refused, report } from "./support/refused.js";
import { startUpstream } from "./support/upstream-server.js";

report();

const SCRIPT = fileURLToPath(new URL("fixtures/through-the-gate.py", import.meta.url));

let upstream;
let gate;
before(async () => {
  upstream = await startUpstream({ subprotocol: "chat.v1" });
  const UPSTREAM_URL = `ws://127.0.0.1:${upstream.port}/`;
  gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "memory", SESSION: "upstream", UPSTREAM_URL } });
});
after(async () => {
  await gate?.close();
  await upstream?.close();
});

test("text, bytes, pieces, pings, closes, subprotocols and a used ticket", async () => {
  const urls = [];
  for (const path of ["/ws", "/ws/ends-4999", "/ws"]) {
    const { ticket } = await gate.issue();
    urls.push(`ws://${new URL(gate.url).host}${path}?ticket=${ticket}`);
  }
  const python = spawn(pythonWithWebsockets(), [SCRIPT, ...urls], { stdio: ["ignore", "pipe", "inherit"] });
  const [output, [status]] = await Promise.all([text(python.stdout), once(python, "close")]);
  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(output), {
    text: true,
    "empty text": true,
    bytes: true,
    "empty bytes": true,
    large: true,
    "text in pieces": true,
    "bytes in pieces": true,
    ping: true,
    close: [4321, "done"],
    "server's close": [4999, "with 4999"],
    subprotocol: "chat.v1",
    uncompressed: true,
    "used ticket": 401,
  });
  refused();
});
