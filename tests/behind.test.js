// What docs/behind-the-gate.md shows, as it stands there: a Worker with rooms behind the gate by a service binding, and a WebSocket
// server in Node behind it by HTTP. Real clients of `ws` talk to both.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { REDEEM_SECRET } from "./support/doors.js";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { freePort } from "./support/pasted.js";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const read = (file) => readFileSync(`${PROJECT}${file}`, "utf8");
const APP = "https://app.example.com";
const EXAMPLES = ["examples/room/index.js", "examples/server.js"];
const SHOWN = ["examples/upstream.js", ...EXAMPLES];
const UPSTREAM_SECRET = "the upstream's secret, of 32 bytes or more";

/** A socket to the URL with the ticket: `{ status }` where it is refused, else what it hears, message by message. */
async function open(url, ticket, headers = {}) {
  const socket = new WebSocket(`${url}?ticket=${ticket}`, { headers });
  const heard = [];
  const waiting = [];
  socket.on("message", (text) => {
    const next = waiting.shift();
    if (next) next(String(text));
    else heard.push(String(text));
  });
  const status = await new Promise((resolve, reject) => {
    socket.on("open", () => resolve(101));
    socket.on("unexpected-response", (_, answer) => {
      resolve(answer.statusCode);
      answer.destroy();
    });
    socket.on("error", (error) => (socket.readyState === WebSocket.CONNECTING ? reject(error) : undefined));
  });
  const next = () => (heard.length > 0 ? heard.shift() : new Promise((resolve) => waiting.push(resolve)));
  return { status, next, send: (text) => socket.send(text), close: () => socket.close() };
}

test("the documents show the examples word for word, in both languages", () => {
  for (const document of ["docs/behind-the-gate.md", "docs/zh-CN/behind-the-gate.md"]) {
    const blocks = [...read(document).matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code);
    const files = SHOWN.map((file) =>
      read(file)
        .replace(/^\/\/.*\n/, "")
        .replace("../server/index.js", "ws-ticket-server"),
    );
    assert.deepEqual(blocks, files, document);
  }
});

