// The bridge that stands for Upstash in the tests does what Upstash's own client expects of the real one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Redis } from "@upstash/redis";
import { plainRedis } from "./support/redis-server.js";
import { startBridge } from "./support/upstash-bridge.js";

let redis;
let bridge;

before(async () => {
  redis = await plainRedis();
  bridge = await startBridge(redis.url);
});
after(async () => {
  await bridge?.close();
  await redis?.stop();
});

/** The official client, as it comes but for its retries: what it is told the first time counts. */
function official(options) {
  const { url, token } = bridge;
  return new Redis({ url, token, retry: false, automaticDeserialization: false, enableTelemetry: false, ...options });
}

// Its own answers come in base64; told not to, it gets them as they are.
for (const responseEncoding of ["base64", false]) {
  test(`SET with EX and NX, GETDEL, null and text as it was (${responseEncoding || "plain"})`, async () => {
    const client = official({ responseEncoding });
    const [key, value] = [`wst:bridge-${responseEncoding}`, '{"room":"łobby ✓","n":1}'];
    assert.equal(await client.set(key, value, { ex: 300, nx: true }), "OK");
    assert.equal(await client.set(key, "other", { ex: 300, nx: true }), null);
    const ttl = await client.ttl(key);
    assert.ok(ttl > 295 && ttl <= 300, `${ttl}`);
    assert.equal(await client.get(key), value);
    assert.equal(await client.getdel(key), value);
    assert.equal(await client.getdel(key), null);
    assert.equal(await client.exists(key), 0);
  });
}

test("what is written through the bridge is in the Redis behind it", async () => {
  await official().set("wst:behind", "it", { ex: 60 });
  assert.equal(String(await redis.command("GET", "wst:behind")), "it");
});

test("an error of the command is an error of the client's", async () => {
  await assert.rejects(official().eval("no script", [], []), /ERR/);
  const client = official();
  await client.lpush("wst:list", "a");
  await assert.rejects(client.getdel("wst:list"), /WRONGTYPE/);
});

test("a wrong token is refused", async () => {
  await assert.rejects(official({ token: "other" }).get("wst:x"), /WRONGPASS/);
});

test("a pipeline goes on after an error, and keeps the order", async () => {
  const pipeline = official().pipeline();
  pipeline.set("wst:p", "1", { ex: 60 });
  pipeline.lpush("wst:p", "2");
  pipeline.getdel("wst:p");
  pipeline.getdel("wst:p");
  const answers = await pipeline.exec({ keepErrors: true });
  assert.deepEqual(
    answers.map(({ result, error }) => (error ? "error" : result)),
    ["OK", "error", "1", null],
  );
});

test("a transaction is done whole, or not at all", async () => {
  const transaction = official().multi();
  transaction.set("wst:t", "1", { ex: 60 });
  transaction.incr("wst:t");
  transaction.getdel("wst:t");
  assert.deepEqual(await transaction.exec(), ["OK", 2, "2"]);
  // The client sends none that isn't known, so by hand.
  const body = JSON.stringify([["SET", "wst:t", "1"], ["NOSUCHCOMMAND"]]);
  const headers = { Authorization: `Bearer ${bridge.token}` };
  const answer = await fetch(`${bridge.url}/multi-exec`, { method: "POST", headers, body });
  assert.equal(answer.status, 400);
  assert.match((await answer.json()).error, /^EXECABORT/);
});

test("its faults are seen by the official client too", async () => {
  const html = { status: 502, headers: { "Content-Type": "text/html" }, body: "<html>502 Bad Gateway</html>" };
  await bridge.fault("answer", html);
  await assert.rejects(official().get("wst:x"));
  for (const mode of ["lose", "half", "refuse"]) {
    await bridge.fault(mode);
    await assert.rejects(official().set("wst:fault", mode, { ex: 60 }), mode);
  }
  await bridge.heal();
  assert.equal(await official().get("wst:fault"), "half", "lose and half take effect, refuse does not");
});
