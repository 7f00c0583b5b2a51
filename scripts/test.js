// `npm test`: everything that can be tested, from nothing but a clone: set-up, Redis, Chromium, build, `cargo test`, then tests/*.test.js on
// Node 24 against the built Worker in workerd, two files side by side. A line a file says how it went and what is left.
//   npm test -- race wire   only the files whose names contain one of these, with all that they print
//   npm test -- --quick     `cargo test`, the laws on two stores and the wire: what most changes can break
//   npm test -- --times     all of it; what each file took is written to tests/seconds.json, for the next run's estimates
// A test that is skipped, ignored or left for later fails the run, and so does a file without tests, or that leaves a program behind.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { build } from "./build.js";
import { chromium } from "./chromium.js";
import { program } from "./program.js";
import { redis } from "./redis.js";
import { capture, main, Stop } from "./run.js";
import { setup } from "./setup.js";
import { testFile, watchdog } from "./test-file.js";
import { root } from "./tools.js";
import { websockets } from "./websockets.js";

/** What the names of files begin with whose tests run in Chromium. */
const IN_BROWSER = "browser-";
/** And of those with a proxy in between: its name follows. */
const BEHIND_PROXY = "proxy-";
/** And of those with a client in Python. */
const BY_PYTHON = "upstream-python";
/** The file that has a real Prometheus read `/metrics`. */
const SCRAPED = "prometheus.test.js";
const HOST = "cargo test";
const QUICK = { files: ["laws", "wire"], env: { LAWS_ROWS: "memory,kv+ledger" } };
/** At least two: much of what a file does is waiting. More need more cores: a runtime and its test keep one busy. */
const LANES = Math.max(2, Math.min(4, Math.floor(availableParallelism() / 2)));
const TIMES = join(root, "tests/seconds.json");
/** What a file takes that is in nobody's list yet. */
const UNKNOWN_SECONDS = 8;

async function hostTests({ onOutput }) {
  const began = Date.now();
  const color = process.stdout.isTTY ? ["--color", "always"] : [];
  let size = 0;
  const watch = watchdog(() => size);
  const args = ["test", "--locked", ...color, "--", "--include-ignored", "--show-output", ...color];
  const { code, output } = await capture("cargo", args, {
    group: true,
    onStart: watch.start,
    onOutput: (text, stream) => {
      size += text.length;
      onOutput?.(text, stream);
    },
  });
  const sum = (what) =>
    [...output.matchAll(new RegExp(`(\\d+) ${what};`, "g"))].reduce((total, [, count]) => total + Number(count), 0);
  const passed = sum("passed");
  const failures = [];
  if (code !== 0) failures.push(`${watch.hung ? "hung" : "failed"}:\n${output}`);
  else if (passed === 0) failures.push("no test ran");
  const notes = output.match(/refused inputs: \d+/g) ?? [];
  const failed = failures.length > 0 ? Math.max(1, sum("failed")) : 0;
  return { name: HOST, passed, failed, failures, notes, output, seconds: (Date.now() - began) / 1000 };
}

const left = (seconds) => (seconds < 90 ? `${Math.ceil(seconds / 5) * 5} s` : `${Math.round(seconds / 60)} min`);

/** Says how far the run is, a line a job, and keeps what came of each. */
class Progress {
  outcomes = [];
  #began = Date.now();

  constructor(jobs, { verbose }) {
    Object.assign(this, { jobs, verbose });
  }

  /** Seconds that are left, judged by how this machine has done so far. */
  #left() {
    const expected = (jobs) => jobs.reduce((sum, { expected }) => sum + expected, 0);
    const done = this.jobs.filter(({ name }) => this.outcomes.some((outcome) => outcome.name === name));
    const pace = (Date.now() - this.#began) / 1000 / expected(done);
    return (expected(this.jobs) - expected(done)) * pace;
  }

