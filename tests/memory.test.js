// The memory store, when it is full: it says when it no longer will be, here and on `/health`. What it remembers of used tickets is
// held on the host (`src/stores/memory.rs`), where tens of thousands of them cost nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startGate } from "./support/harness.js";
import { bearer, good, SECRET } from "./support/jwt.js";
import { assertUnavailable } from "./support/problem.js";

/** The claims of all tickets take 1 MiB at most, those of one 2 KiB: this many fill it. */
const TICKETS = 512;

test("full: 503 until the next ticket expires or is used, and says so", async () => {
  const vars = {
    JWT_SECRET: SECRET,
    PAGE: "off",
    TICKET_STORE: "memory",
    TICKET_CLAIMS: "c",
    TICKET_TTL_SECONDS: "3600",
  };
  const gate = await startGate({ vars: { ENVIRONMENT: "development", ...vars }, edge: true });
  try {
    const clock = Date.now();
    const at = (ms) => gate.edge({ clock: clock + ms });
    await at(0);
    // 2,048 bytes of JSON, with the name and what is around it.
    const login = bearer(good("alice", { c: "x".repeat(2_048 - 8), exp: Math.floor(clock / 1000) + 10_000 }));
    await gate.issue(undefined, login);
    await at(100_000);
    const [{ ticket }] = await Promise.all(Array.from({ length: TICKETS - 1 }, () => gate.issue(undefined, login)));
    assert.equal((await gate.health()).status, "ok");
    const full = async (ms, seconds) => {
      await at(ms);
      const answer = await gate.post(undefined, login);
      assertUnavailable(answer);
      assert.equal(answer.headers["retry-after"], String(seconds));
      const { status, trouble } = await gate.health();
      assert.deepEqual([status, trouble], ["degraded", [{ store: "memory", operation: "issue", reason: "full" }]]);
    };
    await full(100_000, 3_500);
    await full(3_598_001, 2);
    // It ends by itself, also where nobody asks for a ticket.
    await at(3_600_001);
    assert.equal((await gate.health()).status, "ok");
    assert.equal((await gate.post(undefined, login)).status, 200);
    await full(3_600_001, 100);
    assert.equal(await gate.opens(ticket), 101);
    assert.equal((await gate.post(undefined, login)).status, 200, "a ticket that is used makes room");
    assert.equal((await gate.health()).trouble, undefined);
  } finally {
    await gate.close();
  }
});
