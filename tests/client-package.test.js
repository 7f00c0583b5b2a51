// The client as a package: what is in it, what it weighs, and its types, held against a sample by the compiler.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CLIENT = join(ROOT, "client");
const FIXTURES = join(ROOT, "tests/fixtures/types");
const read = (...path) => readFileSync(join(ROOT, ...path), "utf8");
const manifest = JSON.parse(read("client/package.json"));

function run(command, args, cwd = ROOT) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 120_000 });
  if (error) throw error;
  return { status, output: stdout + stderr, stdout };
}

function packed() {
  const { status, output, stdout } = run("npm", ["pack", "--dry-run", "--json"], CLIENT);
  assert.equal(status, 0, output);
  const [{ files }] = Object.values(JSON.parse(stdout));
  return files.map(({ path }) => path).sort();
}

test("npm pack: the module, its types, its README and its licenses, and nothing else", () => {
  const files = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "index.d.ts", "index.js", "package.json"];
  assert.deepEqual(packed(), files);
});

test("the manifest is of an ES module with types, without dependencies or scripts that run on install", () => {
  const { name, license, type, sideEffects, engines } = manifest;
  assert.deepEqual([name, license, type, sideEffects], ["ws-ticket-client", "MIT OR Apache-2.0", "module", false]);
  assert.deepEqual(engines, { node: ">=22" });
  assert.deepEqual(manifest.exports["."], { types: "./index.d.ts", default: "./index.js" });
  for (const key of Object.keys(manifest)) assert.doesNotMatch(key, /dependencies|scripts|bin/i);
});

test("the licenses are the project's", () => {
  for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) assert.equal(read("client", name), read(name));
});

test("the module imports nothing, so that a <script type=module> needs no build", () => {
  assert.doesNotMatch(read("client/index.js"), /\bimport\b|\brequire\b/);
});

describe("the size", () => {
  const measure = (...args) => run(process.execPath, ["scripts/client-size.js", ...args]);

  test("is printed, and within 3 KiB", () => {
    const { status, stdout } = measure();
    const { length } = gzipSync(read("client/index.js"), { level: 9 });
    assert.deepEqual([status, stdout], [0, `ws-ticket-client: ${length} bytes gzipped, of 3072\n`]);
    assert.ok(length <= 3072);
  });

  test("is a step of `npm run check`, and over 3 KiB fails it", (t) => {
    assert.match(read("scripts/check.js"), /scripts\/client-size\.js/);
    const folder = mkdtempSync(join(tmpdir(), "ws-ticket-size-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const large = join(folder, "large.js");
    const noise = Array.from({ length: 4000 }, () => String.fromCharCode(33 + Math.floor(Math.random() * 94)));
    writeFileSync(large, read("client/index.js") + noise.join(""));
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
