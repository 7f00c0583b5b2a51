// The client against the real gate: a fresh ticket for every connection, none presented twice, and the gate's refusals.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { bearer, good, SECRET } from "./support/jwt.js";
import { startRelay } from "./support/relay.js";
import { FAST, silence, until, watching } from "./support/watch.js";

const named = (name) => (event) => event.event === name;

/** A gate behind a network that can be cut; `issue` is its route. */
function gateWith(options) {
  const at = {};
  before(async () => {
    at.gate = await startGate(options);
    at.relay = await startRelay(at.gate);
    at.issue = `${at.relay.url}ws-ticket`;
    at.seen = [];
    at.fetch = async (...args) => {
      const answer = await fetch(...args);
      at.seen.push({ at: Date.now(), status: answer.status, retryAfter: answer.headers.get("Retry-After") });
      return answer;
    };
  });
  beforeEach(() => {
    at.seen.length = 0;
    at.gate.forgetLines();
  });
  after(async () => {
    await at.relay?.close();
    await at.gate?.close();
  });
  return at;
}

/** The welcome that each connection begins with. */
const welcomes = (watched) => watched.messages.map((text) => JSON.parse(text)).filter(({ type }) => type === "welcome");

for (const store of ["memory", "kv"]) {
  describe(`a gate, TICKET_STORE=${store}`, () => {
    const at = gateWith({ vars: { ...DEVELOPMENT, TICKET_STORE: store } });

    test("two losses of the network: three tickets, three sessions, and nothing presented twice", async (t) => {
      const watched = watching(t)(at.issue, { ...FAST, body: { sub: "alice", room: "lobby" } });
      for (const count of [1, 2, 3]) {
        await until(() => welcomes(watched).length === count, `welcome ${count}`);
        if (count < 3) at.relay.drop();
      }
      assert.deepEqual(
        new Set(welcomes(watched).map(({ subject, room }) => `${subject} in ${room}`)),
        new Set(["alice in lobby"]),
      );
      assert.equal(new Set(welcomes(watched).map(({ session }) => session)).size, 3);
      await at.gate.eventually(named("consumed"), 3);
      const tickets = (name) =>
        at.gate
          .events()
          .filter(named(name))
          .map((event) => event.ticket_id);
      assert.equal(new Set(tickets("consumed")).size, 3);
      assert.equal(tickets("consumed").length, 3);
      assert.ok(tickets("issued").length >= 3);
      assert.deepEqual(at.gate.events().filter(named("refused")), []);
    });
  });
}

describe("a gate with logins", () => {
  const at = gateWith({ vars: { ...DEVELOPMENT, IDENTITY: "jwt", JWT_SECRET: SECRET, TICKET_STORE: "memory" } });

  test("a login of the app's, and its end: the gate's 401 asks the app, which logs in again", async (t) => {
    let token = good("alice");
    let asked = 0;
    const watched = watching(t)(at.issue, {
      ...FAST,
      headers: () => bearer(token),
      onUnauthenticated: () => {
        asked += 1;
        token = good("bob");
        return true;
      },
    });
    await until(() => welcomes(watched).length === 1);
    token = "worthless";
    at.relay.drop();
    await until(() => welcomes(watched).length === 2);
    assert.equal(asked, 1);
    assert.deepEqual(
      welcomes(watched).map(({ subject }) => subject),
      ["alice", "bob"],
    );
    assert.equal(watched.last("error").error.code, "identity_refused");
  });

  test("its session answers the client's ping, of which the app sees nothing", async (t) => {
    let pings = 0;
    class Counting extends WebSocket {
      send(data) {
        if (data === "ws-ticket:ping") pings += 1;
        super.send(data);
      }
    }
    const options = { ...FAST, headers: bearer(good()), pingInterval: 20, pingTimeout: 20_000, WebSocket: Counting };
    const watched = watching(t)(at.issue, options);
    // The next is sent only when the last was answered.
    await until(() => pings >= 4);
    assert.deepEqual(watched.log, ["open", "message"], "the welcome, and no more");
  });

  test("no login at all: one request, and the end", async (t) => {
    const watched = watching(t)(at.issue, { ...FAST, fetch: at.fetch });
    const { code, reason } = await watched.stopped();
    assert.deepEqual([code, reason], [4401, "no ticket: identity_missing"]);
    await silence();
    assert.equal(at.seen.length, 1);
  });

  test("an origin that isn't allowed: 403, one request, and the end", async (t) => {
    const headers = { ...bearer(good()), Origin: "https://elsewhere.example" };
    const watched = watching(t)(at.issue, { ...FAST, headers, fetch: at.fetch });
    const { code, reason } = await watched.stopped();
    assert.deepEqual([code, reason], [4403, "no ticket: origin_refused"]);
    await silence();
    assert.equal(at.seen.length, 1);
  });
});

