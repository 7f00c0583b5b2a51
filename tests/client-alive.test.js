// Whether a connection still leads anywhere: the client asks when nothing was heard, and goes on with another where nobody
// answers.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startServer } from "./support/client-server.js";
import { FAST, until, watching } from "./support/watch.js";

const [PING, PONG] = ["ws-ticket:ping", "ws-ticket:pong"];
/** Asks soon, and waits for an answer as long as a slow machine needs. */
const ASKS = { ...FAST, pingInterval: 50, pingTimeout: 10_000 };
/** Asks soon, and gives up soon. */
const GIVES_UP = { ...FAST, pingInterval: 50, pingTimeout: 50 };
/** Asks only where it is told to. */
const PATIENT = { ...FAST, pingInterval: 3_000_000 };

let server;
beforeEach(async () => {
  server = await startServer();
  server.ping = PING;
  server.onConnection = (connection) => {
    connection.onmessage = (message) => connection.send(message === PING ? PONG : message);
  };
});
afterEach(() => server.close());

/** How often the last connection was asked. */
const asked = () => server.connection.messages.filter((message) => message === PING).length;

/** As long as another socket takes to be given up, and opened again, four times. */
async function givenUp(t) {
  const other = await startServer();
  t.after(() => other.close());
  other.ping = PING;
  other.onConnection = (connection) => {
    connection.deaf = true;
  };
  const watched = watching(t)(other.issue, GIVES_UP);
  await watched.opened(5);
  watched.socket.close();
}

describe("a connection of which nothing is heard", () => {
  test("is asked, again and again; its answers are the client's own, and it stays", async (t) => {
    const watched = watching(t)(server.issue, ASKS);
    await watched.opened();
    await until(() => asked() >= 3);
    watched.socket.send("hello");
    await until(() => watched.messages.length > 0);
    assert.deepEqual([watched.messages, watched.log], [["hello"], ["open", "message"]]);
  });

  test("and has answered is asked again after its silence, however long an answer might have taken", async (t) => {
    const soon = { ...FAST, pingInterval: 20, pingTimeout: 3_000_000 };
    const watched = watching(t)(server.issue, soon);
    await watched.opened();
    const [{ messages }] = server.connections;
    const other = watching(t)(server.issue, { ...FAST, pingInterval: 500, pingTimeout: 3_000_000 });
    await other.opened();
    await until(() => asked() === 3, "the other is asked three times");
    assert.ok(messages.length > 3, `asked ${messages.length} times`);
  });

  test("that doesn't answer is dropped at once, and another one opened with a fresh ticket", async (t) => {
    server.onConnection = (connection, n) => {
      connection.deaf = n === 1;
      connection.onmessage = (message) => message === PING && connection.send(PONG);
    };
    const watched = watching(t)(server.issue, GIVES_UP);
    // The second may be given up as well, where the machine is slow.
    await watched.opened(2);
    const { code, reason, wasClean, willReconnect } = watched.events.find(({ type }) => type === "close");
    assert.deepEqual([code, reason, wasClean, willReconnect], [1006, "no answer", false, true]);
    assert.equal(watched.log[1], "close 1006 …", "nothing waits for a closing handshake");
    assert.equal(new Set(server.upgrades.map(({ ticket }) => ticket)).size, server.upgrades.length);
    assert.deepEqual(server.refusals, []);
  });

  test("and what it says after that is not heard", async (t) => {
    server.onConnection = (connection, n) => {
      connection.deaf = n === 1;
    };
    const watched = watching(t)(server.issue, { ...PATIENT, pingInterval: 300, pingTimeout: 50, baseDelay: 0 });
    await watched.opened();
    const [dead] = server.connections;
    await until(() => watched.count("close") === 1);
    dead.send("from the dead");
    dead.close(4401, "from the dead");
    await watched.opened(2);
    assert.equal(watched.messages.length, 0);
    assert.equal(watched.count("close 4401"), 0);
  });

  test("any message counts as life, and needs no question", async (t) => {
    server.onConnection = (connection) => {
      const timer = setInterval(() => connection.send("tick"), 20);
      connection.closed.then(() => clearInterval(timer));
    };
    const watched = watching(t)(server.issue, { ...FAST, pingInterval: 10_000, pingTimeout: 10_000 });
    await until(() => watched.messages.length >= 20);
    assert.equal(asked(), 0);
  });

  for (const [what, ping, options] of [
    ["a server that names no ping", undefined, {}],
    ["ping: false", PING, { ping: false }],
  ]) {
    test(`${what}: nobody is asked, and it stays`, async (t) => {
      server.ping = ping;
      const watched = watching(t)(server.issue, { ...GIVES_UP, ...options });
      await watched.opened();
      await givenUp(t);
      assert.deepEqual([watched.log, server.connection.messages], [["open"], []]);
    });
  }

  test("a message of the app's own, for other servers: its answer is a message like any other", async (t) => {
    server.onConnection = (connection) => {
      connection.onmessage = () => connection.send(PONG);
    };
    const watched = watching(t)(server.issue, { ...ASKS, ping: '{"type":"ping"}' });
    await until(() => watched.messages.length >= 2);
    assert.equal(server.connection.messages[0], '{"type":"ping"}');
    assert.ok(watched.messages.every((message) => message === PONG));
    assert.equal(watched.count("close"), 0);
  });

  test("an answer that nobody asked for is the app's", async (t) => {
    const watched = watching(t)(server.issue, PATIENT);
    await watched.opened();
    server.connection.send(PONG);
    await until(() => watched.messages.length > 0);
    assert.deepEqual(watched.messages, [PONG]);
  });

  test("a large message that is still on its way out is no silence", async (t) => {
    class Slow extends WebSocket {
      left = 1000;
      get bufferedAmount() {
        return this.left--;
      }
    }
    server.onConnection = (connection) => {
      connection.deaf = true;
    };
    const watched = watching(t)(server.issue, { ...GIVES_UP, WebSocket: Slow });
    await watched.opened();
    await givenUp(t);
    assert.deepEqual(watched.log, ["open"]);
  });

  test("a socket class that throws at a ping is as good as dead", async (t) => {
    class Broken extends WebSocket {
      send(data) {
        if (data === PING) throw new Error("not open");
        super.send(data);
      }
    }
    const watched = watching(t)(server.issue, { ...ASKS, WebSocket: Broken });
    await watched.opened(2);
    assert.equal(watched.events.find(({ type }) => type === "close").reason, "no answer");
  });
});

