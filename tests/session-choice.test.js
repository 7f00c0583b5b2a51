// SESSION: what stands behind the gate, and what the gate says of it.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { REDEEM_SECRET } from "./support/doors.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { bearer, inSeconds, SECRET as JWT_SECRET, mint } from "./support/jwt.js";
import { assertMisconfigured, assertProblem } from "./support/problem.js";
import { refused, report } from "./support/refused.js";

report();

describe("what stands behind the gate", () => {
  const development = { ...DEVELOPMENT, TICKET_STORE: "durable", REDEEM_SECRET };
  const production = { TICKET_STORE: "durable", JWT_SECRET };
  let gates;
  before(async () => {
    gates = await startGates([
      { vars: { ...development, SESSION: "none" } },
      { vars: { ...development, SESSION: "none", TICKET_CARRIAGE: "subprotocol" } },
      { vars: { ...development, SESSION: "" } },
      { vars: production },
      { vars: { ...production, SESSION: "echo" } },
      { vars: { ...production, TICKET_STORE: "memory" } },
      { vars: { ...production, SESSION: "none" } },
      { vars: { ...development, SESSION: "rooms" } },
      { vars: { ...development, UPSTREAM_TIMEOUT_MS: "0" } },
    ]);
  });
  after(() => gates?.[0].close());

  test("none: there is no /ws, no url and no protocols; tickets are redeemed", async () => {
    for (const gate of gates.slice(0, 2)) {
      const issued = await gate.issue({ sub: "alice" });
      assert.deepEqual(Object.keys(issued).sort(), ["expires_at", "expires_in", "ticket"]);
      for (const path of ["/ws", "/ws/", "/ws/room"]) {
        assertProblem(await gate.upgrade(issued.ticket, { path }), 404, "not_found", { never: [issued.ticket] });
        assertProblem(await gate.request({ path }), 404, "not_found");
        refused(2);
      }
      const redeemed = await gate.redeem({ ticket: issued.ticket, attempt: randomUUID() }, { secret: REDEEM_SECRET });
      assert.equal(redeemed.json.sub, "alice");
      assert.equal((await gate.health()).session, "none");
    }
  });

  test("an echo has no paths of its own", async () => {
    const gate = gates[2];
    const { ticket } = await gate.issue();
    assertProblem(await gate.upgrade(ticket, { path: "/ws/room" }), 404, "not_found");
    assertProblem(await gate.request({ path: "/.well-known/jwks.json" }), 404, "not_found");
    refused(2);
    assert.equal(await gate.opens(ticket, { path: "/ws/" }), 101);
  });

  test("production says that it is degraded where nobody chose what stands behind it, and names what to set", async () => {
    const seen = async ({ session, status, degraded_by }) => ({ session, status, degraded_by });
    const of = async (index) => seen(await gates[index].health());
    assert.deepEqual(await of(2), { session: "echo", status: "ok", degraded_by: undefined });
    assert.deepEqual(await of(3), { session: "echo", status: "degraded", degraded_by: ["SESSION"] });
    assert.deepEqual(await of(4), { session: "echo", status: "ok", degraded_by: undefined });
    assert.deepEqual(await of(5), { session: "echo", status: "degraded", degraded_by: ["TICKET_STORE", "SESSION"] });
    assert.deepEqual(await of(6), { session: "none", status: "ok", degraded_by: undefined });
    // It serves all the same.
    const { ticket } = await gates[3].issue({}, bearer(mint({ sub: "alice", exp: inSeconds(600) })));
    assert.equal(await gates[3].opens(ticket), 101);
  });

  test("what can't be meant is refused at the start", async () => {
    await assertMisconfigured(gates[7], "SESSION", { never: ["rooms"] });
    await assertMisconfigured(gates[8], "UPSTREAM_TIMEOUT_MS");
    refused(2);
  });
});
