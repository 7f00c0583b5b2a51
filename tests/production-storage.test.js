// Who follows docs/production-storage.md, or its Chinese sister, and nothing else, reaches a configuration that wrangler would deploy, and a
// gate that says what the page says.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { npmTools } from "../scripts/tools.js";
import { projectConfig, startGate } from "./support/harness.js";
import { PATIENCE_MS } from "./support/pace.js";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const read = (name) => readFileSync(path.join(ROOT, name), "utf8");
const english = read("docs/production-storage.md");
const chinese = read("docs/zh-CN/production-storage.md");

/** `{ heading, change, says }`: the change of each store's set-up, and what `/health` says then. */
function setups(text) {
  return [...text.matchAll(/^#{2,3} (.+)\n((?:(?!^#{2,3} ).*\n)*)/gm)].flatMap(([, heading, body]) => {
    const [, change] = /^ *```jsonc\n(.*?)^ *```/ms.exec(body) ?? [];
    if (change === undefined) return [];
    return [{ heading, change: JSON.parse(change), says: /"store":"([^"]+)"/.exec(body)?.[1] }];
  });
}

test("both languages have the same headings, in number and level, and the same changes", () => {
  const levels = (text) => [...text.matchAll(/^(#+) /gm)].map(([, level]) => level);
  assert.deepEqual(levels(chinese), levels(english));
  const of = (text) => setups(text).map(({ change, says }) => ({ change, says }));
  assert.deepEqual(of(chinese), of(english));
  assert.deepEqual(
    of(english).map(({ says }) => says),
    ["durable", "kv+ledger", "fallback(sealed+ledger, durable)", "upstash", "redis", undefined],
  );
});

describe("a gate with each", () => {
  const SECRETS = {
    JWT_SECRET: "j".repeat(32),
    SEAL_KEY: "s".repeat(32),
    REDIS_URL: "rediss://ws-ticket:a-password@redis.example.com:6379",
    UPSTASH_REDIS_REST_TOKEN: "a-token",
  };
  for (const { heading, change, says } of setups(english))
    test(`${heading}: /health says what the page says`, async (t) => {
      const { required = ["JWT_SECRET"] } = change.secrets ?? {};
      const secrets = Object.fromEntries(required.map((name) => [name, SECRETS[name]]));
      const gate = await startGate({
        vars: { SESSION: "none", REDEEM_SECRET: "r".repeat(32), ...change.vars, ...secrets },
      });
      t.after(() => gate.close());
      const { status, store, guarantee } = await gate.health();
      assert.deepEqual([status, guarantee], ["ok", "single-use"]);
      assert.equal(store, says ?? "fallback(durable, kv+ledger)");
    });
});

describe("each store's set-up", () => {
  let folder;
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-storage-"));
    for (const name of ["build", "entry", "src", "public", "node_modules"])
      symlinkSync(path.join(ROOT, name), path.join(folder, name));
    cpSync(path.join(ROOT, "package.json"), path.join(folder, "package.json"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const { heading, change } of setups(english))
    test(`${heading}: wrangler would deploy it`, async () => {
      const config = await projectConfig();
      const changed = { ...config, ...change, vars: { ...config.vars, ...change.vars } };
      // What is built is built already.
      delete changed.build;
      writeFileSync(path.join(folder, "wrangler.jsonc"), JSON.stringify(changed));
      const args = [npmTools.wrangler, "deploy", "--dry-run", "--outdir", path.join(folder, "out")];
      const env = { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" };
      const options = { cwd: folder, env, timeout: PATIENCE_MS };
      const { stdout, stderr } = await promisify(execFile)(npmTools.node, args, options);
      const said = stdout + stderr;
      assert.match(said, /--dry-run: exiting now\./, said);
      assert.ok(said.includes(`env.TICKET_STORE ("${change.vars.TICKET_STORE}")`), said);
      assert.match(said, /env\.TICKET_SHARD \(TicketShard\)/);
      assert.doesNotMatch(said, /\bWARNING\b/, said);
    });
});
