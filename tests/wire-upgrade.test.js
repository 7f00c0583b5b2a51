// The wire, `GET /ws`: the cheap checks and their order. A request that fails one costs no store call and burns nothing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { assertProblem, assertRefused } from "./support/problem.js";
import { malformed, parts, strange } from "./support/tickets.js";
import { refusesUntouched } from "./support/untouched.js";

const EVIL = "https://evil.example";
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** A handshake as the client sent it; workerd's own proxies would mend it on the way (see `faulty-entry.js`). */
const sent = (headers) => ({ "x-edge-headers": JSON.stringify(headers) });

for (const store of ["memory", "kv"]) {
  describe(`GET /ws, TICKET_STORE=${store}`, () => {
    let gate;
    let good;
    before(async () => {
      gate = await startGate({
        vars: { ...DEVELOPMENT, TICKET_STORE: store, ALLOWED_ORIGINS: "https://app.example.com" },
        edge: true,
      });
      good = (await gate.issue()).ticket;
    });
    after(() => gate?.close());

    const refuses = (send, status, code) => refusesUntouched(gate, send, status, code, { never: [EVIL] });
    const query = (text) => gate.upgrade("", { query: text });

    test("a ticket opens: 101, with the accept that the key asks for and no subprotocol", async () => {
      const { ticket } = await gate.issue();
      const answer = await gate.upgrade(ticket);
      assert.equal(answer.status, 101);
      const accept = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      assert.equal(answer.headers["sec-websocket-accept"], accept);
      assert.equal(answer.headers["sec-websocket-protocol"], undefined);
      await answer.leave();
    });

    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]) {
      test(`${method}: 405 with Allow`, async () => {
        const { ticket } = await gate.issue();
        await gate.edge();
        const answer = await gate.request({ method, path: `/ws?ticket=${ticket}` });
        if (method === "HEAD") assert.equal(answer.status, 405);
        else assertProblem(answer, 405, "method_not_allowed", { never: [ticket] });
        assert.equal(answer.headers.allow, "GET");
        assert.deepEqual(await gate.calls(), {});
        assert.equal(await gate.opens(ticket), 101);
      });
    }

    test("not an upgrade: 426 that names the protocol", async () => {
      for (const headers of [{}, { Upgrade: "h2c", Connection: "Upgrade" }, { Upgrade: "websockets" }]) {
        const plain = (ticket) => gate.request({ path: `/ws?ticket=${ticket}`, headers });
        const answer = await refuses(plain, 426, "upgrade_required");
        assert.equal(answer.headers["x-edge-upgrade"], "websocket");
      }
    });

    for (const [what, headers] of [
      ["no version", { "sec-websocket-version": null }],
      ["version 12", { "sec-websocket-version": "12" }],
      ["version 8", { "sec-websocket-version": "8" }],
      ["a version that is a text", { "sec-websocket-version": "thirteen" }],
      ["no key", { "sec-websocket-key": null }],
      ["an empty key", { "sec-websocket-key": "" }],
      ["a key that is not base64", { "sec-websocket-key": "&&&&&&&&&&&&&&&&&&&&&&==" }],
      ["a key of 15 bytes", { "sec-websocket-key": Buffer.alloc(15).toString("base64") }],
      ["a key of 17 bytes", { "sec-websocket-key": Buffer.alloc(17).toString("base64") }],
    ]) {
      const send = (ticket) => gate.upgrade(ticket, { headers: sent(headers) });
      test(`a handshake with ${what}: 400`, () => refuses(send, 400, "handshake_invalid"));
    }

    test("an origin that is not allowed: 403", () =>
      refuses((ticket) => gate.upgrade(ticket, { headers: { Origin: EVIL } }), 403, "origin_refused"));

    for (const text of ["", "x=1", "tickets=1", "Ticket=wst_m_x", "ticke=t"]) {
      test(`without a ticket, ?${text}: 400`, () => refuses(() => query(text), 400, "ticket_missing"));
    }
    for (const text of ["ticket", "ticket=", "ticket=&x=1"]) {
      const codes = ["ticket_missing", "ticket_malformed"];
      test(`with an empty ticket, ?${text}: 400`, () => refuses(() => query(text), 400, codes));
    }

    for (const [what, twice] of [
      ["the same twice", (t) => `ticket=${t}&ticket=${t}`],
      ["two tickets", (t) => `ticket=${t}&ticket=${strange("m")}`],
      ["a malformed one before", (t) => `ticket=x&ticket=${t}`],
      ["an empty one after", (t) => `ticket=${t}&ticket=`],
      ["one under an encoded name", (t) => `ticket=${t}&%74icket=${t}`],
      ["three, among others", (t) => `ticket=${t}&a=b&ticket=${t}&c=d&ticket=${t}`],
    ]) {
      test(`a repeated ticket, ${what}: 400`, () => refuses((ticket) => query(twice(ticket)), 400, "ticket_repeated"));
    }

    test("a malformed ticket: 400, whatever is wrong with it", async () => {
      const { ticket } = await gate.issue();
      await gate.edge();
      for (const [what, text] of malformed(ticket)) {
        const answer = await query(`ticket=${text}`);
        assert.equal(answer.status, 400, `${what}: ${answer.status}`);
        assertProblem(answer, 400, "ticket_malformed", { never: [parts(ticket).secret.slice(2, -2), "script"] });
      }
      assert.deepEqual(await gate.calls(), {}, "a malformed ticket reached a store");
      assert.equal(await gate.opens(ticket), 101);
    });

    test("a ticket opens as well when it is percent-encoded, and among other parameters", async () => {
      const encoded = (text) => [...text].map((c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");
      for (const form of [
        (t) => `ticket=${encoded(t)}`,
        (t) => `%74icke%74=${t.replaceAll("_", "%5F")}`,
        (t) => `v=2&ticket=${t}&room=other&ticket2=x`,
        (t) => `&&ticket=${t}&`,
      ]) {
        const { ticket } = await gate.issue();
        const text = form(ticket);
        assert.equal(await gate.opens("", { query: text }), 101, text.replace(ticket, "<ticket>"));
        assertRefused(await gate.upgrade(ticket));
      }
    });

    test("a ticket of a home that nobody has is unknown: 401, and no store is asked", async () => {
      await gate.edge();
      assertRefused(await gate.upgrade(strange("zz9")));
      assert.deepEqual(await gate.calls(), {});
    });

    // Each request is wrong in everything from its place on; the first wrong thing is the one that is answered.
    test("the order: method, upgrade, handshake, origin, ticket, and then the store", async () => {
      const bad = { "sec-websocket-version": "12" };
      const path = "/ws?ticket=x&ticket=y";
      const origin = { Origin: EVIL };
      await gate.edge();
      assertProblem(await gate.request({ method: "POST", path, headers: origin }), 405, "method_not_allowed");
      assertProblem(await gate.request({ path, headers: origin }), 426, "upgrade_required");
      const all = { query: "ticket=x&ticket=y", headers: { ...origin, ...sent(bad) } };
      assertProblem(await gate.upgrade("", all), 400, "handshake_invalid");
      assertProblem(await gate.upgrade("", { ...all, headers: origin }), 403, "origin_refused");
      assertProblem(await gate.upgrade("", { ...all, headers: {} }), 400, "ticket_repeated");
      assertProblem(await query("ticket=x"), 400, "ticket_malformed");
      assert.deepEqual(await gate.calls(), {});
      assertRefused(await gate.upgrade(strange(parts(good).home)));
    });

    test("consumed is said of a socket that is there, and of no other", async () => {
      const { ticket } = await gate.issue();
      gate.forgetLines();
      await gate.edge({ platform: ["socket"] });
      assertProblem(await gate.upgrade(ticket), 500, "internal_error");
      await gate.edge();
      const [failed] = await gate.eventually(({ event }) => event === "internal_error");
      assert.equal(failed.route, "ws");
      // A later request's line is behind all of the earlier one's.
      assert.equal(await gate.opens((await gate.issue()).ticket), 101);
      assert.equal((await gate.eventually(({ event }) => event === "consumed")).length, 1);
      assertRefused(await gate.upgrade(ticket));
    });

    test("a ticket in any other place is no ticket", async () => {
      const { ticket } = await gate.issue();
      const headers = { Authorization: `Bearer ${ticket}`, Cookie: `ticket=${ticket}` };
      assertProblem(await gate.upgrade("", { query: "", headers }), 400, "ticket_missing");
      assert.equal(await gate.opens(ticket), 101);
    });
  });
}
