// What real clients make of a session's end: that it is over is "come back with a fresh ticket", that somebody ended it is "stay away".
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient } from "graphql-ws";
import { WebSocket as PartySocket } from "partysocket";
import { WebSocket } from "ws";
import { TicketSocket } from "../client/index.js";
import { control, TOKEN } from "./support/control.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { until } from "./support/pace.js";
import { Peer } from "./support/peer.js";

const GRAPHQL = "graphql-transport-ws";

/** Whose close is its code: workerd keeps the connection for a while after an end that nobody asked it for. */
class Prompt extends WebSocket {
  constructor(...args) {
    super(...args);
    const looking = setInterval(() => this.readyState === WebSocket.CLOSING && this.terminate(), 20);
    this.on("close", () => clearInterval(looking));
  }
}

describe("a client in a room", () => {
  let gate;
  let asked;
  before(async () => {
    const vars = {
      ...DEVELOPMENT,
      TICKET_STORE: "durable",
      SESSION: "hub",
      ADMIN_TOKEN: TOKEN,
      SESSION_MAX_SECONDS: "4",
    };
    gate = await startGate({ vars });
  });
  after(() => gate?.close());

  /** A fresh ticket for each attempt. */
  const ticketFor = (sub) => {
    asked = 0;
    return async () => {
      asked += 1;
      return gate.issue({ sub, room: sub });
    };
  };
  const settles = () => new Promise((resolve) => setTimeout(resolve, 1500));

  test("graphql-ws comes back when its session is over, and stays away when it was ended", async () => {
    const issue = ticketFor("graphql");
    const closed = [];
    const opened = [];
    // Another member is the server: what each says goes to the other, as it is.
    const serve = async () => {
      const server = new Peer((await gate.issue({ sub: "server", room: "graphql" })).url, [GRAPHQL]);
      server.ws.on("message", (data) => {
        const { type, id } = JSON.parse(String(data));
        if (type === "connection_init") server.send(JSON.stringify({ type: "connection_ack" }));
        if (type === "subscribe") server.send(JSON.stringify({ type: "next", id, payload: { data: { n: 1 } } }));
      });
      await new Promise((resolve) => server.ws.on("open", resolve));
      return server;
    };
    let server = await serve();
    const client = createClient({
      url: async () => (await issue()).url,
      webSocketImpl: Prompt,
      retryAttempts: 10,
      retryWait: async () => {
        await server.close();
        server = await serve();
      },
      on: { closed: ({ code, reason }) => closed.push([code, reason]), connected: () => opened.push(Date.now()) },
    });
    const failed = new Promise((resolve) => {
      client.subscribe({ query: "subscription { n }" }, { next() {}, error: resolve, complete: resolve });
    });
    await until(
      () => opened.length > 1,
      () => "it didn't come back",
    );
    assert.deepEqual(closed, [[4408, "session_expired"]]);
    const before = asked;
    await control(gate, "/sessions/end", { subject: "graphql" });
    const { code } = await failed;
    assert.equal(code, 4401);
    await settles();
    assert.equal(asked, before, "it asked for no further ticket");
    await server.close();
  });

  test("our own comes back when its session is over, and is at its end when it was ended", async () => {
    const socket = new TicketSocket(ticketFor("own"), { WebSocket: Prompt, baseDelay: 0 });
    const closes = [];
    socket.addEventListener("close", ({ code, reason, willReconnect }) => closes.push([code, reason, willReconnect]));
    let opens = 0;
    socket.addEventListener("open", () => (opens += 1));
    await until(
      () => opens > 1,
      () => "it didn't come back",
    );
    assert.deepEqual(closes, [[4408, "session_expired", true]]);
    await control(gate, "/sessions/end", { subject: "own" });
    await until(
      () => closes.length > 1,
      () => "it was not closed",
    );
    assert.deepEqual(closes[1], [4401, "session_revoked", false]);
    assert.equal(socket.readyState, 3);
  });

  test("partysocket comes back always, unless it is told when not to", async () => {
    const issue = ticketFor("party");
    const socket = new PartySocket(async () => (await issue()).url, [], {
      WebSocket: Prompt,
      minReconnectionDelay: 10,
      shouldReconnectOnClose: ({ code }) => code !== 4401,
    });
    const closes = [];
    let opens = 0;
    socket.addEventListener("open", () => (opens += 1));
    socket.addEventListener("close", ({ code }) => closes.push(code));
    await until(
      () => opens > 1,
      () => "it didn't come back",
    );
    assert.equal(closes[0], 4408);
    await control(gate, "/sessions/end", { subject: "party" });
    await until(
      () => closes.includes(4401),
      () => "it was not closed",
    );
    const before = asked;
    await settles();
    assert.equal(asked, before, "it asked for no further ticket");
    socket.close();
  });
});
