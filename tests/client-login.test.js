// What the client does when the login is lost (401, close code 4401) and when it isn't enough (403, 4403).
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startServer } from "./support/client-server.js";
import { FAST, silence, sleep, until, watching } from "./support/watch.js";

let server;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

const LOST = { status: 401, body: { code: "identity_refused" } };

/** The two ways to learn that the login is lost: `lose()` makes the server say so from now on, `find()` ends it. */
const ways = [
  {
    name: "a ticket refused with 401",
    lose: () => {
      server.onTicket = () => LOST;
      server.connection?.cut();
    },
    find: () => {
      server.onTicket = () => {};
    },
  },
  {
    name: "a connection closed with 4401",
    lose: () => {
      server.onConnection = (connection) => connection.close(4401, "login over");
      server.connection?.close(4401, "login over");
    },
    find: () => {
      server.onConnection = () => {};
    },
  },
];

for (const { name, lose, find } of ways) {
  describe(`${name}`, () => {
    test("without onUnauthenticated: it stops", async (t) => {
      lose();
      const watched = watching(t)(server.issue, FAST);
      const { code, willReconnect } = await watched.stopped();
      assert.deepEqual([code, willReconnect], [4401, false]);
      await silence();
      assert.equal(server.requests.length, 1);
      assert.equal(watched.count("close"), 1);
    });

    const stops = [
      ["false", () => false],
      ["nothing", () => {}],
      ["a promise of false", async () => false],
    ];
    for (const [what, onUnauthenticated] of stops) {
      test(`the app answers ${what}: it was asked once, and it stops`, async (t) => {
        let asked = 0;
        lose();
        const watched = watching(t)(server.issue, {
          ...FAST,
          onUnauthenticated: () => {
            asked += 1;
            return onUnauthenticated();
          },
        });
        await watched.stopped();
        await silence();
        assert.deepEqual([asked, server.requests.length], [1, 1]);
        assert.deepEqual(watched.log.slice(-2), ["close 4401 …", "close 4401"]);
      });
    }

    for (const [what, onUnauthenticated] of [
      ["throws", () => assert.fail("no login")],
      ["rejects", () => Promise.reject(new Error("no login"))],
    ]) {
      test(`the app ${what}: that is an error, and it stops`, async (t) => {
        lose();
        const watched = watching(t)(server.issue, { ...FAST, onUnauthenticated });
        await watched.stopped();
        assert.equal(watched.last("error").message, "no login");
        assert.equal(server.requests.length, 1);
      });
    }

    test("the app logs in again and answers true: on at once, though the wait would be long", async (t) => {
      lose();
      const watched = watching(t)(server.issue, {
        baseDelay: 3_000_000,
        maxDelay: 3_000_000,
        onUnauthenticated: async () => {
          await sleep(50);
          find();
          return true;
        },
      });
      await until(
        () => server.open === 1 && watched.socket.readyState === WebSocket.OPEN,
        "there is a connection that lasts",
      );
    });

    test("the app answers true and the login stays lost: it isn't asked again, and attempts go on with waits", async (t) => {
      let asked = 0;
      lose();
      const watched = watching(t)(server.issue, {
        ...FAST,
        onUnauthenticated: () => {
          asked += 1;
          return true;
        },
      });
      await until(() => watched.count("close 4401 …") >= 6);
      assert.equal(asked, 1);
      find();
      await until(() => server.open === 1, "there is a connection that lasts");
    });

    test("a login that is lost again is asked for again", async (t) => {
      let asked = 0;
      const watched = watching(t)(server.issue, {
        ...FAST,
        stableAfter: 50,
        onUnauthenticated: () => {
          asked += 1;
          find();
          return true;
        },
      });
      for (const count of [1, 2, 3]) {
        await until(
          () => server.open === 1 && watched.socket.readyState === WebSocket.OPEN,
          `connection ${count} lasts`,
        );
        await sleep(100);
        lose();
        await until(() => asked === count, `asked ${count} times`);
      }
      await until(() => server.open === 1, "the last connection lasts");
      assert.equal(watched.count("close 4401 …"), 3);
    });

    test("while the app is asked nothing is tried, sends are queued, and close() ends it", async (t) => {
      lose();
      let asked = false;
      const watched = watching(t)(server.issue, {
        ...FAST,
        onUnauthenticated: () => {
          asked = true;
          return new Promise(() => {});
        },
      });
      await until(() => asked);
      const { requests } = server;
      assert.equal(watched.socket.readyState, WebSocket.CONNECTING);
      watched.socket.send("hello");
      assert.equal(watched.socket.bufferedAmount, 5);
      await silence();
      assert.equal(requests.length, 1);
      watched.socket.close(3001, "enough");
      const { code, reason } = await watched.stopped();
      assert.deepEqual([code, reason], [3001, "enough"]);
    });
  });
}

