// `npm test`: everything that can be tested, from nothing but a clone: set-up, Redis, Chromium, build, `cargo test`, then tests/*.test.js on
// Node 24 against the built Worker in workerd. `npm test -- race wire` runs only the files whose names contain one of these.
// A test that is skipped, ignored or left for later fails the run, and so does a run without tests.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build.js";
import { chromium } from "./chromium.js";
import { redis } from "./redis.js";
import { main, run, Stop, tee } from "./run.js";
import { setup } from "./setup.js";
import { npmTools, root } from "./tools.js";

// One test may take long (a race of hundreds of rounds), but a test that hangs ends, and says which one it was.
const TEST_TIMEOUT_MS = 300_000;

/** What the names of files begin with whose tests run in Chromium. */
const IN_BROWSER = "browser-";

/** node's limit is for each test; a file that leaves something running behind its tests would never end. */
function watchdog(report) {
  let [size, since] = [0, Date.now()];
  return (runner) => {
    const timer = setInterval(() => {
      const now = existsSync(report) ? statSync(report).size : 0;
      if (now !== size) [size, since] = [now, Date.now()];
      // An interrupted runner names the file that it waited for.
      if (Date.now() - since > TEST_TIMEOUT_MS + 30_000) runner.kill("SIGINT");
    }, 5000);
    runner.once("exit", () => clearInterval(timer));
  };
}

async function rustTests() {
  const color = process.stdout.isTTY ? ["--color", "always"] : [];
  const { code, output } = await tee("cargo", ["test", "--locked", ...color, "--", "--include-ignored", ...color], {
    group: true,
  });
  if (code !== 0) throw new Stop("cargo test failed");
  const passed = [...output.matchAll(/(\d+) passed;/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  if (passed === 0) throw new Stop("cargo test ran no test");
}

function summary(tap) {
  // The last of each: a test may print lines that look the same.
  const count = (name) => Number([...tap.matchAll(new RegExp(`^# ${name} (\\d+)$`, "gm"))].at(-1)?.[1] ?? Number.NaN);
  return { passed: count("pass"), skipped: count("skipped"), todo: count("todo") };
}

async function workerTests(files) {
  const folder = mkdtempSync(join(tmpdir(), "ws-ticket-test-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const report = join(folder, "report.tap");
  // One file at a time: many of them measure time, and CI machines are small.
  const args = [
    "--test",
    "--test-concurrency=1",
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=tap",
    `--test-reporter-destination=${report}`,
    ...files,
  ];
  const code = await run(npmTools.node, args, { onStart: watchdog(report) });
  if (code !== 0) return code;
  const tap = readFileSync(report, "utf8");
  const { passed, skipped, todo } = summary(tap);
  // A file without tests is reported as one test of its own name.
  const empty = tap.match(/^ok \d+ - (.+\.test\.js)$/m)?.[1];
  if (empty || !(passed > 0)) throw new Stop(`no test ran in ${empty ?? "tests/"}`);
  const refused = [...tap.matchAll(/^ *# refused inputs: (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  if (refused > 0) console.log(`test: ${refused} hostile or malformed inputs were refused`);
  if (skipped !== 0 || todo !== 0) throw new Stop(`${skipped} skipped and ${todo} todo: every test has to run`);
  return 0;
}

await main(async () => {
  const wanted = process.argv.slice(2);
  const all = readdirSync(join(root, "tests"))
    .filter((name) => name.endsWith(".test.js"))
    .sort();
  const chosen = all.filter((name) => wanted.length === 0 || wanted.some((part) => join("tests", name).includes(part)));
  if (chosen.length === 0) throw new Stop(`no file in tests/ for: ${wanted.join(" ") || "*.test.js"}`);
  await setup();
  await redis();
  if (chosen.some((name) => name.startsWith(IN_BROWSER))) await chromium();
  await build();
  if (wanted.length === 0) await rustTests();
  else console.log(`test: only ${chosen.join(", ")}`);
  return workerTests(chosen.map((name) => join("tests", name)));
});
