// The client's attempt to connect: how it asks for a ticket, what it opens with it, and how long it waits.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startServer } from "./support/client-server.js";
import { FAST, silence, sleep, until, watching } from "./support/watch.js";

const TICKET = /^wst_t_[\w-]{43}$/;

describe("an attempt to connect", () => {
  let server;
  beforeEach(async () => {
    server = await startServer();
  });
  afterEach(() => server.close());

  test("asks by POST, without a body, and opens the url of the answer", async (t) => {
    const watched = watching(t)(server.issue);
    await watched.opened();
    const [{ method, url, headers, body }] = server.requests;
    assert.deepEqual([method, url, body, headers["content-type"]], ["POST", "/ws-ticket", "", undefined]);
    const [{ ticket, offers, query }] = server.upgrades;
    assert.match(ticket, TICKET);
    assert.deepEqual([offers, query], [[], `ticket=${ticket}`]);
  });

  test("the gate may be named by a URL object", async (t) => {
    await watching(t)(new URL(server.issue)).opened();
  });

  test("sends the app's headers and its body", async (t) => {
    const headers = { Authorization: "Bearer one", "X-App": "chat" };
    await watching(t)(server.issue, { headers, body: { room: "lobby" } }).opened();
    const [request] = server.requests;
    assert.equal(request.headers.authorization, "Bearer one");
    assert.equal(request.headers["x-app"], "chat");
    assert.equal(request.headers["content-type"], "application/json");
    assert.deepEqual(JSON.parse(request.body), { room: "lobby" });
  });

  test("asks a function for the headers of each request, since tokens expire", async (t) => {
    let token = 0;
    const headers = async ({ signal }) => {
      assert.ok(signal instanceof AbortSignal);
      token += 1;
      return new Headers({ Authorization: `Bearer ${token}` });
    };
    const watched = watching(t)(server.issue, { ...FAST, headers });
    await watched.opened();
    server.connection.cut();
    await watched.opened(2);
    assert.deepEqual(
      server.requests.map((request) => request.headers.authorization),
      ["Bearer 1", "Bearer 2"],
    );
  });

  test("passes credentials on to the fetch that it was given, and no more than that", async (t) => {
    const seen = [];
    const spy = (url, init) => {
      seen.push([url, init]);
      return fetch(url, init);
    };
    await watching(t)(server.issue, { fetch: spy, credentials: "include" }).opened();
    const [[url, init]] = seen;
    assert.equal(url, server.issue);
    assert.deepEqual(Object.keys(init).sort(), ["body", "credentials", "headers", "method", "redirect", "signal"]);
    assert.equal(init.credentials, "include");
    assert.equal(init.redirect, "manual", "a gate never redirects");
  });

  test("a function in place of a URL is asked for each connection, and its url and subprotocols are used", async (t) => {
    let asked = 0;
    const issue = async ({ signal }) => {
      asked += 1;
      const { url } = await (await fetch(server.issue, { method: "POST", signal })).json();
      return { url: new URL(url), protocols: "first" };
    };
    const watched = watching(t)(issue, { ...FAST, protocols: ["second", "third"] });
    await watched.opened();
    assert.deepEqual(server.upgrades[0].offers, ["first", "second", "third"]);
    assert.equal(watched.socket.protocol, "first");
    server.connection.cut();
    await watched.opened(2);
    assert.equal(asked, 2);
  });

  test("the app's subprotocols are offered, alone or as a list, and instead of options as WebSocket has it", async (t) => {
    const watch = watching(t);
    for (const options of [{ protocols: "chat.v1" }, { protocols: ["chat.v1"] }, "chat.v1", ["chat.v1"]]) {
      server.forget();
      const watched = watch(server.issue, options);
      await watched.opened();
      assert.deepEqual(server.upgrades[0].offers, ["chat.v1"]);
      assert.equal(watched.socket.protocol, "chat.v1");
    }
  });

  test("tickets are never used twice: a fresh one for each connection and for each attempt", async (t) => {
    server.onUpgrade = (n) => (n % 2 === 0 ? { status: 503 } : undefined);
    const watched = watching(t)(server.issue, FAST);
    for (const count of [1, 2, 3]) {
      await watched.opened(count);
      server.connection.cut();
    }
    await watched.opened(4);
    const tickets = server.upgrades.map(({ ticket }) => ticket);
    assert.ok(tickets.length >= 7, `${tickets.length} attempts`);
    assert.equal(new Set(tickets).size, tickets.length);
    assert.deepEqual(server.refusals, []);
    assert.equal(server.requests.length, tickets.length);
  });

  test("a ticket that came too late is not used", async (t) => {
    let late;
    const held = new Promise((resolve) => {
      late = resolve;
    });
    server.onTicket = (n) => (n === 1 ? held : undefined);
    const watched = watching(t)(server.issue, { ...FAST, attemptTimeout: 1000 });
    await watched.opened();
    const opened = server.upgrades.length;
    late();
    await silence();
    assert.equal(server.upgrades.length, opened);
    assert.equal(watched.count("open"), 1);
  });

  test("one at a time: the next attempt begins when the last one is over", async (t) => {
    let running = 0;
    let most = 0;
    const issue = async ({ signal }) => {
      running += 1;
      most = Math.max(most, running);
      signal.addEventListener("abort", () => {
        running -= 1;
      });
      await sleep(Math.random() * 30);
      throw new Error("not now");
    };
    const watched = watching(t)(issue, { baseDelay: 1, maxDelay: 1, attemptTimeout: 20 });
    await until(() => watched.count("close") >= 30);
    assert.equal(most, 1);
  });
});