describe("a socket that is closed", () => {
  for (const answer of [true, false]) {
    test(`while the app is asked: its answer, ${answer}, comes too late to change anything`, async (t) => {
      server.onTicket = () => LOST;
      let answered;
      const asked = new Promise((resolve) => {
        answered = resolve;
      });
      const watched = watching(t)(server.issue, { ...FAST, onUnauthenticated: () => asked });
      await until(() => watched.count("close") === 1);
      watched.socket.close(3001);
      await watched.stopped();
      answered(answer);
      await silence();
      assert.equal(server.requests.length, 1);
      assert.deepEqual(watched.log, ["error", "close 4401 …", "close 3001"]);
    });
  }

  test("when it hears of the loss: the app isn't asked", async (t) => {
    server.onTicket = () => LOST;
    const onUnauthenticated = () => assert.fail("the app was asked");
    const watched = watching(t)(server.issue, { ...FAST, onUnauthenticated });
    watched.socket.addEventListener("close", () => watched.socket.close(3001), { once: true });
    await watched.stopped();
    await silence();
    assert.deepEqual(watched.log, ["error", "close 4401 …", "close 3001"]);
  });
});

test("4401 and then 401 is one loss of login, and one question", async (t) => {
  let asked = 0;
  server.onConnection = (connection) => {
    server.onTicket = () => LOST;
    connection.close(4401);
  };
  const watched = watching(t)(server.issue, {
    ...FAST,
    onUnauthenticated: () => {
      asked += 1;
      return true;
    },
  });
  await until(() => server.requests.length >= 4);
  assert.equal(asked, 1);
  assert.equal(watched.count("open"), 1);
});

test("a 401 of a function in place of a URL, or of its headers, counts", async (t) => {
  const watch = watching(t);
  const lost = () => Promise.reject(Object.assign(new Error("refresh failed"), { status: 401 }));
  for (const watched of [watch(lost), watch(server.issue, { headers: lost })]) {
    assert.equal((await watched.stopped()).code, 4401);
    assert.deepEqual(watched.log, ["error", "close 4401"]);
  }
});

describe("what no login mends", () => {
  const never = () => assert.fail("the app was asked");
  test("a ticket refused with 403: it stops, and nobody is asked", async (t) => {
    server.onTicket = () => ({ status: 403, body: { code: "room_refused" } });
    const watched = watching(t)(server.issue, { ...FAST, onUnauthenticated: never });
    const { code, reason } = await watched.stopped();
    assert.deepEqual([code, reason], [4403, "no ticket: room_refused"]);
    await silence();
    assert.equal(server.requests.length, 1);
    assert.deepEqual(watched.log, ["error", "close 4403"]);
    assert.equal(watched.last("error").error.code, "room_refused");
  });

  test("a connection closed with 4403: the same", async (t) => {
    server.onConnection = (connection) => connection.close(4403, "not here");
    const watched = watching(t)(server.issue, { ...FAST, onUnauthenticated: never });
    const { code, reason, wasClean } = await watched.stopped();
    assert.deepEqual([code, reason, wasClean], [4403, "not here", true]);
    await silence();
    assert.equal(server.requests.length, 1);
    assert.deepEqual(watched.log, ["open", "close 4403"]);
  });

  test("all other codes go on", async (t) => {
    const codes = [1000, 1001, 1008, 1011, 1012, 1013, 4000, 4400, 4402, 4404];
    server.onConnection = (connection, n) => n <= codes.length && connection.close(codes[n - 1], "so");
    const watched = watching(t)(server.issue, { baseDelay: 1, maxDelay: 1 });
    await watched.opened(codes.length + 1);
    const closes = watched.events.filter(({ type }) => type === "close");
    assert.deepEqual(
      closes.map(({ code, reason, wasClean, willReconnect }) => [code, reason, wasClean, willReconnect]),
      codes.map((code) => [code, "so", true, true]),
    );
  });
});