describe("behind the gate", () => {
  let gates;
  let gate;
  before(async () => {
    gates = await startGates([
      { vars: { ...DEVELOPMENT, TICKET_STORE: "durable", ALLOWED_ORIGINS: APP, REDEEM_SECRET }, edge: true },
      { main: EXAMPLES[0], binds: { GATE: "Redeem" }, objects: { ROOM: "Room" } },
    ]);
    [gate] = gates;
  });
  after(() => gate?.close());

  test("rooms in Durable Objects: who has a ticket is in its room, under its own name, once", async () => {
    const url = `ws://${new URL(gate.url).host}/`;
    const [, { headers: host }] = gates;
    const join = async (sub, room, more = {}) => {
      const { ticket } = await gate.issue({ sub, room }, { Origin: APP });
      return { ticket, socket: await open(url, ticket, { ...host, Origin: APP, ...more }) };
    };
    const { ticket, socket: alice } = await join("alice", "a");
    const { socket: bob } = await join("张三", "a");
    const { socket: carol } = await join("carol", "b");
    assert.deepEqual([alice.status, bob.status, carol.status], [101, 101, 101]);
    bob.send("hello");
    assert.equal(await alice.next(), "张三: hello");
    alice.send("hi");
    assert.equal(await bob.next(), "alice: hi");
    // Nobody else heard anything: what carol hears first is said in her own room.
    const { socket: dave } = await join("dave", "b");
    dave.send("here");
    assert.equal(await carol.next(), "dave: here");
    assert.equal((await open(url, ticket, { ...host, Origin: APP })).status, 401);
    assert.equal((await join("eve", "a", { Origin: "https://evil.example" })).socket.status, 401);
    // A client that names itself isn't believed.
    const { socket: mallory } = await join("mallory", "b", { "X-Subject": "carol" });
    mallory.send("!");
    assert.equal(await dave.next(), "mallory: !");
    for (const socket of [alice, bob, carol, dave, mallory]) socket.close();
  });

  test("rooms: where the gate has no answer nobody is let in, and the ticket opens afterwards", async () => {
    const url = `ws://${new URL(gate.url).host}/`;
    const { ticket } = await gate.issue({ sub: "alice" }, { Origin: APP });
    const headers = { ...gates[1].headers, Origin: APP };
    await gate.edge({ shard: { fetch: { how: "throw" } } });
    assert.equal((await open(url, ticket, headers)).status, 500);
    await gate.edge();
    const socket = await open(url, ticket, headers);
    assert.equal(socket.status, 101);
    socket.close();
  });

  test("a server in Node: welcome, once; nobody without a ticket; 503 where the gate has no answer", async () => {
    const env = { ...process.env, GATE_URL: new URL(gate.url).origin, REDEEM_SECRET, PORT: "0" };
    const server = spawn(process.execPath, [EXAMPLES[1]], { cwd: PROJECT, env, stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [line] = await once(server.stdout.setEncoding("utf8"), "data");
      const url = `${line.trim()}/socket`;
      const { ticket } = await gate.issue({ sub: "alice" }, { Origin: APP });
      const sockets = await Promise.all(Array.from({ length: 20 }, () => open(url, ticket, { Origin: APP })));
      const [admitted, ...more] = sockets.filter(({ status }) => status === 101);
      assert.equal(more.length, 0);
      assert.equal(sockets.filter(({ status }) => status === 401).length, 19);
      assert.equal(await admitted.next(), "welcome, alice");
      admitted.send("hello");
      assert.equal(await admitted.next(), "hello");
      admitted.close();
      assert.equal((await open(url, "", { Origin: APP })).status, 401);
      await gate.edge({ shard: { fetch: { how: "throw" } } });
      assert.equal((await open(url, (await own(gate)).ticket, { Origin: APP })).status, 503);
      await gate.edge();
    } finally {
      server.kill();
    }
  });
});

describe("behind a gate that hands sockets on", () => {
  let server;
  let gate;
  let url;
  before(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const upstream = { SESSION: "upstream", UPSTREAM_URL: `${url}/live`, UPSTREAM_SECRET };
    gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "memory", ...upstream } });
    const GATE_URL = new URL(gate.url).origin;
    const env = { ...process.env, GATE_URL, UPSTREAM_SECRET, AUDIENCE: url, PORT: String(port) };
    server = spawn(process.execPath, [SHOWN[0]], { cwd: PROJECT, env, stdio: ["ignore", "pipe", "inherit"] });
    await once(server.stdout, "data");
  });
  after(async () => {
    server?.kill();
    await gate?.close();
  });

  test("a server in Node believes the gate, and nobody who comes without it", async () => {
    const through = `ws://${new URL(gate.url).host}/ws/room`;
    const { ticket } = await gate.issue({ sub: "alice" });
    const forged = { "X-Ticket-Subject": "mallory", "X-Ticket-Assertion": "x" };
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(through, ticket, forged)));
    const [admitted, ...more] = sockets.filter(({ status }) => status === 101);
    assert.equal(more.length, 0);
    assert.equal(await admitted.next(), "welcome to /live/room, alice");
    admitted.send("hello");
    assert.equal(await admitted.next(), "hello");
    admitted.close();
    const direct = url.replace("http", "ws");
    for (const headers of [{}, { "X-Ticket-Subject": "mallory" }, forged])
      assert.equal((await open(direct, "", headers)).status, 401);
  });
});

/** A ticket that was issued while all was well. */
async function own(gate) {
  await gate.edge();
  const answer = await gate.issue({ sub: "bob" }, { Origin: APP });
  await gate.edge({ shard: { fetch: { how: "throw" } } });
  return answer;
}
