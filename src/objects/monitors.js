// Asks the monitor, in one call from the wasm. `monitors.rs` is the other side.
import { within } from "../platform/race.js";

/** Its totals as text; it is waited for at most `ms` milliseconds. */
export function metrics(namespace, version, ms) {
  return within(ms, namespace.getByName("monitor").metrics(version));
}