describe("what makes the client ask at once", () => {
  let page;
  let now;
  beforeEach(() => {
    page = new EventTarget();
    globalThis.addEventListener = page.addEventListener.bind(page);
    globalThis.document = { hidden: false };
    const { now: real } = Date;
    let ahead = 0;
    Date.now = () => real() + ahead;
    now = {
      forward: (ms) => {
        ahead += ms;
      },
      real,
    };
  });
  afterEach(() => {
    Date.now = now.real;
    delete globalThis.addEventListener;
    delete globalThis.document;
  });

  for (const type of ["online", "pageshow", "visibilitychange"]) {
    test(`${type}, where nothing was heard for a while`, async (t) => {
      const watched = watching(t)(server.issue, PATIENT);
      await watched.opened();
      page.dispatchEvent(new Event(type));
      now.forward(1500);
      page.dispatchEvent(new Event(type));
      page.dispatchEvent(new Event(type));
      await until(() => asked() === 1, "it was asked");
      watched.socket.send("after it");
      await until(() => watched.messages.length === 1);
      assert.deepEqual(
        [asked(), watched.log],
        [1, ["open", "message"]],
        "once, and not where something was just heard",
      );
    });
  }

  test("not a page that is hidden", async (t) => {
    const watched = watching(t)(server.issue, PATIENT);
    await watched.opened();
    globalThis.document.hidden = true;
    now.forward(1500);
    page.dispatchEvent(new Event("visibilitychange"));
    watched.socket.send("after it");
    await until(() => watched.messages.length === 1);
    assert.equal(asked(), 0);
  });

  test("a sleep, and what was asked before it gets another chance to answer", async (t) => {
    server.onConnection = () => {};
    const watched = watching(t)(server.issue, { ...FAST, pingInterval: 100, pingTimeout: 4000 });
    await watched.opened();
    await until(() => asked() === 1);
    now.forward(3_600_000);
    await until(() => asked() === 2);
    assert.deepEqual(watched.log, ["open"]);
  });
});
