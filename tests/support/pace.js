// How long things may take here. No test has a limit that its own work can reach on a slow or a busy machine: what must come about is
// waited for, and given up only when it has surely gone wrong; what must be too late for a gate is so by this machine's measure.
import { createHash } from "node:crypto";
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a test waits for what must come about: a hundred times what it takes. TEST_PATIENCE_SECONDS makes a red test end sooner. */
export const PATIENCE_MS = 1000 * Number(process.env.TEST_PATIENCE_SECONDS ?? 180);

/** What one round of `work` takes where the suite was written, when nothing else runs there. */
const REFERENCE_MS = 4.5;
const block = Buffer.alloc(1 << 20);
function work() {
  const began = performance.now();
  for (let times = 0; times < 8; times += 1) createHash("sha256").update(block).digest();
  return performance.now() - began;
}

/** How many times slower this machine is than an idle one of that kind: 1 or more. The fastest of a few rounds is what it can, its load what it may. */
export const SLOWNESS =
  Math.max(1, Math.min(...Array.from({ length: 4 }, work)) / REFERENCE_MS) *
  Math.max(1, loadavg()[0] / availableParallelism());

/** The longest that a gate can be told to wait for a store or a login. */
export const TIMEOUT_MAX_MS = 30_000;

/** A deadline for a gate, in milliseconds: one that its own work doesn't reach, and what hangs does. `ms` is for an idle machine. */
export const deadline = (ms) => Math.min(TIMEOUT_MAX_MS, Math.ceil(ms * SLOWNESS));

/** Waits until `condition` answers something true, and resolves to that. `what` (or what it answers) says what never came about. */
export async function until(condition, what = String(condition), { every = 10, patience = PATIENCE_MS } = {}) {
  const end = performance.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end)
      throw new Error(`it never came about that ${typeof what === "function" ? what() : what}`);
    await sleep(every);
  }
}

/**
 * Limits count by the minute of the clock. What fails when a minute has ended meanwhile is done again. `work` begins afresh each time, though
 * some of what it did before may count in the minute that has just begun. It should take seconds: in a minute it has to come to its end.
 */
export async function inOneMinute(work) {
  const minute = () => Math.floor(Date.now() / 60_000);
  for (;;) {
    const began = minute();
    try {
      return await work();
    } catch (error) {
      if (minute() === began) throw error;
    }
  }
}