describe("a gate that can't", () => {
  const at = gateWith({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv" }, edge: true });

  test("503 and its Retry-After: asked again when it is over, and connected when the store is back", async (t) => {
    await at.gate.edge({ kv: { put: { how: "throw", times: 2 } }, shard: { fetch: { how: "throw", times: 2 } } });
    const watched = watching(t)(at.issue, { ...FAST, fetch: at.fetch });
    await until(() => at.seen.length > 0);
    assert.deepEqual([at.seen[0].status, at.seen[0].retryAfter], [503, "1"]);
    await at.gate.edge();
    await watched.opened();
    for (const [index, { status, at: then }] of at.seen.slice(1).entries()) {
      const waited = then - at.seen[index].at;
      assert.ok(waited >= 990, `asked again after ${waited} ms`);
      assert.ok([200, 503].includes(status));
    }
    assert.equal(watched.count("open"), 1);
  });
});

describe("a gate with a limit of one ticket a minute", () => {
  const at = gateWith({ vars: { ...DEVELOPMENT, TICKET_STORE: "memory" }, limits: { ISSUE_LIMIT: 1 } });

  test("429 and its Retry-After: not asked again before a minute is over", async (t) => {
    const watched = watching(t)(at.issue, { ...FAST, fetch: at.fetch });
    // A minute of the limiter's may end just now: then there is one more ticket.
    watched.socket.addEventListener("open", () => at.relay.drop());
    await until(() => at.seen.at(-1)?.status === 429, "the gate says 429");
    assert.equal(at.seen.at(-1).retryAfter, "60");
    const { length } = at.seen;
    await silence();
    assert.equal(at.seen.length, length);
    assert.equal(watched.last("close").reason, "no ticket: rate_limited");
    assert.equal(watched.socket.readyState, WebSocket.CONNECTING);
  });
});

describe("a gate that takes tickets in a subprotocol", () => {
  const at = gateWith({ vars: { ...DEVELOPMENT, TICKET_STORE: "memory", TICKET_CARRIAGE: "subprotocol" } });

  test("only: as its answer says, with the app's subprotocol", async (t) => {
    const watched = watching(t)(at.issue, { ...FAST, protocols: "chat.v1" });
    await until(() => welcomes(watched).length === 1);
    assert.equal(watched.socket.protocol, "chat.v1");
    at.relay.drop();
    await until(() => welcomes(watched).length === 2);
    assert.deepEqual(at.gate.events().filter(named("refused")), []);
  });
});

describe("a gate that takes tickets anywhere", () => {
  const at = gateWith({ vars: { ...DEVELOPMENT, TICKET_STORE: "memory" } });

  test("carriage: subprotocol keeps the ticket out of its URLs", async (t) => {
    const urls = [];
    class Seen extends WebSocket {
      constructor(url, protocols) {
        urls.push(url);
        super(url, protocols);
      }
    }
    const watched = watching(t)(at.issue, { ...FAST, carriage: "subprotocol", WebSocket: Seen });
    await until(() => welcomes(watched).length === 1);
    assert.deepEqual(urls, [`${at.relay.url.replace("http", "ws")}ws`]);
    assert.equal(watched.socket.protocol, "ws-ticket.v1");
  });
});
