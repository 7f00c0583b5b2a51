// One file of tests in a process of its own, and what came of it.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { capture } from "./run.js";
import { npmTools, root } from "./tools.js";

// No limit on a test or a file: a slow machine's honest work takes what it takes. But within this time some test begins or ends,
// however slow the machine; a file in which none does hangs, and is ended.
const SILENCE_MS = 20 * 60_000;
const LOOK_MS = 5_000;
const GRACE_MS = 15_000;
/** What a file has started may take so long to end after it. */
const LINGER_MS = 60_000;
/** Tests that node takes for the only ones: all others of the file would not run, and nobody would hear of it. */
const ONLY = /\b(test|it|suite|describe)\.only\b|\bonly: true\b/;

const REPORTER = pathToFileURL(join(root, "scripts/test-report.js")).href;
/** node's own counts are diagnostics, too. */
const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;
const folder = mkdtempSync(join(tmpdir(), "ws-ticket-test-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Ends whatever has not grown for `SILENCE_MS`, and says so. `size` is how much there is by now. */
export function watchdog(size, { silence = SILENCE_MS, linger = LINGER_MS } = {}) {
  const watch = { hung: false };
  watch.start = (child) => {
    let [last, since] = [size(), Date.now()];
    const signal = (name) => {
      try {
        process.kill(-child.pid, name);
      } catch {
        // It has just ended.
      }
    };
    const timer = setInterval(() => {
      const now = size();
      if (now !== last) [last, since] = [now, Date.now()];
      if (watch.hung || Date.now() - since < silence) return;
      watch.hung = true;
      // Chromium is in no group of ours: it goes when whoever started it is asked to end.
      signal("SIGTERM");
      setTimeout(signal, GRACE_MS, "SIGKILL").unref();
    }, LOOK_MS);
    watch.left = new Promise((resolve) => {
      child.once("exit", () => {
        clearInterval(timer);
        resolve(leftBehind(child.pid, linger));
      });
    });
  };
  return watch;
}

/** The programs of a process group, those aside that have ended and that nobody has asked how; `undefined` without a `ps`. */
async function programs(group) {
  const { code, stdout } = await capture("ps", ["-A", "-o", "pgid=,stat=,args="]).catch(() => ({ code: 1 }));
  if (code !== 0) return undefined;
  const rows = stdout.split("\n").map((row) => row.trim().split(/\s+/));
  return rows
    .filter(([pgid, stat]) => Number(pgid) === group && !stat.startsWith("Z"))
    .map((row) => row.slice(2).join(" "));
}

/** Ends what is still there a while after its file, and resolves to what that was: it may hold the output, and the run would never end. */
async function leftBehind(group, linger) {
  const end = Date.now() + linger;
  for (;;) {
    try {
      process.kill(-group, 0);
    } catch {
      return [];
    }
    const left = await programs(group);
    if (left?.length === 0) return [];
    if (Date.now() > end) {
      try {
        process.kill(-group, "SIGKILL");
      } catch {
        // It has just ended.
      }
      return left ?? [];
    }
    await sleep(200);
  }
}

/**
 * Runs `tests/name` and answers what came of it: `{ name, passed, failures, notes, output, seconds }`. `failures` are texts; `notes` is
 * what its tests said about themselves. `onOutput` gets what it prints, piece by piece.
 */
export async function testFile(name, { env, onOutput, linger } = {}) {
  const began = Date.now();
  const told = join(folder, `${basename(name)}.jsonl`);
  const color = process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
  const args = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  args.push(`--test-reporter=${REPORTER}`, `--test-reporter-destination=${told}`, join("tests", name));
  const watch = watchdog(() => (existsSync(told) ? statSync(told).size : 0), { linger });
  const { code, output } = await capture(npmTools.node, args, {
    env: { ...color, ...env },
    group: true,
    onStart: watch.start,
    onOutput,
  });
  const left = await watch.left;
  const outcome = read(existsSync(told) ? readFileSync(told, "utf8") : "");
  const failures = [];
  if (watch.hung)
    failures.push(`hung: nothing began or ended for ${SILENCE_MS / 60_000} minutes in ${outcome.running}`);
  else if (outcome.failed > 0) failures.push(failing(output));
  else if (code !== 0 || !outcome.complete) failures.push(`ended with code ${code} in ${outcome.running}:\n${output}`);
  else if (outcome.passed === 0) failures.push("no test ran");
  if (outcome.left > 0) failures.push(`${outcome.left} skipped or left for later: every test has to run`);
  if (ONLY.test(readFileSync(join(root, "tests", name), "utf8"))) failures.push("`only`: every test has to run");
  if (left.length > 0) failures.push(`left behind:\n${left.join("\n")}`);
  const { passed, notes } = outcome;
  const failed = Math.max(outcome.failed, failures.length > 0 ? 1 : 0);
  return { name: basename(name), passed, failed, failures, notes, output, seconds: (Date.now() - began) / 1000 };
}

/** The events of a file's report. Without a summary the file did not come to its end. */
function read(report) {
  const events = report.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  const open = [];
  const seen = { passed: 0, failed: 0, left: 0, complete: false, notes: [] };
  for (const { began, ended, note, counts } of events) {
    if (began !== undefined) open.push(began);
    if (ended !== undefined && open.includes(ended)) open.splice(open.lastIndexOf(ended), 1);
    if (note !== undefined && !SUMMARY.test(note)) seen.notes.push(note);
    if (!counts) continue;
    const { passed, failed, cancelled, skipped, todo } = counts;
    Object.assign(seen, { passed, failed: failed + cancelled, left: skipped + todo, complete: true });
  }
  // Node counts neither what fails outside of a test, a file's own `after` say, nor a suite that is skipped whole.
  if (seen.failed === 0) seen.failed = events.filter(({ bad }) => bad).length;
  if (seen.left === 0) seen.left = events.filter(({ left }) => left).length;
  return { ...seen, running: open.length > 0 ? `"${open.join('" › "')}"` : "no test" };
}

/** What node's reporter repeats at its end: the tests that failed, in full, under the places where they stand. */
function failing(output) {
  const at = output.lastIndexOf("failing tests:");
  return at < 0 ? output : output.slice(output.indexOf("\n", at) + 1).trim();
}
