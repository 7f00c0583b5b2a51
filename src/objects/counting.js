// Tells the monitor what this isolate has counted, behind the answers: no request waits for it, and none fails by it. What is counted when
// an isolate ends, seconds after its last request, is lost.
import { within } from "../platform/race.js";

/** How long counts are gathered, in milliseconds: so often an isolate that has something to tell tells it. */
const GATHER_MS = 5000;
/** So many times behind one request: what it begins may end later than it does. The platform waits 30 s at most. */
const TIMES = 3;
/** How long the monitor is waited for, in milliseconds. */
const PATIENCE_MS = 3000;
/** After so long the request that tells has been given up. */
const GIVEN_UP_MS = 60_000;

/** When the request began to tell that does; no other does meanwhile. */
let tellingSince;
/** Of this isolate, and how many batches it has made. Random numbers are to be had in requests alone. */
let isolate;
let number = 0;
/** A batch whose answer has not come: it is sent again as it is, and the monitor knows it. */
let pending;

/**
 * Sees to it that what was counted is told: a promise to wait for behind the answer, or `undefined` where somebody else does. `counted` gives
 * the counts since the last time as JSON. It is asked when a request has been answered, so that nothing of it comes later. Who must not
 * stay awake doesn't gather: `gather` and `times`.
 */
export function telling(env, counted, { gather = GATHER_MS, times = TIMES } = {}) {
  if (env.TICKET_MONITOR === undefined) return;
  const now = Date.now();
  if (tellingSince !== undefined && now - tellingSince < GIVEN_UP_MS) return;
  tellingSince = now;
  return tell(env.TICKET_MONITOR, counted, gather, times).finally(() => {
    tellingSince = undefined;
  });
}

async function tell(monitor, counted, gather, times) {
  for (let time = 0; time < times; time += 1) {
    await scheduler.wait(gather);
    pending ??= batch(counted());
    if (pending === undefined) return;
    try {
      await within(PATIENCE_MS, monitor.getByName("monitor").add(pending));
      pending = undefined;
    } catch {
      // It is down, or slow: the batch is told by a later request, and what is counted meanwhile goes with the next one.
      return;
    }
  }
}

function batch(json) {
  if (json === undefined) return;
  isolate ??= crypto.randomUUID();
  number += 1;
  return { isolate, number, counts: JSON.parse(json) };
}
