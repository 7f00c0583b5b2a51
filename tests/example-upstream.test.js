// examples/upstream, behind a gate by a service binding: an echo, and rooms. Real clients of `ws`.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { until } from "./support/pace.js";
import { assertProblem } from "./support/problem.js";
import { refused, report } from "./support/refused.js";

report();

describe("the Worker behind the gate", () => {
  let gates;
  let gate;
  before(async () => {
    const vars = { ...DEVELOPMENT, TICKET_STORE: "memory", SESSION: "upstream" };
    gates = await startGates([
      { vars, behind: { at: 1, entrypoint: "Upstream" } },
      { main: "examples/upstream/index.js", objects: { ROOM: "Room" } },
    ]);
    [gate] = gates;
  });
  after(() => gate?.close());

  /** Joins: `heard` has what came, parsed. */
  async function join(path, body, headers = {}) {
    const { ticket } = await gate.issue(body);
    const socket = new WebSocket(`ws://${new URL(gate.url).host}${path}?ticket=${ticket}`, { headers });
    const heard = [];
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("message", (data) => heard.push(data.toString().startsWith("{") ? JSON.parse(data) : String(data)));
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    const hears = (match) =>
      until(
        () => heard.find(match),
        () => `such a message came; heard ${JSON.stringify(heard)}`,
      );
    const say = (text) => socket.send(JSON.stringify({ type: "say", text }));
    return { socket, heard, hears, say, closed, leave: () => socket.close(1000) };
  }
  const refuse = async (path, body, code) => {
    const { ticket } = await gate.issue(body);
    assertProblem(await gate.upgrade(ticket, { path }), 502, code);
    refused();
  };

  test("at / an echo, with a welcome and an answer to the ping", async () => {
    const { socket, hears, heard, leave } = await join("/ws", { sub: "张三", room: "lobby" });
    const { session, ...rest } = await hears(({ type }) => type === "welcome");
    assert.deepEqual(rest, { type: "welcome", subject: "张三", room: "lobby" });
    assert.match(session, /^[0-9a-f-]{36}$/);
    socket.send("ws-ticket:ping");
    socket.send("hello");
    await hears((text) => text === "hello");
    assert.deepEqual(heard.slice(1), ["ws-ticket:pong", "hello"]);
    leave();
  });

  test("a room: who is in it, what each says, and who comes and goes", async () => {
    const alice = await join("/ws/room/red", { sub: "alice" });
    assert.deepEqual(await alice.hears(({ type }) => type === "room"), {
      type: "room",
      you: "alice",
      members: ["alice"],
    });
    const bob = await join("/ws/room/red", { sub: "张三", room: "red" }, { "X-Ticket-Subject": "mallory" });
    await bob.hears(({ type, members }) => type === "room" && members.length === 2);
    await alice.hears(({ type, who, members }) => type === "joined" && who === "张三" && members.length === 2);
    const carol = await join("/ws/room/blue", { sub: "carol" });
    bob.say("hello, 👋");
    const said = await alice.hears(({ type }) => type === "said");
    assert.deepEqual([said.who, said.text], ["张三", "hello, 👋"]);
    assert.ok(Math.abs(said.at - Date.now()) < 60_000);
    await bob.hears(({ type }) => type === "said");
    alice.socket.send("ws-ticket:ping");
    await alice.hears((text) => text === "ws-ticket:pong");
    const second = await join("/ws/room/red", { sub: "alice" });
    assert.deepEqual((await second.hears(({ type }) => type === "room")).members, ["alice", "张三"]);
    second.leave();
    await bob.hears(({ type, who }) => type === "left" && who === "alice");
    assert.deepEqual(bob.heard.at(-1).members, ["alice", "张三"]);
    alice.socket.terminate();
    await bob.hears(({ type, members }) => type === "left" && members.length === 1);
    assert.ok(!carol.heard.some(({ type }) => type === "said"));
    for (const each of [bob, carol]) each.leave();
    await Promise.all([bob.closed, carol.closed]);
  });

  test("what is no message of the room's is answered, and nobody else hears it", async () => {
    const [one, two] = [await join("/ws/room/odd", { sub: "one" }), await join("/ws/room/odd", { sub: "two" })];
    const texts = ["x", "{}", "null", '{"type":"say"}', '{"type":"say","text":7}', '{"type":"say","text":" "}', "[]"];
    texts.push(JSON.stringify({ type: "say", text: "x".repeat(2001) }));
    for (const text of texts) one.socket.send(text);
    one.socket.send(Buffer.from("bytes"));
    const count = () => one.heard.filter(({ type }) => type === "refused").length;
    await until(
      () => count() === texts.length + 1,
      () => `${count()} were refused`,
    );
    one.say("x".repeat(2000));
    await two.hears(({ type }) => type === "said");
    assert.deepEqual(
      two.heard.map(({ type }) => type),
      ["room", "said"],
    );
    refused(texts.length + 1);
    for (const each of [one, two]) each.leave();
  });

  test("a ticket for one room opens no other, a strange name is no room, and nobody comes but through the gate", async () => {
    await refuse("/ws/room/blue", { sub: "alice", room: "red" }, "upstream_refused");
    for (const path of [
      "/ws/room/",
      "/ws/room",
      "/ws/rooms",
      "/ws/room/a/b",
      "/ws/room/%20",
      "/ws/room/%zz",
      "/ws/room/%2F",
      `/ws/room/${"x".repeat(65)}`,
    ])
      await refuse(path, { sub: "alice" }, "upstream_failed");
    const direct = await gates[1].worker.fetch("https://ws-ticket-upstream.example/room/red", {
      headers: { Upgrade: "websocket", "X-Ticket-Subject": "alice" },
    });
    assert.equal(direct.status, 404);
    refused();
  });
});
