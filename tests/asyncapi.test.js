// docs/asyncapi.yaml: in order by the official schema, in agreement with docs/openapi.yaml, and what sockets of a gate really do.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { problems } from "../scripts/documents.js";
import { departsAsWelcome, document } from "./support/asyncapi.js";
import { startBare } from "./support/bare.js";
import { DEVELOPMENT } from "./support/harness.js";
import { Departure, document as openapi } from "./support/openapi.js";

const text = readFileSync(new URL("../docs/asyncapi.yaml", import.meta.url), "utf8");
const api = document();

describe("the document", () => {
  test("has nothing wrong, by the official schema and by the rules of its lint", async () => {
    assert.deepEqual(await problems("asyncapi.yaml", text), []);
  });

  for (const [what, find, replace, said] of [
    ["another action", "action: receive", "action: listen", /AsyncAPI 3\.0\.0/],
    ["a misspelt member", "    address: /ws", "    adress: /ws", /adress \(AsyncAPI 3\.0\.0\)/],
    ["a method that opens no socket", "method: GET", "method: PUT", /GET,POST \(AsyncAPI 3\.0\.0\)/],
    ["a version of nothing", "bindingVersion: 0.1.0", 'bindingVersion: "9"', /0\.1\.0 \(AsyncAPI 3\.0\.0\)/],
    ["a reference that leads nowhere", 'messages/bytes" }', 'messages/byte" }', /\$ref/],
    ["a type that isn't one", "type: [string, ", "type: [text, ", /type.*AsyncAPI 3\.0\.0/],
    ["what is no YAML", "operations:", "operations: [", /sequence|map/],
  ]) {
    test(`the lint finds ${what}`, async () => {
      assert.ok(text.includes(find));
      const found = await problems("asyncapi.yaml", text.replace(find, replace));
      assert.ok(
        found.some(({ text, line }) => said.test(text) && line > 1),
        JSON.stringify(found),
      );
    });
  }

  test("says of the version, of tickets and of moments what docs/openapi.yaml says", () => {
    const { info, components, paths } = openapi();
    assert.equal(api.info.version, info.version);
    assert.equal(api.components.schemas.ticket.pattern, components.schemas.Ticket.pattern);
    assert.equal(api.components.schemas.welcome.properties.expires_at.pattern, components.schemas.Moment.pattern);
    assert.ok(api.channels.socket.address in paths);
  });

  test("its examples are what it says", () => {
    const ajv = new Ajv({ strict: false });
    addFormats(ajv);
    const frames = Object.values(api.components.messages).filter(
      ({ contentType }) => contentType === "application/json",
    );
    assert.equal(frames.length, 6);
    for (const { name, payload, examples } of frames.filter(({ name }) => name !== "welcome")) {
      const valid = ajv.compile(payload);
      for (const example of examples) {
        assert.ok(valid(example.payload), `${name}: ${ajv.errorsText(valid.errors)}`);
        assert.ok(!valid({ ...example.payload, more: 1 }), name);
      }
    }
  });

  test("its examples are welcomes", () => {
    const { examples } = api.components.messages.welcome;
    assert.ok(examples.length > 0);
    for (const { payload } of examples) departsAsWelcome(payload);
  });
});

describe("a socket", () => {
  let gate;
  before(async () => {
    gate = await startBare(DEVELOPMENT);
  });
  after(() => gate?.close());

  /** The welcome, and how the socket ended after `act(socket)`. */
  async function session(act, body) {
    const { url } = await gate.issue(body);
    const socket = new WebSocket(url);
    const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
    const welcome = await new Promise((resolve) => {
      socket.addEventListener("message", ({ data }) => resolve(JSON.parse(data)), { once: true });
    });
    act(socket);
    return { welcome, closed: await closed };
  }

  test("begins with a welcome, and no other object is one", async () => {
    for (const body of [undefined, { sub: "alice", room: "lobby" }, { sub: "s".repeat(256), room: "爱".repeat(42) }]) {
      const { welcome } = await session((socket) => socket.close(), body);
      departsAsWelcome(welcome);
      const caught = (change, what) =>
        assert.throws(() => departsAsWelcome({ ...welcome, ...change }), Departure, what);
      for (const name of Object.keys(welcome)) {
        const { [name]: _, ...rest } = welcome;
        assert.throws(() => departsAsWelcome(rest), Departure, `without ${name}`);
        caught({ [name]: 7 }, `${name}: 7`);
        caught({ [name]: "" }, `an empty ${name}`);
      }
      caught({ extra: 1 }, "a member that is not declared");
      caught({ claims: {} }, "no claims");
      departsAsWelcome({ ...welcome, claims: { role: "moderator" } });
    }
  });

  // What a browser's WebSocket can do; `wire-bare-socket.test.js` has the rest.
  test("ends as x-close-codes says", async () => {
    const declared = Object.groupBy(api.channels.socket["x-close-codes"], ({ by }) => by);
    const [own, none] = declared.client.map(({ code }) => String(code));
    const ranges = own.split(", ").map((range) => range.split(" to ").map(Number));
    // A browser's WebSocket sends no other code than 1000 and 3000 to 4999.
    for (const code of [1000, 3000, 4999]) {
      assert.ok(ranges.some(([first, last]) => code >= first && code <= last));
      const { closed } = await session((socket) => socket.close(code, "bye"));
      assert.deepEqual([closed.code, closed.reason], [code, "bye"]);
    }
    const { closed } = await session((socket) => socket.close());
    assert.ok([1000, Number(none)].includes(closed.code), `without a code: ${closed.code}`);
    const refused = new WebSocket(`${gate.url.toString().replace(/^http/, "ws")}ws`);
    const lost = await new Promise((resolve) => refused.addEventListener("close", resolve));
    assert.equal(lost.code, declared.nobody[0].code);
  });
});
