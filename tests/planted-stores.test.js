// Planted secrets, every store and every way it can fail: no password, no token, no ticket and no error text of a store comes out
// in a log line, an answer or `/health`; and no store holds a ticket.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startGates } from "./support/harness.js";
import { deadline } from "./support/pace.js";
import { startRedis } from "./support/redis-server.js";
import { refused, report } from "./support/refused.js";
import { fail, heal, rows } from "./support/rows.js";
import { startProxy } from "./support/tcp-proxy.js";
import { startBridge } from "./support/upstash-bridge.js";
import { Witness } from "./support/witness.js";

const APP = "https://app.example.com";
/** Long enough for a store that is well, short enough for two dozen that aren't. */
const TIMEOUT_MS = String(deadline(200));

/** A Redis with a password, behind a proxy that can fail. */
async function redis(witness) {
  const server = await startRedis({ password: witness.secret("a Redis password") });
  const proxy = await startProxy(server.url);
  const wrong = new URL(proxy.url);
  wrong.password = witness.secret("a wrong Redis password");
  const error = (says) => ["answer", { bytes: Buffer.from(`-${says}\r\n`) }];
  return {
    front: proxy,
    server,
    vars: { REDIS_URL: proxy.url },
    wrong: { REDIS_URL: wrong.href },
    errors: (says) => [error(`ERR ${says}`), error(`WRONGPASS ${says}`), error(says), error(`MOVED 1 ${says}:1`)],
  };
}

/** Upstash's REST API with a token, in front of a Redis. */
async function upstash(witness) {
  const server = await startRedis();
  const bridge = await startBridge(server.url, { token: witness.secret("an Upstash token") });
  const answer = (status, body) => ["answer", { status, headers: { "X-Error": body, Location: `/${body}` }, body }];
  return {
    front: bridge,
    server,
    vars: bridge.vars,
    wrong: { ...bridge.vars, UPSTASH_REDIS_REST_TOKEN: witness.secret("a wrong Upstash token") },
    errors: (says) => [
      ...[200, 302, 400, 401, 429, 500].map((status) => answer(status, says)),
      ...[200, 400].map((status) => answer(status, JSON.stringify({ error: `ERR ${says}`, result: says }))),
    ],
  };
}

const BACKINGS = { redis, upstash };
const SCENARIOS = rows.filter(({ name }) =>
  ["memory", "kv+ledger", "durable", "sealed+ledger", "redis", "upstash"].includes(name),
);

for (const row of SCENARIOS) {
  test(`planted secrets, ${row.name}`, async (t) => {
    const witness = new Witness();
    const backing = await BACKINGS[row.name]?.(witness);
    const [SEAL_KEY, SEAL_KEY_PREVIOUS] = ["SEAL_KEY", "SEAL_KEY_PREVIOUS"].map((name) => witness.secret(name));
    const sealing = { SEAL_KEY, SEAL_KEY_PREVIOUS };
    const keys = { TICKET_KEY: witness.secret("TICKET_KEY"), ...sealing, BIND: "cookie", ALLOWED_ORIGINS: APP };
    const vars = { ...row.vars, ...keys, STORE_TIMEOUT_MS: TIMEOUT_MS, ...backing?.vars };
    const gates = await startGates([
      { vars, edge: true },
      { vars: { ...vars, ...backing?.wrong }, edge: true },
      // In a list: the next one issues.
      { vars: { ...vars, TICKET_STORE: [...new Set([row.vars.TICKET_STORE, "memory"])].join(",") }, edge: true },
    ]);
    const held = {
      gates,
      backing: backing && { fault: (...how) => backing.front.fault(...how), heal: () => backing.front.heal() },
    };
    try {
      const says = witness.secret("an error's text");
      const issue = (gate) => witness.see("POST /ws-ticket", gate.post({ sub: "alice" }, { Origin: APP }));
      const present = ({ json, headers }, gate, own) =>
        witness.see(
          "GET /ws",
          gate.upgrade(json.ticket, { headers: { Origin: own, Cookie: headers["set-cookie"][0].split(";")[0] } }),
        );
      const live = [];
      const [gate, , list] = gates;
      const faults = [...row.issueOutages, ...row.consumeOutages, ...row.lostReplies].map(speaking(says));
      faults.push(...(backing?.errors(says) ?? []).map((wire) => ({ wire })));
      for (const fault of faults) {
        const [one, two] = [await issue(gate), await issue(gate)];
        assert.deepEqual([one.status, two.status], [200, 200]);
        live.push(one);
        await fail(held, fault);
        const seen = [await issue(gate), await issue(list), await present(two, gate, APP)];
        await heal(held);
        refused(seen.filter(({ status }) => status >= 400).length);
      }
      // And well again: used, with a mismatch, with a wrong password of the store's.
      const [good, other] = [await issue(gate), await issue(gate)];
      assert.deepEqual([(await present(good, gate, APP)).status, (await present(good, gate, APP)).status], [101, 401]);
      assert.equal((await present(other, gate, undefined)).status, 401);
      if (backing !== undefined) {
        assert.equal((await issue(gates[1])).status, 503);
        assert.equal((await present(await issue(gate), gates[1], APP)).status, 503);
      }
      await witness.collect(gates, backing?.server);
      assert.deepEqual(witness.finds(), []);
      if (backing !== undefined) assert.ok((await backing.server.entries()).length > 0, "the server holds nothing");
      const { places, characters } = witness.searched;
      t.diagnostic(
        `${faults.length} faults, ${witness.planted} secrets, ${places} places, ${characters} characters: none`,
      );
    } finally {
      await gates[0].close();
      await backing?.front.close();
      await backing?.server.stop();
    }
  });
}

/** The same fault, with words of its own where it has any. */
function speaking(says) {
  return ({ plan, wire }) => {
    if (plan === undefined) return { wire };
    const loud = (fault) => ({ ...fault, says, ...(fault.body !== undefined && { body: `${fault.body}${says}` }) });
    const operations = (of) => Object.fromEntries(Object.entries(of).map(([name, fault]) => [name, loud(fault)]));
    return { plan: Object.fromEntries(Object.entries(plan).map(([binding, of]) => [binding, operations(of)])) };
  };
}

report();
