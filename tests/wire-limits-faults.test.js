// The wire, rate limits that fail themselves, or that aren't there: refused or admitted as LIMITER_FAILURE says, never in silence.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { assertMisconfigured, assertProblem, assertRefused } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { strange } from "./support/tickets.js";

const VARS = { ...DEVELOPMENT, TICKET_STORE: "kv" };

describe("limits that fail, or aren't there", () => {
  let gates;
  before(async () => {
    gates = await startGates([
      { vars: VARS, edge: true },
      { vars: { ...VARS, LIMITER_FAILURE: "admit" }, edge: true },
      { vars: VARS, edge: true, without: ["ISSUE_LIMIT", "REFUSAL_LIMIT"] },
      { vars: { ...VARS, LIMITER_FAILURE: "ignore" } },
      { vars: VARS, edge: true, without: ["REFUSAL_LIMIT"] },
      { vars: { ...VARS, LIMITER_FAILURE: undefined }, edge: true },
    ]);
  });
  after(() => gates?.[0].close());

  for (const [how, fault] of [
    ["throws", { how: "throw" }],
    ["hangs", { how: "hang" }],
    ["answers nothing", { how: "answer", value: null }],
    ["answers something else", { how: "answer", value: { success: "yes" } }],
  ]) {
    test(`a limit ${how}: refused or admitted, as LIMITER_FAILURE says, and an event`, async () => {
      for (const [gate, status] of [
        [gates[0], 503],
        [gates[1], 200],
        // Without the setting.
        [gates[5], 503],
      ]) {
        const { ticket } = await gate.issue();
        await gate.edge({ issue_limit: { limit: fault }, refusal_limit: { limit: fault } });
        gate.forgetLines();
        const answer = await gate.post();
        assert.equal(answer.status, status, answer.text);
        if (status === 503) {
          assertProblem(answer, 503, "limiter_unavailable", { never: ["reference"] });
          assert.equal(answer.headers["retry-after"], "1");
          assert.deepEqual(await gate.calls(), {}, "a store was called");
          refused();
        }
        assertRefused(await gate.upgrade(strange("k")));
        assert.equal(await gate.opens(ticket), 101, "an admission asks no limit");
        const failed = await gate.eventually(({ event }) => event === "limiter_failed", 2);
        assert.deepEqual(
          failed.map(({ limiter, level }) => [limiter, level]),
          [
            ["issue", "warn"],
            ["refusal", "warn"],
          ],
        );
        for (const { reason } of failed) assert.equal(reason, how === "hangs" ? "timed_out" : "failed");
        assert.deepEqual(await gate.asked(), { "issue_limit.limit": 1, "refusal_limit.limit": 1 }, "asked once each");
        assert.ok(!gate.lines().some((line) => line.includes("0123456789abcdef")), "the platform's words are logged");
        await gate.edge();
        assert.equal((await gate.post()).status, 200, "when it is back");
      }
    });
  }

  test("without the bindings there is no limit, and /health says so", async () => {
    assert.deepEqual((await gates[2].health()).limits, []);
    assert.deepEqual((await gates[4].health()).limits, ["issue"]);
    assert.equal((await gates[2].post()).status, 200);
    for (let i = 0; i < 200; i += 1) assertRefused(await gates[2].upgrade(strange("k")));
    assert.deepEqual(await gates[2].asked(), {});
  });

  test("any other LIMITER_FAILURE is a mistake", () => assertMisconfigured(gates[3], "LIMITER_FAILURE"));
});

report();
