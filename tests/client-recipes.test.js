// The recipes of client/README.md, run as they stand there: through a cut of the network, against the real gate. The gate's session is an
// echo, which speaks no GraphQL, so the recipes for graphql-ws run against our own server.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import { buildSchema } from "graphql";
import { makeServer } from "graphql-ws";
import { startServer } from "./support/client-server.js";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { good, SECRET } from "./support/jwt.js";
import { bundle, recipe, run } from "./support/recipe.js";
import { startRelay } from "./support/relay.js";
import { sleep, until } from "./support/watch.js";

const README = readFileSync(new URL("../client/README.md", import.meta.url), "utf8");

test("the README has each recipe, word for word", () => {
  const names = readdirSync(new URL("./fixtures/recipes/", import.meta.url));
  assert.equal(names.length, 7);
  for (const name of names) assert.ok(README.includes(`\n${recipe(name)}\`\`\``), `${name} differs`);
});

test("plain JavaScript is six lines", () => {
  assert.equal(recipe("plain.js").split("\n").filter(Boolean).length, 6);
});

test("the recipe for React bundles for browsers", async () => {
  const text = await bundle("react.jsx", { gate: "https://gate.example.com", platform: "browser" });
  assert.match(text, /export \{[^}]*\bChat\b/);
});

describe("against the gate", () => {
  let gate;
  let relay;
  before(async () => {
    gate = await startGate({
      vars: { ...DEVELOPMENT, IDENTITY: "jwt", JWT_SECRET: SECRET, TICKET_STORE: "memory" },
    });
    relay = await startRelay(gate);
  });
  beforeEach(() => gate.forgetLines());
  after(async () => {
    await relay?.close();
    await gate?.close();
  });
  const events = (name) => gate.events().filter(({ event }) => event === name);

  for (const name of ["plain.js", "partysocket.js", "reconnecting-websocket.js"]) {
    test(`${name}: connects, comes back after a cut with another ticket, and nothing is presented twice`, async () => {
      const running = await run(name, { gate: new URL(relay.url).origin, token: good("alice") });
      try {
        await running.printed(/^hello$/, 1);
        relay.drop();
        await running.printed(/^hello$/, 2);
        relay.drop();
        await running.printed(/^hello$/, 3);
      } finally {
        await running.stop();
      }
      assert.equal(running.errors, "");
      assert.equal(running.lines.filter((text) => text.includes('"subject":"alice"')).length, 3);
      assert.equal(new Set(events("consumed").map((event) => event.ticket_id)).size, 3);
      assert.deepEqual(events("refused"), []);
      if (name === "plain.js") assert.ok(running.lines.includes("1006 on its way back"), running.lines.join("\n"));
    });
  }

  test("path.js: in a room behind the gate", async () => {
    const [front] = await startGates([
      {
        vars: { ...DEVELOPMENT, IDENTITY: "jwt", JWT_SECRET: SECRET, TICKET_STORE: "memory", SESSION: "upstream" },
        behind: { at: 1, entrypoint: "Upstream" },
      },
      { main: "examples/upstream/index.js", objects: { ROOM: "Room" } },
    ]);
    const running = await run("path.js", { gate: new URL(front.url).origin, token: good("alice") });
    try {
      await running.printed(/^\{"type":"room","you":"alice","members":\["alice"\]\}$/, 1);
    } finally {
      await running.stop();
      await front.close();
    }
    assert.equal(running.errors, "");
  });

  for (const name of ["partysocket.js", "reconnecting-websocket.js"]) {
    test(`${name}: a lost login ends it, after one request and without a rejection that nobody handles`, async () => {
      const running = await run(name, { gate: new URL(relay.url).origin, token: "worthless" });
      try {
        await running.printed(/^over 4401$/, 1);
        await until(() => running.ended, "nothing keeps the process alive");
      } finally {
        await running.stop();
      }
      assert.deepEqual([running.lines, running.errors], [["over 4401"], ""]);
      await gate.eventually(({ event }) => event === "refused");
      assert.equal(events("refused").length, 1);
    });
  }

  test("plain.js says when it is over", async () => {
    const running = await run("plain.js", { gate: new URL(relay.url).origin, token: "worthless" });
    try {
      await running.printed(/^4401 over$/, 1);
    } finally {
      await running.stop();
    }
  });
});

describe("against a server of graphql-transport-ws behind tickets", () => {
  let server;
  const schema = buildSchema("type Query { nothing: Int } type Subscription { ticks: Int }");
  const subscription = {
    async *ticks() {
      for (let ticks = 1; ; ticks += 1) {
        yield { ticks };
        await sleep(50);
      }
    },
  };
  const graphql = makeServer({ schema, roots: { subscription } });
  before(async () => {
    server = await startServer();
  });
  after(() => server?.close());

  function speaks(connection) {
    const closed = graphql.opened(
      {
        protocol: connection.protocol,
        send: (text) => connection.send(text),
        close: (code, reason) => connection.close(code, reason),
        onMessage: (take) => {
          connection.onmessage = (text) => take(text).catch(() => connection.cut());
        },
      },
      {},
    );
    connection.closed.then((closing) => closed(closing?.code ?? 1006, closing?.reason ?? ""));
  }

  for (const [name, carriage, said] of [
    ["graphql-ws.js", "query", 4401],
    ["graphql-ws-class.js", "subprotocol", 401],
  ]) {
    test(`${name}: subscribes, and again after a cut, with another ticket`, async () => {
      server.forget();
      server.carriage = carriage;
      server.onConnection = speaks;
      const running = await run(name, { gate: server.url, token: "alice's" });
      try {
        await running.printed(/^1$/, 1);
        await running.printed(/^3$/, 1);
        server.connection.cut();
        await running.printed(/^1$/, 2);
      } finally {
        await running.stop();
      }
      assert.equal(running.errors, "");
      assert.deepEqual(
        server.connections.map(({ protocol }) => protocol),
        ["graphql-transport-ws", "graphql-transport-ws"],
      );
      assert.equal(server.requests[0].headers.authorization, "Bearer alice's");
      assert.equal(new Set(server.upgrades.map(({ ticket }) => ticket)).size, 2);
      assert.deepEqual(server.refusals, []);
    });

    test(`${name}: a lost login ends the subscription, after one request and without a rejection that nobody handles`, async () => {
      server.forget();
      server.carriage = carriage;
      server.onTicket = () => ({ status: 401 });
      const running = await run(name, { gate: server.url, token: "worthless" });
      try {
        await running.printed(/^over/, 1);
        await until(() => running.ended, "nothing keeps the process alive");
      } finally {
        await running.stop();
      }
      assert.deepEqual([running.lines, running.errors, server.requests.length], [[`over ${said}`], "", 1]);
    });
  }
});
