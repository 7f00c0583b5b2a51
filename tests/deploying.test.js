// What docs/deploying.md tells the reader to do that needs no account, done as it is written; and the workflow is one.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { experimental_readRawConfig } from "wrangler";
import { parse } from "yaml";
import { projectFound } from "../scripts/doctor/project.js";
import { projectConfig } from "./support/harness.js";
import { blocksOf } from "./support/pasted.js";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const read = (name) => readFileSync(path.join(ROOT, name), "utf8");
const [english, chinese] = ["docs/deploying.md", "docs/zh-CN/deploying.md"].map(read);
const blocks = blocksOf(english);

test("both languages have the same headings, in number and level, and the same blocks", () => {
  const levels = (text) => [...text.matchAll(/^(#+) /gm)].map(([, level]) => level);
  assert.deepEqual(levels(chinese), levels(english));
  assert.deepEqual(
    blocksOf(chinese).map(({ text }) => text),
    blocks.map(({ text }) => text),
  );
});

test("staging is a Worker of its own, and nothing else differs", async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-staging-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ["package.json", "wrangler.jsonc"]) cpSync(path.join(ROOT, name), path.join(folder, name));
  const [make, dryRun] = blocks[0].text.split("\n");
  const run = promisify(execFile);
  await run("sh", ["-c", make], { cwd: folder });
  const file = path.join(folder, "wrangler.staging.jsonc");
  const { rawConfig: staging } = await experimental_readRawConfig({ config: file });
  const production = await projectConfig();
  assert.equal(staging.name, "ws-ticket-staging");
  const numbers = staging.ratelimits.map(({ namespace_id }) => namespace_id);
  for (const { namespace_id } of production.ratelimits) assert.ok(!numbers.includes(namespace_id), namespace_id);
  const alike = ({ name, ratelimits, ...rest }) => ({
    ...rest,
    ratelimits: ratelimits.map((each) => ({ ...each, namespace_id: 0 })),
  });
  assert.deepEqual(alike(staging), alike(production));
  // That production's can be deployed is production-storage.test.js's to show; this one differs in names alone. What looks first finds nothing.
  assert.equal(dryRun, "npm run deploy -- --dry-run --config wrangler.staging.jsonc");
  const found = await projectFound(file);
  assert.ok(found.length >= 10);
  assert.deepEqual(
    found.filter(({ result }) => result === "fail"),
    [],
  );
});

test("the workflow sets up before it deploys, and looks afterwards", () => {
  const { jobs } = parse(blocks.find(({ language }) => language === "yaml").text);
  const steps = jobs.deploy.steps.map(({ uses, run }) => uses ?? run);
  const at = (start) => steps.findIndex((step) => step.startsWith(start));
  const order = [
    "actions/checkout@",
    "actions/setup-node@",
    "npm run setup",
    "npm run deploy -- --dry-run",
    "cloudflare/wrangler-action@v4",
    "npm run doctor",
  ];
  const places = order.map(at);
  assert.ok(
    places.every((place) => place >= 0),
    String(places),
  );
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
});
