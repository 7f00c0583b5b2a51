// The wire's own truth: what workerd itself takes from a client and lets out, with nothing in front. The documents say what stands
// here; what the platform mends or loses can't be seen through a proxy.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startBare } from "./support/bare.js";
import { DEVELOPMENT } from "./support/harness.js";
import { assertProblem, assertRefused } from "./support/problem.js";

const APP = "https://app.example.com";
const CAPACITOR = "capacitor://localhost";
const KEY = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];

describe("workerd with nothing in front", () => {
  let gate;
  before(async () => {
    gate = await startBare({ ...DEVELOPMENT, ALLOWED_ORIGINS: `${APP},${CAPACITOR}` });
  });
  after(() => gate?.close());

  const asks = (...headers) => gate.exchange(["POST /ws-ticket HTTP/1.1", "Content-Length: 0", ...headers]);
  const opens = async (...headers) => {
    const { ticket } = await gate.issue();
    return {
      ticket,
      answer: await gate.exchange([`GET /ws?ticket=${ticket} HTTP/1.1`, "Host: gate.example", ...headers]),
    };
  };

  for (const host of [
    "u:p@gate.example",
    "u@gate.example",
    "@gate.example",
    ":@gate.example",
    "a@b@gate.example",
    "u@",
  ]) {
    test(`Host: ${host} is refused: a login would end up in url`, async () => {
      const { status, body } = await asks(`Host: ${host}`);
      assert.deepEqual([status, JSON.parse(body).code], [400, "request_malformed"]);
      assert.ok(!body.includes("gate.example"));
      const { status: health } = await gate.exchange(["GET /health HTTP/1.1", `Host: ${host}`]);
      assert.equal(health, 400);
    });
  }

  test("url has the host that was asked, as URLs are written", async () => {
    for (const [host, authority] of [
      ["gate.example:8080", "gate.example:8080"],
      ["GATE.example:80", "gate.example"],
      ["[::1]:8787", "[::1]:8787"],
      ["127.1", "127.0.0.1"],
    ]) {
      const { url } = JSON.parse((await asks(`Host: ${host}`)).body);
      assert.equal(url.split("?")[0], `ws://${authority}/ws`);
    }
    // An @ behind the host is no login.
    const { url } = JSON.parse(
      (await gate.exchange(["POST /ws-ticket?a=@ HTTP/1.1", "Host: x", "Content-Length: 0"])).body,
    );
    assert.match(url, /^ws:\/\/x\/ws\?/);
  });

  test("an empty Origin counts as none", async () => {
    for (const line of ["Origin:", "Origin:   "]) {
      const { status, headers, body } = await asks("Host: gate.example", line);
      assert.equal(status, 200);
      assert.ok(!headers.has("access-control-allow-origin"));
      // It is bound to no origin: the app's page opens with it.
      assert.equal(await gate.opens(JSON.parse(body).ticket, { headers: { Origin: APP } }), 101);
    }
  });

  test("426 comes without Upgrade and Connection: the platform takes them away", async () => {
    const { status, headers } = await gate.exchange(["GET /ws HTTP/1.1", "Host: gate.example"]);
    assert.equal(status, 426);
    assert.ok(!headers.has("upgrade") && !headers.has("connection"));
  });

  test("Upgrade is websocket in any case, and alone: any other list is refused and burns nothing", async () => {
    for (const value of ["websocket", "WebSocket", "WEBSOCKET"]) {
      const { answer } = await opens(`Upgrade: ${value}`, "Connection: Upgrade", ...KEY);
      assert.equal(answer.status, 101, value);
    }
    for (const lines of [
      ["Upgrade: websocket, h2c"],
      ["Upgrade: h2c, websocket"],
      ["Upgrade: websocket", "Upgrade: h2c"],
      ["Upgrade: websocket,"],
      ["Upgrade: websocket/13"],
      ["Upgrade: h2c"],
      ["Upgrade:"],
    ]) {
      const { ticket, answer } = await opens(...lines, "Connection: Upgrade", ...KEY);
      assert.deepEqual([answer.status, JSON.parse(answer.body).code], [426, "upgrade_required"], lines.join());
      assert.equal(await gate.opens(ticket), 101, "it was burnt");
    }
  });

  test("Connection isn't looked at, by the platform neither", async () => {
    for (const lines of [[], ["Connection: keep-alive"], ["Connection: keep-alive, Upgrade,"]]) {
      const { answer } = await opens("Upgrade: websocket", ...lines, ...KEY);
      assert.equal(answer.status, 101, lines.join());
    }
  });

  test("empty elements of Sec-WebSocket-Protocol count for nothing", async () => {
    for (const [value, chosen] of [
      ["chat,", "chat"],
      [",chat", "chat"],
      [", ,chat,\t,", "chat"],
      [",", undefined],
      ["", undefined],
    ]) {
      const { answer } = await opens("Upgrade: websocket", ...KEY, `Sec-WebSocket-Protocol: ${value}`);
      assert.equal(answer.status, 101, JSON.stringify(value));
      assert.equal(answer.headers.get("sec-websocket-protocol"), chosen);
    }
    const { ticket } = await gate.issue();
    const offer = `Sec-WebSocket-Protocol: ws-ticket.v1,, ${ticket},`;
    const { status } = await gate.exchange(["GET /ws HTTP/1.1", "Host: x", "Upgrade: websocket", ...KEY, offer]);
    assert.equal(status, 101);
  });

  test("a bad handshake is refused by the gate before the platform, and burns nothing", async () => {
    const [version, key] = KEY;
    for (const lines of [[key], [version], ["Sec-WebSocket-Version: 8", key], [version, "Sec-WebSocket-Key: x"]]) {
      const { ticket, answer } = await opens("Upgrade: websocket", ...lines);
      assert.deepEqual([answer.status, JSON.parse(answer.body).code], [400, "handshake_invalid"], lines.join());
      assert.equal(await gate.opens(ticket), 101);
    }
  });

  test("the gate's own origin may be spelt as a socket's, and is the same origin", async () => {
    const own = `http://127.0.0.1:${gate.port}`;
    const socket = `ws://127.0.0.1:${gate.port}`;
    for (const minted of [own, socket, undefined]) {
      for (const presented of [own, socket]) {
        const answer = await gate.post(undefined, minted && { Origin: minted });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers["access-control-allow-origin"], minted);
        assert.equal(await gate.opens(answer.json.ticket, { headers: { Origin: presented } }), 101);
      }
    }
    for (const origin of [
      `wss://127.0.0.1:${gate.port}`,
      "ws://127.0.0.1",
      `${socket}/`,
      `${socket}/ws`,
      `WS${socket.slice(2)}`,
    ]) {
      assertProblem(await gate.upgrade("x", { headers: { Origin: origin } }), 403, "origin_refused");
    }
    // Bound to the gate's own is bound: another allowed page burns it.
    const { ticket } = await gate.issue(undefined, { Origin: socket });
    assertRefused(await gate.upgrade(ticket, { headers: { Origin: APP } }));
  });

  test("an origin with a scheme of its own is allowed where it is listed, byte for byte", async () => {
    const answer = await gate.post(undefined, { Origin: CAPACITOR });
    assert.equal(answer.headers["access-control-allow-origin"], CAPACITOR);
    assert.equal(await gate.opens(answer.json.ticket, { headers: { Origin: CAPACITOR } }), 101);
    for (const origin of [
      "capacitor://LOCALHOST",
      "capacitor://localhost/",
      "capacitor://localhost:80",
      "ionic://localhost",
      "capacitor:",
      "file://",
    ]) {
      assertProblem(await gate.post(undefined, { Origin: origin }), 403, "origin_refused");
    }
    const problem = assertProblem(await gate.post(undefined, { Origin: "null" }), 403, "origin_refused");
    assert.match(problem.detail, /null/);
  });

  test("each route stands with a slash at its end, too, and with no two", async () => {
    const { url, ticket } = (await gate.request({ method: "POST", path: "/ws-ticket/" })).json;
    assert.equal(new URL(url).pathname, "/ws");
    const answer = await gate.upgrade(ticket, { path: "/ws/" });
    assert.equal(answer.status, 101);
    await answer.leave();
    assert.equal((await gate.request({ path: "/health/" })).status, 200);
    const headers = { Origin: APP, "Access-Control-Request-Method": "POST" };
    assert.equal((await gate.request({ method: "OPTIONS", path: "/ws-ticket/", headers })).status, 204);
    for (const path of ["/ws-ticket//", "/ws//", "/health//", "//ws", "/ws-ticket/x", "/", "//"]) {
      const lines = [`GET ${path} HTTP/1.1`, "Host: gate.example"];
      assert.equal((await gate.exchange(lines)).status, 404, path);
    }
  });
});