  add(outcome) {
    this.outcomes.push(outcome);
    const { name, passed, failed, failures, notes, output, seconds } = outcome;
    const verdict = failures.length > 0 ? "FAIL" : "ok  ";
    const tests = failed > 0 ? `${passed} passed, ${failed} failed` : `${passed} tests`;
    const far = `${this.outcomes.length} of ${this.jobs.length}`;
    const rest = this.outcomes.length < this.jobs.length ? `, about ${left(this.#left())} left` : "";
    if (this.verbose) process.stdout.write(output);
    console.log(
      `${verdict} ${name.padEnd(34)} ${tests.padEnd(12)} ${seconds.toFixed(1).padStart(6)} s   ${far}${rest}`,
    );
    if (this.verbose) return;
    for (const note of notes) if (!note.startsWith("refused inputs")) console.log(note.replaceAll(/^/gm, "       "));
    for (const failure of failures) console.log(failure.replaceAll(/^/gm, "     "));
  }

  /** The last lines; resolves to the exit code. */
  end() {
    const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
    const broken = this.outcomes.filter(({ failures }) => failures.length > 0);
    if (broken.length > 0) console.log("\nWhat failed:");
    for (const { name, failures } of broken) console.log(`\n${name}\n${failures.join("\n").replaceAll(/^/gm, "  ")}`);
    const notes = this.outcomes.flatMap((outcome) => outcome.notes);
    const refused = sum(notes.map((note) => Number(/^refused inputs: (\d+)$/.exec(note)?.[1] ?? 0)));
    const took = (Date.now() - this.#began) / 1000;
    console.log(`\ntest: ${this.outcomes.length} files in ${left(took)}, ${LANES} side by side`);
    if (refused > 0) console.log(`test: ${refused} hostile or malformed inputs were refused`);
    console.log(
      `${sum(this.outcomes.map(({ passed }) => passed))} passed, ${sum(this.outcomes.map(({ failed }) => failed))} failed`,
    );
    return broken.length > 0 ? 1 : 0;
  }
}

function choose(words) {
  const all = readdirSync(join(root, "tests")).filter((name) => name.endsWith(".test.js"));
  const chosen = all.filter((name) => words.length === 0 || words.some((word) => join("tests", name).includes(word)));
  if (chosen.length === 0) throw new Stop(`no file in tests/ for: ${words.join(" ") || "*.test.js"}`);
  return chosen;
}

/** Each lane takes the next job when it has ended one; the longest come first, so that none is left over at the end. */
async function inLanes(jobs, progress) {
  const queue = [...jobs].sort((one, other) => other.expected - one.expected);
  const lane = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) progress.add(await job.run());
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

await main(async () => {
  const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
  const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
  const unknown = flags.find((flag) => !["--quick", "--times"].includes(flag));
  if (unknown) throw new Stop(`no option ${unknown}: \`npm test -- [--quick | --times] [part of a file's name …]\``);
  const quick = flags.includes("--quick");
  const chosen = choose(quick ? [...QUICK.files, ...words] : words);
  const times = JSON.parse(readFileSync(TIMES, "utf8"));
  const expected = (name) => times[name] ?? UNKNOWN_SECONDS;
  const alone = chosen.length === 1;
  const show = alone ? { onOutput: (text, stream) => process[stream].write(text) } : {};
  const jobs = chosen.map((name) => ({
    name,
    expected: expected(name),
    run: () => testFile(name, { env: quick ? QUICK.env : {}, ...show }),
  }));
  await setup();
  await redis();
  if (chosen.some((name) => name.startsWith(IN_BROWSER))) await chromium();
  for (const name of chosen.filter((name) => name.startsWith(BEHIND_PROXY))) {
    await program(/^proxy-(\w+)/.exec(name)[1]);
  }
  if (chosen.includes(SCRAPED)) await program("prometheus");
  if (chosen.some((name) => name.startsWith(BY_PYTHON))) await websockets();
  await build();
  if (quick || words.length === 0) jobs.push({ name: HOST, expected: expected(HOST), run: () => hostTests({}) });
  const progress = new Progress(jobs, { verbose: words.length > 0 && !alone });
  await inLanes(jobs, progress);
  if (flags.includes("--times")) {
    const took = progress.outcomes.map(({ name, seconds }) => [name, Math.ceil(seconds)]).sort();
    writeFileSync(TIMES, `${JSON.stringify(Object.fromEntries(took), null, 2)}\n`);
  }
  return progress.end();
});
