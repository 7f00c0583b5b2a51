// IDENTITY=forward: what a session says beyond its user: rooms, claims, and when it ends.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LOGGED_IN, startAuthServer } from "./support/authserver.js";
import { refuses, welcomed } from "./support/caller.js";
import { startGates } from "./support/harness.js";
import { inSeconds } from "./support/jwt.js";
import { report } from "./support/refused.js";

report();

describe("what a session says", () => {
  let site;
  let gates;
  before(async () => {
    site = await startAuthServer();
    const [plain, carrying] = await startGates([
      { vars: site.vars(), edge: true },
      { vars: site.vars({ TICKET_CLAIMS: "email,level,name,absent" }), edge: true },
    ]);
    gates = { plain, carrying };
  });
  after(async () => {
    await gates?.plain.close();
    await site?.close();
  });

  test("rooms and claims, in JSON and in headers", async () => {
    site.says({ sub: "alice", rooms: ["lobby", "staff"], email: "a@b.example", level: 3, name: null, phone: "1" });
    const { claims, room } = await welcomed(gates.carrying, LOGGED_IN, { room: "staff" });
    assert.deepEqual([claims, room], [{ email: "a@b.example", level: 3 }, "staff"]);
    const other = { status: 403, code: "room_refused" };
    await refuses(gates.plain, LOGGED_IN, other, { body: { room: "other" } });
    const more = { "Remote-Email": "a@b.example", "Remote-Level": "3", "Remote-Phone": "1" };
    site.sets({ "Remote-User": "alice", "Remote-Rooms": "lobby, staff", ...more });
    const told = await welcomed(gates.carrying, LOGGED_IN, { room: "staff" });
    assert.deepEqual([told.claims, told.room], [{ email: "a@b.example", level: "3" }, "staff"]);
    await refuses(gates.plain, LOGGED_IN, other, { body: { room: "other" } });
    site.says({ sub: "alice", email: "e".repeat(2100) });
    await refuses(gates.carrying, LOGGED_IN, { reason: "claims_too_large" });
  });

  test("a ticket ends with the session, to the millisecond", async () => {
    const gate = gates.plain;
    const clock = inSeconds(0) * 1000;
    for (const tell of [
      (exp) => site.says({ sub: "alice", exp }),
      (exp) => site.sets({ "Remote-User": "alice", "Remote-Expires": String(exp) }),
    ]) {
      tell(clock / 1000 + 20);
      await gate.edge({ clock });
      const [early, late] = [await gate.issue(undefined, LOGGED_IN), await gate.issue(undefined, LOGGED_IN)];
      assert.equal(early.expires_in, 20);
      assert.equal(Date.parse(early.expires_at), clock + 20_000);
      await gate.edge({ clock: clock + 19_999 });
      assert.equal(await gate.opens(early.ticket), 101);
      await gate.edge({ clock: clock + 20_000 });
      assert.equal(await gate.opens(late.ticket), 401);
      tell(clock / 1000 + 7200);
      await gate.edge({ clock });
      assert.equal((await gate.issue(undefined, LOGGED_IN)).expires_in, 300);
      for (const ended of [0, 60, 3600]) {
        tell(clock / 1000 - ended);
        await refuses(gate, LOGGED_IN, { reason: "token_expired" }, { clock });
      }
      tell(clock / 1000 + 1);
      await refuses(gate, LOGGED_IN, { reason: "token_expires_too_soon" }, { clock: clock + 1 });
    }
  });
});
