// `npm run bench`: the gate beside what people would write instead, each in a workerd of its own, in turns. Writes docs/benchmarks.md
// and its pictures; takes about 15 minutes. What it measures first of all is the processor time of the server for each operation,
// which a busy machine spoils least.
//   npm run bench -- --quick           fewer pairs, no million tickets, no document
//   npm run bench -- --step "a name"   measures two rows and writes them to bench/steps.json, for the document's table of steps
//   npm run bench -- --build <folder>  the gate that was built there instead of build/
//   npm run bench -- --url <https://…> a deployed gate: how long a ticket takes from here; needs a login in BENCH_TOKEN, if it asks
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../scripts/build.js";
import { main } from "../scripts/run.js";
import { setup } from "../scripts/setup.js";
import { crossings } from "./crossings.js";
import { deployed } from "./deployed.js";
import { document } from "./document.js";
import { machine } from "./machine.js";
import { messages } from "./messages.js";
import { pairs } from "./pairs.js";
import { PROJECT } from "./process.js";
import { memoryOver, startUp } from "./rest.js";
import * as sides from "./sides.js";

const STEPS = join(PROJECT, "bench/steps.json");
const ISSUE = { operation: "issue", count: 2000, width: 8 };
const LIFE = { operation: "lifecycle", count: 600, width: 8 };
const FEW = { operation: "lifecycle", count: 300, width: 8 };

/** Rows of pairs: a name, ours, theirs, what is done, and the goal, where there is one. */
const rows = (options) => [
  ["memory beside JavaScript with our checks and logs", sides.memory(options), sides.checked(), LIFE, 1.1],
  ["memory beside thin twin", sides.memory(options), sides.thin(), LIFE, 0.95],
  ["durable beside JavaScript with a Durable Object", sides.durable(options), sides.thinDurable(), FEW, 0.9],
  ["memory, issue only beside JavaScript with our checks and logs", sides.memory(options), sides.checked(), ISSUE],
  ["memory, issue only beside thin twin", sides.memory(options), sides.thin(), ISSUE],
  ["memory with TICKET_KEY beside memory", sides.keyed(), sides.memory(options), LIFE],
  ["memory with jwt HS256 beside memory with dev", sides.tokens(), sides.memory(options), LIFE],
  ["durable beside the guide's design on KV, 0 ms", sides.durable(options), sides.kvTwin(0), FEW],
  ["durable beside the guide's design on KV, 30 ms a call", sides.durable(options), sides.kvTwin(30), FEW],
];
const floors = (options) => [
  [
    "a path that isn't there beside hello in JavaScript",
    sides.memory(options),
    sides.hello(),
    { ...ISSUE, operation: "plain" },
  ],
];

async function measured([name, ours, theirs, each, goal], count) {
  const result = await pairs(ours, theirs, { ...each, pairs: count });
  const { median, low, high } = result.ratio;
  console.log(`bench: ${name}: ${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`);
  return { name, goal, ...result };
}

const steps = () => JSON.parse(readFileSync(STEPS, "utf8"));

async function step(name, options) {
  const [checked, thin, durable] = rows(options);
  const measure = async (row) => (await measured(row, 9)).ratio;
  const figures = { checked: await measure(checked), thin: await measure(thin), durable: await measure(durable) };
  const others = steps().filter((other) => other.name !== name);
  writeFileSync(STEPS, `${JSON.stringify([...others, { name, ...figures }], undefined, 2)}\n`);
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean" },
      step: { type: "string" },
      build: { type: "string" },
      url: { type: "string" },
    },
  });
  if (values.url !== undefined) return deployed(values.url);
  const options = values.build === undefined ? {} : { folder: values.build };
  if (values.build === undefined) {
    await setup();
    await build();
  }
  if (values.step !== undefined) return step(values.step, options);
  const count = values.quick ? 5 : 15;
  const results = { machine: machine(), pairs: count, rows: [], floors: [] };
  for (const row of rows(options)) results.rows.push(await measured(row, count));
  for (const row of floors(options)) results.floors.push(await measured(row, count));
  results.crossings = await crossings();
  console.log(`bench: crossings ${results.crossings.issue.toFixed(1)}, ${results.crossings.consume.toFixed(1)}`);
  results.startUp = await startUp(sides.memory(options), sides.thin(), count);
  console.log(`bench: start-up ${results.startUp.more.toFixed(0)} ms more than the thin twin`);
  results.messages = { ours: await messages(sides.memory(options)), theirs: await messages(sides.thin()) };
  if (values.quick) return;
  results.memory = await memoryOver(1_000_000);
  document(results, steps());
});
