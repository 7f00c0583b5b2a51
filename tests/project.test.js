// The files that a newcomer and a deploy start from say what they should, and work as they are.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { projectConfig, startGate } from "./support/harness.js";

const example = readFileSync(new URL("../.dev.vars.example", import.meta.url), "utf8");
const settings = Object.fromEntries(
  [...example.matchAll(/^([A-Z_]+)="(.*)"$/gm)].map(([, name, value]) => [name, value]),
);

test("wrangler.jsonc is production: bindings, the required secret, and no ticket in the platform's logs", async () => {
  const config = await projectConfig();
  assert.equal(config.vars.ENVIRONMENT, "production");
  assert.equal(config.vars.IDENTITY, "jwt");
  assert.equal(config.vars.ALLOW_BEST_EFFORT, "false");
  assert.ok(config.secrets.required.includes("JWT_SECRET"));
  assert.equal(config.vars.JWT_SECRET, undefined, "a secret is no variable");
  const kv = config.kv_namespaces.map(({ binding }) => binding);
  const shards = config.durable_objects.bindings.map(({ name, class_name }) => [name, class_name]);
  assert.deepEqual(
    [kv, shards],
    [
      ["WS_TICKETS_KV"],
      [
        ["TICKET_SHARD", "TicketShard"],
        ["TICKET_ROOM", "TicketRoom"],
      ],
    ],
  );
  assert.equal(config.observability.redact_query_string, true);
  // Only production has zones in which asking a Worker of one's own fails without it.
  assert.deepEqual(config.compatibility_flags, ["global_fetch_strictly_public"]);
  assert.equal(config.observability.logs.invocation_logs, false);
});

test(".dev.vars.example sets only names that wrangler.jsonc has: wrangler ignores all others in silence", async () => {
  const config = await projectConfig();
  const known = [...Object.keys(config.vars), ...config.secrets.required];
  assert.ok(Object.keys(settings).length >= 3);
  for (const name of Object.keys(settings)) assert.ok(known.includes(name), `${name} stands nowhere in wrangler.jsonc`);
});

test(".dev.vars.example is a gate that works", async () => {
  const gate = await startGate({ vars: settings });
  try {
    const { status, store } = await gate.health();
    assert.deepEqual([status, store], ["ok", "memory"]);
    const { ticket } = await gate.issue({ sub: "alice" });
    assert.equal(await gate.opens(ticket), 101);
  } finally {
    await gate.close();
  }
});

test("wrangler.jsonc without its secret is a gate that refuses to work", async () => {
  const gate = await startGate();
  try {
    const answer = await gate.request({ path: "/health" });
    assert.equal(answer.status, 500);
    assert.deepEqual(
      answer.json.problems.map(({ name }) => name),
      ["JWT_SECRET"],
    );
  } finally {
    await gate.close();
  }
});
