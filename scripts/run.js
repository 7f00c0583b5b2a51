// Starting other programs: output, exit codes, signals, progress, and errors in one line. Shared by all scripts here.
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** A problem that the reader can act on: printed as one line, without a stack. */
export class Stop extends Error {}

const running = new Set();
let stoppedBy;

// A signal goes on to whatever runs, and this process ends when that has ended: nothing is left behind.
function stop(signal) {
  stoppedBy ??= signal;
  for (const { child, group } of running) {
    try {
      process.kill(group ? -child.pid : child.pid, signal);
    } catch {
      // It has just ended.
    }
  }
  if (running.size === 0) process.exit(128 + constants.signals[signal]);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));

// npm and wrangler start us through a shell, which dies of a signal and tells nobody. So whoever is left behind has to see it:
// another process is our parent now, or the script of ours that began it all (`npm run dev`) is gone.
const parent = process.ppid;
const first = Number(process.env.WS_TICKET_FIRST_PID ?? 0);
process.env.WS_TICKET_FIRST_PID ??= String(process.pid);

function gone(pid) {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
if (process.env.npm_lifecycle_event) {
  const leftBehind = () => process.ppid !== parent || (first > 0 && gone(first));
  setInterval(() => !stoppedBy && leftBehind() && stop("SIGTERM"), 500).unref();
}

/** `group`: a compiler does not pass signals on, so it and all below it are a process group that gets them together. */
function start(command, args, { env, stdio = "inherit", last = false, shell = false, group = false, onStart }) {
  const detached = group && process.platform !== "win32";
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio, shell, detached });
  const entry = { child, group: detached };
  running.add(entry);
  onStart?.(child);
  const done = new Promise((resolve, reject) => {
    child.on("error", (error) => {
      running.delete(entry);
      reject(new Stop(`${command} does not start: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      running.delete(entry);
      const status = code ?? 128 + constants.signals[signal];
      if (!stoppedBy) return resolve(status);
      // Told to stop: no further step. Only of the last one does a clean end mean that all is well.
      if (running.size === 0) process.exit(status || (last ? 0 : 128 + constants.signals[stoppedBy]));
    });
  });
  return { child, done };
}

/** Runs a program with our input and output; resolves to its exit code. */
export const run = (command, args, options = {}) => start(command, args, options).done;

/** Runs a program, keeps what it prints (and gives each piece to `onOutput`); resolves to `{ code, output, stdout }`. */
export async function capture(command, args, { onOutput, ...options } = {}) {
  const kept = { output: "", stdout: "" };
  const { child, done } = start(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of ["stdout", "stderr"]) {
    child[stream]?.setEncoding("utf8").on("data", (text) => {
      kept.output += text;
      if (stream === "stdout") kept.stdout += text;
      onOutput?.(text, stream);
    });
  }
  return { code: await done, ...kept };
}

/** `capture` that shows everything as it comes. */
export const tee = (command, args, options) =>
  capture(command, args, { ...options, onOutput: (text, stream) => process[stream].write(text) });

/** The end of what a failed program printed: enough to see why. */
export function tail(output, lines = 15) {
  const all = output.split(/[\r\n]+/).filter((line) => line.trim() && !/^\s*(Building|Updating) +\[/.test(line));
  return all.slice(-lines).join("\n");
}

export const seconds = (since) => `${Math.round((Date.now() - since) / 1000)} s`;

/** A step that takes a while: says that it began, how it goes, and how long it took. `work` gets a function to report with. */
export async function step(label, work, note = "") {
  const began = Date.now();
  const terminal = process.stderr.isTTY;
  let detail = "";
  const line = () => `${label} … ${detail}${detail && ", "}${seconds(began)}`;
  process.stderr.write(`${label}${note} …${terminal && !note ? "" : "\n"}`);
  // A terminal line is rewritten; a log gets a new one, so less often.
  const timer = setInterval(
    () => process.stderr.write(terminal ? `\r\x1b[2K${line()}` : `${line()}\n`),
    terminal ? 1000 : 15000,
  );
  try {
    const result = await work((text) => {
      detail = text;
    });
    process.stderr.write(`${terminal ? "\r\x1b[2K" : ""}${label}: done (${seconds(began)})\n`);
    return result;
  } catch (error) {
    if (terminal) process.stderr.write("\n");
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** The frame of every script: a `Stop` becomes one line, a returned number the exit code. */
export async function main(script) {
  try {
    process.exitCode = (await script()) ?? 0;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(`ws-ticket: ${error.message}`);
    process.exitCode = 1;
  }
}
