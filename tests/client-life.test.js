// The life of a client: who may end it, that it leaves nothing behind, and that it says nothing of its own accord.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { TicketSocket } from "../client/index.js";
import { startServer } from "./support/client-server.js";
import { PATIENCE_MS } from "./support/pace.js";
import { FAST, silence, sleep, until, watching } from "./support/watch.js";

const CLIENT = fileURLToPath(new URL("../client/index.js", import.meta.url));
let server;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

describe("an AbortSignal", () => {
  const moments = [
    ["while it connects", { onTicket: () => "hang" }, () => server.requests.length === 1],
    ["while it waits", { onTicket: () => ({ status: 503 }) }, (watched) => watched.count("close") === 1],
    ["while it is connected", {}, (watched) => watched.count("open") === 1],
  ];
  for (const [when, fault, arrived] of moments) {
    test(`closes the socket ${when}`, async (t) => {
      Object.assign(server, fault);
      const controller = new AbortController();
      const watched = watching(t)(server.issue, { baseDelay: 3_000_000, signal: controller.signal });
      await until(() => arrived(watched), when);
      controller.abort();
      assert.equal((await watched.stopped()).code, 1005);
      await until(() => server.open === 0);
      assert.equal(server.requests.length, 1);
    });
  }

  test("that is aborted already: nothing is asked for, and the close can be heard", async (t) => {
    const watched = watching(t)(server.issue, { signal: AbortSignal.abort() });
    assert.equal(watched.socket.readyState, WebSocket.CLOSING);
    await watched.stopped();
    await silence();
    assert.equal(server.requests.length, 0);
  });

  test("that lives longer than many attempts and sockets holds none of them", async (t) => {
    const { signal } = new AbortController();
    const watch = watching(t);
    server.onTicket = (n) => (n <= 10 ? { status: 503 } : undefined);
    const watched = watch(server.issue, { baseDelay: 1, maxDelay: 1, signal });
    await watched.opened();
    assert.equal(getEventListeners(signal, "abort").length, 1);
    watched.socket.close();
    await watched.stopped();
    server.onTicket = () => ({ status: 403, body: { code: "room_refused" } });
    await watch(server.issue, { signal }).stopped();
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
});

describe("a component that is mounted twice, as by React's StrictMode", () => {
  test("in one go: one request, one socket", async (t) => {
    const watch = watching(t);
    const first = watch(server.issue, FAST);
    first.socket.close();
    const second = watch(server.issue, FAST);
    await second.opened();
    await silence();
    assert.deepEqual([server.requests.length, server.open], [1, 1]);
    assert.deepEqual(first.log, ["close 1005"]);
  });

  test("in one go: the first doesn't even begin", async (t) => {
    const watch = watching(t);
    const asked = [];
    const issue = (name) => () => {
      asked.push(name);
      return new Promise(() => {});
    };
    watch(issue("first")).socket.close();
    watch(issue("second"));
    await until(() => asked.length > 0);
    await silence();
    assert.deepEqual(asked, ["second"]);
  });

  test("with time in between: one socket lives, and the other's ticket opened nothing", async (t) => {
    const watch = watching(t);
    server.onTicket = (n) => (n === 1 ? { wait: 100 } : undefined);
    const first = watch(server.issue, FAST);
    await until(() => server.requests.length === 1);
    first.socket.close();
    const second = watch(server.issue, FAST);
    await second.opened();
    await silence();
    assert.deepEqual([server.upgrades.length, server.open], [1, 1]);
    assert.deepEqual(first.log, ["close 1005"]);
  });

  test("twenty times: one socket lives", async (t) => {
    const watch = watching(t);
    for (let times = 0; times < 20; times += 1) {
      const { socket } = watch(server.issue, FAST);
      if (times % 2 === 1) await sleep(times);
      socket.close();
    }
    await watch(server.issue, FAST).opened();
    await silence();
    await until(() => server.open === 1);
  });
});

describe("a process of its own", () => {
  /** Runs `script` with TicketSocket, the server's `issue` and `FAST` in it; resolves to its code and all that it printed. */
  function run(script, flags = []) {
    const source = `import { TicketSocket, ticketUrl } from ${JSON.stringify(CLIENT)};
      const [issue, FAST] = [${JSON.stringify(server.issue)}, ${JSON.stringify(FAST)}];
      const next = (socket, type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
      ${script}`;
    const child = spawn(process.execPath, [...flags, "--input-type=module", "--eval", source], {
      timeout: PATIENCE_MS,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    return new Promise((resolve) => child.on("close", (code, signal) => resolve([code ?? signal, output])));
  }
  const QUIET = [0, ""];

  test("ends when its socket is closed: no timer, request or connection is left", async () => {
    const ends = [
      "new TicketSocket(issue).close();",
      "const socket = new TicketSocket(issue); await next(socket, 'open'); socket.close();",
      "const socket = new TicketSocket(issue + '/none', { baseDelay: 3e6 }); await next(socket, 'close'); socket.close();",
      "const socket = new TicketSocket(() => new Promise(() => {}), { attemptTimeout: 3e6 }); setTimeout(() => socket.close(), 50);",
      "new TicketSocket(issue, { signal: AbortSignal.timeout(50) });",
      "new TicketSocket(() => Promise.reject({ status: 403 }));",
      "const socket = new TicketSocket(issue, { protocols: 'hang', attemptTimeout: 200 }); setTimeout(() => socket.close(), 100);",
      "await ticketUrl(issue)();",
    ];
    server.onTicket = (_, { url }) => (url === "/ws-ticket" ? undefined : { status: 503 });
    server.onUpgrade = () => (server.upgrades.at(-1).offers.includes("hang") ? "hang" : undefined);
    for (const script of ends) assert.deepEqual(await run(script), QUIET, script);
    assert.equal(server.open, 0);
  });

  test("leaves nothing on a signal that its sockets share, whatever is collected as garbage in between", async () => {
    const script = `import { getEventListeners } from "node:events";
      const { signal } = new AbortController();
      const never = () => Promise.reject(new Error("no"));
      const sockets = Array.from({ length: 3 }, () => new TicketSocket(never, { baseDelay: 0, maxDelay: 0, signal }));
      for (let times = 0; times < 30; times += 1) {
        await next(sockets[times % 3], "close");
        gc();
      }
      const closed = sockets.map((socket) => next(socket, "close"));
      for (const socket of sockets) socket.close();
      await Promise.all(closed);
      console.log(getEventListeners(signal, "abort").length);`;
    assert.deepEqual(await run(script, ["--expose-gc"]), [0, "0\n"]);
  });

  test("hears nothing of it on its output, whatever goes wrong, and no rejection goes unhandled", async () => {
    const faults = [
      { status: 500 },
      "cut",
      { status: 200, body: '{"url":"ws://wst_t_x' },
      { status: 503, body: "<html>" },
    ];
    server.onTicket = (n) => faults[n - 1];
    server.onUpgrade = (n) => (n === 1 ? "cut" : undefined);
    const script = `const socket = new TicketSocket(issue, { ...FAST, onUnauthenticated: () => { throw new Error("no"); } });
      await next(socket, "open");
      socket.send("bye");
      await next(socket, "close");`;
    server.onConnection = (connection) => {
      connection.onmessage = () => connection.close(4401);
    };
    assert.deepEqual(await run(script), QUIET);
    assert.equal(server.requests.length, 6);
  });

  test("without a WebSocket is told so at once", async () => {
    const script = "try { new TicketSocket(issue); } catch (error) { console.log(error.message); }";
    assert.deepEqual(await run(script, ["--no-experimental-websocket"]), [0, "WebSocket is not defined\n"]);
    assert.equal(server.requests.length, 0);
  });

  test("works without the other globals of a page: fetch and WebSocket are enough", async () => {
    const script = `for (const name of ["navigator", "document", "addEventListener", "location", "CloseEvent", "ErrorEvent"]) delete globalThis[name];
      const socket = new TicketSocket(issue, FAST);
      await next(socket, "open");
      socket.send("hello");
      console.log((await next(socket, "message")).data);
      socket.close();
      await next(socket, "close");`;
    assert.deepEqual(await run(script), [0, "hello\n"]);
  });
});

test("many sockets at once, each with tickets of its own", async (t) => {
  const watch = watching(t);
  const all = Array.from({ length: 50 }, () => watch(server.issue, FAST));
  await Promise.all(all.map((watched) => watched.opened()));
  for (const connection of [...server.connections]) connection.cut();
  await Promise.all(all.map((watched) => watched.opened(2)));
  await until(() => server.open === 50);
  assert.equal(new Set(server.upgrades.map(({ ticket }) => ticket)).size, server.upgrades.length);
  assert.deepEqual(server.refusals, []);
  assert.ok(all.every(({ socket }) => socket instanceof TicketSocket));
});
