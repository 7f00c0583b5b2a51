// The client as a package: what is in it, what it weighs, and its types, held against a sample by the compiler.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { BROWSERS, minified } from "../scripts/client-min.js";
import { PATIENCE_MS } from "./support/pace.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CLIENT = join(ROOT, "client");
const FIXTURES = join(ROOT, "tests/fixtures/types");
const read = (...path) => readFileSync(join(ROOT, ...path), "utf8");
const manifest = JSON.parse(read("client/package.json"));

function run(command, args, cwd = ROOT) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: PATIENCE_MS });
  if (error) throw error;
  return { status, output: stdout + stderr, stdout };
}

function packed() {
  const { status, output, stdout } = run("npm", ["pack", "--dry-run", "--json"], CLIENT);
  assert.equal(status, 0, output);
  const [{ files }] = Object.values(JSON.parse(stdout));
  return files.map(({ path }) => path).sort();
}

test("npm pack: the modules, their types, the README and the licenses, and nothing else", () => {
  const modules = [
    "alive",
    "ask",
    "connect",
    "contract",
    "errors",
    "index",
    "index.min",
    "react",
    "renew",
    "socket",
    "url",
  ];
  const types = ["index", "index.min", "react", "renew", "url"];
  const files = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "package.json"];
  files.push(...modules.map((name) => `${name}.js`), ...types.map((name) => `${name}.d.ts`));
  assert.deepEqual(packed(), files.sort());
});

test("the manifest is of an ES module with types, without dependencies or scripts that run on install", () => {
  const { name, license, type, sideEffects, engines } = manifest;
  assert.deepEqual([name, license, type, sideEffects], ["ws-ticket-client", "MIT OR Apache-2.0", "module", false]);
  assert.deepEqual(engines, { node: ">=22" });
  assert.deepEqual(manifest.exports["."], { types: "./index.d.ts", default: "./index.js" });
  for (const key of Object.keys(manifest)) assert.doesNotMatch(key, /^(dev|optional)?dependencies$|scripts|bin/i);
  assert.deepEqual(manifest.peerDependenciesMeta, { react: { optional: true } });
  assert.deepEqual(Object.keys(manifest.peerDependencies), ["react"], "the hook's, and nobody else's");
  assert.equal(manifest.repository.directory, "client");
});

test("the licenses are the project's", () => {
  for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) assert.equal(read("client", name), read(name));
});

test("the minified module imports nothing, so that a <script type=module> needs no build", () => {
  assert.doesNotMatch(read("client/index.min.js"), /\bimport\b|\brequire\b/);
});

test("the minified module is what the sources say, for the browsers that the README names", async () => {
  assert.equal(read("client/index.min.js"), await minified());
  const README = read("client/README.md");
  const [, chrome, firefox, safari] = /Chrome and Edge (\d+), Firefox (\d+), Safari ([\d.]+), or later/.exec(README);
  assert.deepEqual(BROWSERS, [`chrome${chrome}`, `edge${chrome}`, `firefox${firefox}`, `safari${safari}`]);
});

test("no link of the README leads out of it, for npm shows it alone", () => {
  for (const [, target] of read("client/README.md").matchAll(/\]\(([^)]+)\)/g)) assert.match(target, /^(#|https:)/);
});

test("npm publish has nothing to say but what it would publish", async (t) => {
  // A registry that knows no package: npm asks it which versions there are.
  const registry = http.createServer((_, answer) =>
    answer.writeHead(404, { "Content-Type": "application/json" }).end("{}"),
  );
  await new Promise((resolve) => registry.listen(0, "127.0.0.1", resolve));
  t.after(() => registry.close());
  const from = `http://127.0.0.1:${registry.address().port}/`;
  const args = ["publish", "--dry-run", "--registry", from, "--cache", mkdtempSync(join(tmpdir(), "ws-ticket-npm-"))];
  t.after(() => rmSync(args.at(-1), { recursive: true }));
  const child = spawn("npm", args, { cwd: CLIENT, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  assert.equal(status, 0, said);
  const warnings = said
    .split("\n")
    .filter((line) => /npm (warn|error)/i.test(line) && !/dry-run|logged in/i.test(line));
  assert.deepEqual(warnings, []);
});

describe("the size", () => {
  const measure = (...args) => run(process.execPath, ["scripts/client-size.js", ...args]);

  test("is printed, and within 3 KiB", () => {
    const { status, stdout } = measure();
    const { length } = gzipSync(read("client/index.min.js"), { level: 9 });
    assert.deepEqual([status, stdout], [0, `ws-ticket-client: ${length} bytes minified and gzipped, of 3072\n`]);
    assert.ok(length <= 3072);
  });

  test("is a step of `npm run check`, and over 3 KiB fails it", (t) => {
    assert.match(read("scripts/check.js"), /scripts\/client-size\.js/);
    const folder = mkdtempSync(join(tmpdir(), "ws-ticket-size-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const large = join(folder, "large.js");
    const noise = Array.from({ length: 4000 }, () => String.fromCharCode(33 + Math.floor(Math.random() * 94)));
    writeFileSync(large, read("client/index.min.js") + noise.join(""));
    const { status, output } = measure(large);
    assert.equal(status, 1);
    assert.match(output, /the client is \d+ bytes too large/);
  });
});

describe("the types, as an app sees the package", () => {
  let app;
  before(() => {
    app = mkdtempSync(join(tmpdir(), "ws-ticket-types-"));
    const installed = join(app, "node_modules/ws-ticket-client");
    mkdirSync(installed, { recursive: true });
    for (const file of packed()) cpSync(join(CLIENT, file), join(installed, file));
    cpSync(FIXTURES, app, { recursive: true });
    writeFileSync(join(app, "package.json"), '{ "type": "module" }');
    writeFileSync(join(app, "unknown.ts"), 'import { socket } from "ws-ticket-client";\nsocket.send();\n');
  });
  after(() => rmSync(app, { recursive: true }));

  /** The compiler of node_modules, on one file. */
  function compile(file, ...options) {
    const bin = join(ROOT, "node_modules/typescript/bin/tsc");
    const strict = ["--noEmit", "--strict", "--target", "es2022", "--types", ""];
    return run(process.execPath, [bin, ...strict, ...options, file], app);
  }

  test("right.ts compiles with a compiler of years ago, too", () => {
    const bin = join(ROOT, "node_modules/typescript-5.0/bin/tsc");
    const options = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom"];
    for (const how of [
      ["--module", "esnext", "--moduleResolution", "bundler"],
      ["--module", "nodenext", "--moduleResolution", "nodenext"],
    ]) {
      const { status, output } = run(process.execPath, [bin, ...options, ...how, "right.ts"], app);
      assert.equal(status, 0, output);
    }
  });
  const surroundings = [
    ["a bundler's page", ["--lib", "es2022,dom", "--module", "esnext", "--moduleResolution", "bundler"]],
    ["a page's worker", ["--lib", "es2022,webworker", "--module", "esnext", "--moduleResolution", "bundler"]],
    ["Node's modules", ["--lib", "es2022,dom", "--module", "nodenext"]],
  ];
  for (const [where, options] of surroundings) {
    for (const file of ["right.ts", "wrong.ts"]) {
      test(`${file} compiles, for ${where}`, () => {
        const { status, output } = compile(file, ...options);
        assert.equal(status, 0, output);
      });
    }
    test(`what isn't there doesn't, for ${where}`, () => {
      const { status, output } = compile("unknown.ts", ...options);
      assert.notEqual(status, 0);
      assert.match(output, /no exported member 'socket'/);
    });
  }
});
