// Two sides in turns, so that what else the machine does meets both; each pair gives one ratio.
import { load } from "./load.js";
import { start } from "./process.js";

const sorted = (values) => [...values].sort((a, b) => a - b);
export const median = (values) => sorted(values)[Math.floor(values.length / 2)];

/** The median with the bounds between which it lies in 95 of 100 cases, by order statistics: no assumption about its spread. */
export function interval(values) {
  const all = sorted(values);
  const n = all.length;
  const reach = Math.ceil((1.96 * Math.sqrt(n)) / 2);
  const low = Math.max(0, Math.floor(n / 2) - reach);
  return { median: median(all), low: all[low], high: all[Math.min(n - 1, Math.floor(n / 2) + reach)] };
}

/** Theirs ÷ ours, by processor time of the server for each operation: more than 1 is faster than they are. */
export async function pairs(ours, theirs, { pairs: count, ...each }) {
  const sides = [await start(ours), await start(theirs)];
  try {
    for (const side of sides) await load(side, each);
    const all = [];
    for (let pair = 0; pair < count; pair += 1) {
      const order = pair % 2 === 0 ? [0, 1] : [1, 0];
      const measured = [];
      for (const at of order) measured[at] = await load(sides[at], each);
      all.push(measured);
    }
    const of = (at) => (key) => median(all.map((pair) => pair[at][key]));
    const figures = (at) => Object.fromEntries(["cpu", "rate", "p50", "p99", "own"].map((key) => [key, of(at)(key)]));
    return {
      ratio: interval(all.map(([a, b]) => b.cpu / a.cpu)),
      ours: { name: ours.name, ...figures(0) },
      theirs: { name: theirs.name, ...figures(1) },
    };
  } finally {
    for (const side of sides) await side.stop();
  }
}
