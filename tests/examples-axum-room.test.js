// Rooms in Rust behind the gate: examples/axum-room, compiled and run as it is, with sockets that a real gate hands on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SignJWT } from "jose";
import { WebSocket } from "ws";
import { startExample } from "./support/cargo.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { until } from "./support/pace.js";
import { freePort } from "./support/pasted.js";
import { assertProblem, assertRefused } from "./support/problem.js";
import { refused, report } from "./support/refused.js";

report();

const UPSTREAM_SECRET = "the upstream's secret, of 32 bytes or more";

let server;
let gate;
before(async () => {
  const UPSTREAM_URL = `http://127.0.0.1:${await freePort()}`;
  const vars = { ...DEVELOPMENT, TICKET_STORE: "memory", SESSION: "upstream", UPSTREAM_URL, UPSTREAM_SECRET };
  gate = await startGate({ vars });
  const env = { UPSTREAM_SECRET, AUDIENCE: UPSTREAM_URL, GATE_URL: new URL(gate.url).origin };
  server = await startExample("ws-ticket-axum-room", new URL(UPSTREAM_URL).host, env);
});
after(async () => {
  server?.stop();
  await gate?.close();
});

async function enter(sub, name, room) {
  const { ticket } = await gate.issue({ sub, ...(room && { room }) });
  const socket = new WebSocket(`ws://${new URL(gate.url).host}/ws/room/${name}?ticket=${ticket}`);
  const heard = [];
  socket.on("message", (text) => heard.push(String(text)));
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  const hears = (text) =>
    until(
      () => heard.includes(text),
      () => `${text} came; heard ${heard}`,
    );
  return { socket, heard, hears, ticket };
}

test("those who come through the gate meet in a room, under the names of their tickets", async () => {
  const alice = await enter("alice", "red");
  await alice.hears("alice came in");
  const bob = await enter("张三", "red", "red");
  await alice.hears("张三 came in");
  const carol = await enter("carol", "blue");
  bob.socket.send("hello");
  await alice.hears("张三: hello");
  bob.socket.close();
  await alice.hears("张三 left");
  assert.ok(!carol.heard.includes("张三: hello"));
  assertRefused(await gate.upgrade(bob.ticket, { path: "/ws/room/red" }));
  for (const { socket } of [alice, carol]) socket.close();
});

test("a ticket for one room opens no other", async () => {
  const { ticket } = await gate.issue({ sub: "alice", room: "red" });
  assertProblem(await gate.upgrade(ticket, { path: "/ws/room/blue" }), 502, "upstream_refused");
  refused();
});

test("nobody comes without the gate's word", async () => {
  const url = `${server.url.replace("http", "ws")}/room/red`;
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: new URL(gate.url).origin, aud: server.url, sub: "mallory", iat: now, exp: now + 60 };
  const sign = (more, { secret = UPSTREAM_SECRET, typ = "ws-ticket+jwt" } = {}) =>
    new SignJWT({ ...claims, ...more })
      .setProtectedHeader({ alg: "HS256", typ })
      .sign(new TextEncoder().encode(secret));
  const status = (headers) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { headers });
      socket.on("open", () => resolve(101) ?? socket.close());
      socket.on("unexpected-response", (_, { statusCode }) => resolve(statusCode) ?? socket.terminate());
      socket.on("error", reject);
    });
  const asserts = async (assertion) => status({ "X-Ticket-Assertion": await assertion });
  assert.equal(await asserts(sign({})), 101);
  const good = await sign({});
  for (const assertion of [
    "x",
    `${good}, ${good}`,
    sign({}, { secret: "another secret that is long enough" }),
    sign({}, { typ: "JWT" }),
    sign({ aud: "https://other.example" }),
    sign({ iss: "https://other.example" }),
    sign({ exp: now - 30 }),
    sign({ exp: undefined }),
    sign({ sub: undefined }),
  ]) {
    assert.equal(await asserts(assertion), 401);
    refused();
  }
  assert.equal(await status({ "X-Ticket-Subject": "mallory" }), 401);
  refused();
});