describe("the deadline of an attempt", () => {
  let server;
  beforeEach(async () => {
    server = await startServer();
  });
  afterEach(() => server.close());

  const silences = [
    ["the request for a ticket", { onTicket: (n) => (n === 1 ? "hang" : undefined) }],
    ["the upgrade", { onUpgrade: (n) => (n === 1 ? "hang" : undefined) }],
  ];
  for (const [what, fault] of silences) {
    test(`${what} gets no answer: given up, and tried again`, async (t) => {
      Object.assign(server, fault);
      const watched = watching(t)(server.issue, { ...FAST, attemptTimeout: 1000 });
      await watched.opened();
      assert.deepEqual(watched.log, ["error", "close 1006 …", "open"]);
      assert.equal(watched.events[0].message, "timeout");
      assert.equal(watched.events[1].reason, "timeout");
    });
  }

  test("covers ticket and connection together", async (t) => {
    server.onTicket = () => ({ wait: 300 });
    server.onUpgrade = () => ({ wait: 300 });
    const watched = watching(t)(server.issue, { ...FAST, attemptTimeout: 450 });
    await until(() => watched.count("close") >= 2);
    assert.equal(watched.count("open"), 0);
    assert.equal(watched.last("error").message, "timeout");
  });

  test("covers functions that never answer, whatever they do with their signal", async (t) => {
    const hang = () => new Promise(() => {});
    const watch = watching(t);
    for (const watched of [
      watch(hang, { ...FAST, attemptTimeout: 50 }),
      watch(server.issue, { ...FAST, attemptTimeout: 50, headers: hang }),
    ]) {
      await until(() => watched.count("close 1006 …") >= 2);
      assert.equal(watched.last("error").message, "timeout");
    }
    assert.equal(server.requests.length, 0);
  });

  test("what was given up is cut off: the request and the handshake", async (t) => {
    server.onTicket = (n) => (n === 1 ? "hang" : undefined);
    server.onUpgrade = (n) => (n === 1 ? "hang" : undefined);
    const watched = watching(t)(server.issue, { ...FAST, attemptTimeout: 1000 });
    await watched.opened();
    assert.deepEqual(watched.log, ["error", "close 1006 …", "error", "close 1006 …", "open"]);
    await until(() => server.requests[0].aborted, "the request was aborted");
    await until(() => server.upgrades[0].ended, "the handshake was called off");
    assert.equal(server.upgrades[1].ended, false);
  });

  test("a socket that opens after its deadline is closed, and the app hears nothing of it", async (t) => {
    server.onUpgrade = (n) => (n === 1 ? { wait: 1500 } : undefined);
    // A class whose handshake can't be called off, and which tells of messages while it closes, as there are.
    class Stubborn extends WebSocket {
      close(...args) {
        if (this.readyState === WebSocket.CONNECTING) return;
        super.close(...args);
        this.onmessage?.(new MessageEvent("message", { data: "from the late one" }));
      }
    }
    server.onConnection = (connection) => connection.send(`from ${connection.ticket}`);
    const watched = watching(t)(server.issue, { ...FAST, attemptTimeout: 1000, WebSocket: Stubborn });
    await watched.opened();
    await until(() => server.connections.length === 2, "the late one opened");
    await until(() => server.open === 1, "the late one was closed");
    await until(() => watched.messages.length > 0);
    assert.deepEqual(watched.messages, [`from ${server.connections.find(({ open }) => open).ticket}`]);
    assert.equal(watched.count("open"), 1);
  });
});

describe("a gate that takes tickets in a subprotocol", () => {
  let server;
  beforeEach(async () => {
    server = await startServer({ carriage: "subprotocol" });
  });
  afterEach(() => server.close());

  test("the subprotocols of the answer are offered, before the app's", async (t) => {
    const watched = watching(t)(server.issue, { protocols: ["chat.v1"] });
    await watched.opened();
    const [{ ticket, offers, query }] = server.upgrades;
    assert.deepEqual([offers, query], [["ws-ticket.v1", ticket, "chat.v1"], ""]);
    assert.equal(watched.socket.protocol, "chat.v1");
  });

  test("carriage: subprotocol takes the ticket out of the url that a gate answers", async (t) => {
    const issue = async ({ signal }) => {
      const { ticket, url } = await (await fetch(server.issue, { method: "POST", signal })).json();
      return { ticket, url: `${url}?room=1&ticket=${ticket}` };
    };
    const watched = watching(t)(issue, { carriage: "subprotocol" });
    await watched.opened();
    const [{ ticket, offers, query }] = server.upgrades;
    assert.deepEqual([offers, query], [["ws-ticket.v1", ticket], "room=1"]);
    assert.equal(watched.socket.protocol, "ws-ticket.v1");
  });
});
