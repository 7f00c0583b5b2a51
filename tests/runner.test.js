// `npm test` itself: whatever keeps a test from running, or from saying that it failed, makes its file fail.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { testFile } from "../scripts/test-file.js";
import { root } from "../scripts/tools.js";

/** Not written out: `npm test` looks for it in this file, too. */
const ONLY = "only";
const folder = mkdtempSync(join(tmpdir(), "ws-ticket-runner-"));
after(() => rmSync(folder, { recursive: true }));

/** What comes of a file with a test that passes, and this besides. */
async function outcome(name, lines, options) {
  const file = join(folder, `${name}.test.js`);
  const first = ['import { after, describe, test } from "node:test";', 'test("one that passes", () => {});'];
  writeFileSync(file, [...first, lines].join("\n"));
  return testFile(relative(join(root, "tests"), file), options);
}

test("a file whose tests pass, passes", async () => {
  const { passed, failed, failures } = await outcome("passes", 'test("another", async () => {});');
  assert.deepEqual([passed, failed, failures], [2, 0, []]);
});

test("a file without tests fails", async () => {
  const file = join(folder, "empty.test.js");
  writeFileSync(file, "");
  const { failures } = await testFile(relative(join(root, "tests"), file));
  assert.equal(failures.length, 1);
});

for (const [what, line, says] of [
  ["a test that fails", 'test("no", () => { throw new Error("so"); });', /so/],
  [
    "a test in a test that nobody waits for",
    'test("a", (t) => { t.test("no", async () => { throw new Error("so"); }); });',
  ],
  ["a test that is skipped", 'test.skip("no", () => {});', /skipped/],
  ["a suite that is skipped", 'describe.skip("no", () => { test("x", () => {}); });', /skipped/],
  ["a test that is to be done", 'test.todo("no");', /left for later/],
  ["a test that is the only one", `test.${ONLY}("yes", () => {});`, /only/],
  ["a hook of the file's that fails", 'after(() => { throw new Error("so"); });'],
  [
    "a hook of a suite's that fails",
    'describe("a", () => { after(() => { throw new Error("so"); }); test("x", () => {}); });',
  ],
  ["a rejection that nobody handles", 'test("x", () => { setTimeout(() => Promise.reject(new Error("so")), 50); });'],
  ["a rejection when all is done", 'process.on("beforeExit", () => Promise.reject(new Error("so")));', /so/],
  ["an end in the middle", 'test("no", () => process.exit(0));', /ended with code 0/],
  [
    "an end as if all were well",
    'test("no", () => { throw new Error("so"); }); process.on("exit", () => process.exit(0));',
  ],
  ["a crash", 'test("no", () => process.kill(process.pid, "SIGKILL"));', /ended with code 137/],
  ["what isn't JavaScript", "test(", /SyntaxError/],
]) {
  test(`${what} fails its file`, async () => {
    const { failed, failures } = await outcome(what.replaceAll(/\W/g, "-"), line);
    assert.ok(failed > 0 && failures.length > 0);
    assert.match(failures.join("\n"), says ?? /./);
  });
}

test("a program that a file leaves behind fails it, and is ended", async () => {
  const lingers =
    'spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "left behind by a test"], { stdio: "inherit" }).unref();';
  const { failures } = await outcome("behind", `import { spawn } from "node:child_process";\n${lingers}`, {
    linger: 500,
  });
  assert.match(failures.join("\n"), /^left behind:\n.*left behind by a test/);
});
