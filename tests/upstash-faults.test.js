// What happens to a ticket of the store `upstash` when the edge in front of the Redis fails: only a well-formed result is an answer,
// everything else an outage that is told as one, and never a second request.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { deadline } from "./support/pace.js";
import { assertUnavailable } from "./support/problem.js";
import { startRedis } from "./support/redis-server.js";
import { startBridge } from "./support/upstash-bridge.js";

const TIMEOUT_MS = deadline(300);
const JSON_TYPE = { "Content-Type": "application/json" };

let redis;
let bridge;
let gate;
before(async () => {
  redis = await startRedis();
  bridge = await startBridge(redis.url);
  const settings = { TICKET_STORE: "upstash", STORE_TIMEOUT_MS: String(TIMEOUT_MS), ...bridge.vars };
  gate = await startGate({ vars: { ...DEVELOPMENT, ...settings } });
});
beforeEach(() => bridge.heal());
after(async () => {
  await gate?.close();
  await bridge?.close();
  await redis?.stop();
});

const unavailable = async (ask) => assertUnavailable(await ask());

const answer = (name, status, body, more = {}) => ({ name, mode: "answer", status, body, headers: JSON_TYPE, ...more });
const html = { headers: { "Content-Type": "text/html" } };
const missing = '{"result":null}';
// The ticket is not touched, unless it `burns`. `reason` is what telemetry says where it isn't "failed".
const faults = [
  { name: "the port is closed", mode: "refuse", reason: "disconnected" },
  { name: "nothing is answered", mode: "hang", reason: "timed_out" },
  answer("502 with HTML", 502, "<html><title>502 Bad Gateway</title></html>", { ...html, reason: "status" }),
  answer("401 with HTML", 401, "<html>Sign in</html>", { ...html, reason: "wrongpass" }),
  answer("200 with HTML", 200, "<html>maintenance</html>", { ...html, reason: "malformed" }),
  answer("200 with an error", 200, '{"error":"ERR LOADING"}'),
  answer("200 with an error and null", 200, '{"result":null,"error":"ERR LOADING"}'),
  answer("a wrong token", 401, '{"error":"WRONGPASS invalid or missing auth token"}', { reason: "wrongpass" }),
  answer("a token that may not", 400, '{"error":"NOPERM this user has no permissions"}', { reason: "noperm" }),
  answer("a read-only replica", 200, '{"error":"READONLY You can not write"}', { reason: "readonly" }),
  answer("200 with nothing", 200, "", { reason: "malformed" }),
  answer("200 with null", 200, "null", { reason: "malformed" }),
  answer("200 with no result", 200, "{}", { reason: "malformed" }),
  answer("200 with a number", 200, '{"result":1}', { reason: "malformed" }),
  answer("200 with a list", 200, '[{"result":null}]', { reason: "malformed" }),
  answer("200 with half an object", 200, '{"result":"OK', { reason: "malformed" }),
  answer("204", 204, "", { reason: "status" }),
  answer("404 with null", 404, missing, { reason: "status" }),
  answer("500 with null", 500, missing, { reason: "status" }),
  answer("429", 429, '{"error":"Too many requests"}', { reason: "limit_reached" }),
  answer("the day's limit", 400, '{"error":"ERR max daily request limit exceeded."}', { reason: "limit_reached" }),
  answer("the capacity", 400, '{"error":"ERR DB capacity quota exceeded."}', { reason: "full" }),
  answer("a redirect", 302, "", { headers: { Location: "/elsewhere" }, reason: "status" }),
  answer("a redirect of the whole request", 307, "", { headers: { Location: "/elsewhere" }, reason: "status" }),
  answer("more than an answer can be", 200, missing + " ".repeat(100_000), { reason: "malformed" }),
  { name: "the answer is lost", mode: "lose", burns: true, reason: "disconnected" },
  { name: "half of the answer is lost", mode: "half", burns: true, reason: "disconnected" },
  { name: "the answer never comes", mode: "mute", burns: true, reason: "timed_out" },
  { name: "the answer comes too late", mode: "slow", ms: 4 * TIMEOUT_MS, burns: true, reason: "timed_out" },
];

describe("no answer is an outage, and never repeated, when:", () => {
  for (const { name, mode, burns, reason = "failed", ...options } of faults) {
    test(name, async () => {
      const { ticket } = await gate.issue();
      await bridge.fault(mode, options);
      gate.forgetLines();
      bridge.forget();
      await unavailable(() => gate.post());
      await unavailable(() => gate.upgrade(ticket));
      assert.equal(bridge.requests, mode === "refuse" ? 0 : 2);
      const failed = await gate.eventually(({ event }) => event === "store_failed", 2);
      const seen = failed.map((event) => [event.step, event.reason]);
      assert.deepEqual(seen, [
        ["upstash.set", reason],
        ["upstash.getdel", reason],
      ]);
      await bridge.heal();
      assert.equal(await gate.opens(ticket), burns ? 401 : 101);
      assert.equal(await gate.opens(ticket), 401);
    });
  }

  test("a SET is told that there is such a key: no ticket", async () => {
    await bridge.fault("answer", { headers: JSON_TYPE, body: missing });
    await unavailable(() => gate.post());
  });

  test("one answer of fifty is lost: at most one admission", async () => {
    for (let round = 0; round < 5; round += 1) {
      const { ticket } = await gate.issue();
      await bridge.fault("lose", { times: 1 });
      const answers = await Promise.all(Array.from({ length: 50 }, () => gate.opens(ticket)));
      await bridge.heal();
      const count = (status) => answers.filter((each) => each === status).length;
      assert.ok(count(101) <= 1 && count(101) + count(401) + count(503) === 50, answers.join());
    }
  });

  test("an answer that comes late, in time, does no harm", async () => {
    await bridge.fault("slow", { ms: 100 });
    const { ticket } = await gate.issue();
    assert.deepEqual([await gate.opens(ticket), await gate.opens(ticket)], [101, 401]);
  });
});
