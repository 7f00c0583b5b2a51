// `npm run bench`: the gate beside what people would write instead, each in a workerd of its own, in turns. Writes docs/benchmarks.md
// and its pictures; takes about 12 minutes. What it measures first of all is the processor time of the server for each operation,
// which a busy machine spoils least.
//   npm run bench -- --quick           fewer pairs, no million tickets, no document
//   npm run bench -- --step "a name"   measures two rows and writes them to bench/steps.json, for the document's table of steps
//   npm run bench -- --only <words>    the rows whose names have these words; no document
//   npm run bench -- --document        writes the document again, of what the last run found
//   npm run bench -- --build <folder>  the gate that was built there instead of build/
//   npm run bench -- --url <https://…> a deployed gate: how long a ticket takes from here; needs a login in BENCH_TOKEN, if it asks
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, compile } from "../scripts/build.js";
import { main } from "../scripts/run.js";
import { setup } from "../scripts/setup.js";
import { crossings } from "./crossings.js";
import { deployed } from "./deployed.js";
import { document } from "./document.js";
import { machine } from "./machine.js";
import { messagePairs, messages } from "./messages.js";
import { pairs } from "./pairs.js";
import { PROJECT } from "./process.js";
import { memoryOver, operations, startUp } from "./rest.js";
import * as sides from "./sides.js";

const STEPS = join(PROJECT, "bench/steps.json");
/** What the last run found, for who mends the document. */
const RESULTS = join(PROJECT, "build/bench.json");
const ISSUE = { operation: "issue", count: 2000, width: 8 };
const LIFE = { operation: "lifecycle", count: 600, width: 8 };
const FEW = { operation: "lifecycle", count: 300, width: 8 };
/** Milliseconds of a trip to a store, where it isn't next door. */
const FAR_MS = 30;

/** Rows of pairs: ours, theirs, what is done, and the goal, where there is one: of a ratio, and of p50, ours ÷ theirs. */
const rows = (options) => {
  const memory = sides.memory(options);
  const [durable, sealed] = [sides.durable(options), sides.sealed(options)];
  return [
    [memory, sides.checked(), LIFE, { goal: 1.1 }],
    [memory, sides.thin(), LIFE, { goal: 0.95 }],
    [durable, sides.thinDurable(), FEW, { goal: 0.9 }],
    [sealed, sides.thinDurable(), FEW, { goal: 1.2 }],
    [sides.sealedFar(FAR_MS, options), sides.kvTwin(FAR_MS), FEW, { goalOfTime: 0.5 }],
    [memory, sides.checked(), ISSUE, { name: "issue only: " }],
    [memory, sides.thin(), ISSUE, { name: "issue only: " }],
    [sides.quiet(options), sides.checkedQuiet(), LIFE],
    [sides.keyed(options), memory, LIFE],
    [sides.hs256(options), memory, LIFE],
    [sides.es256(options), memory, LIFE],
    [sealed, durable, FEW],
    [sides.kvLedger(options), sides.kvTwin(0), FEW],
    [durable, sides.kvTwin(0), FEW],
    [sides.redis(options), sides.nodeTwin(), FEW],
    [sides.upstash(options), sides.nodeTwin(), FEW],
    [sides.memory(options), sides.nodeTwin(), LIFE],
  ];
};
/** What no gate can go below: a row that a goal can be held against has its name. */
const floors = (options) => [
  [sides.frameWasm(), sides.checked(), LIFE, { bounds: "memory" }],
  [sides.frameWasm(), sides.thin(), LIFE, { bounds: "memory" }],
  [sides.frame(), sides.checked(), LIFE],
  [sides.frame(), sides.thin(), LIFE],
  [sides.frameDurable(), sides.thinDurable(), FEW, { bounds: "durable" }],
  [sides.frameSealed(), sides.thinDurable(), FEW, { bounds: "sealed" }],
  [sides.memory(options), sides.hello(), { ...ISSUE, operation: "plain" }, { name: "a path that isn't there: " }],
  [sides.helloWasm(), sides.hello(), { ...ISSUE, operation: "plain" }],
  [sides.frame(), sides.accept(), { ...LIFE, operation: "accept" }, { name: "a socket alone: " }],
];

const nameOf = ([ours, theirs, , { name = "" } = {}]) => `${name}${ours.name} beside ${theirs.name}`;

async function measured(row, count) {
  const [ours, theirs, each, { goal, goalOfTime, bounds } = {}] = row;
  const name = nameOf(row);
  const result = await pairs(ours, theirs, { ...each, pairs: count });
  const { median, low, high } = result.ratio;
  const times = `${result.ours.p50.toFixed(2)} and ${result.theirs.p50.toFixed(2)} ms`;
  console.log(`bench: ${name}: ${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)}), p50 ${times}`);
  return { name, goal, goalOfTime, bounds, ...result };
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
      only: { type: "string" },
      document: { type: "boolean" },
      build: { type: "string" },
      url: { type: "string" },
    },
  });
  if (values.url !== undefined) return deployed(values.url);
  if (values.document) return document(JSON.parse(readFileSync(RESULTS, "utf8")), steps());
  const options = values.build === undefined ? {} : { folder: values.build };
  if (values.build === undefined) {
    await setup();
    await build();
  }
  await compile({ folder: sides.FRAME, features: ["frame"] });
  if (values.step !== undefined) return step(values.step, options);
  const count = values.quick ? 5 : 15;
  if (values.only !== undefined) {
    const all = [...rows(options), ...floors(options)].filter((row) => nameOf(row).includes(values.only));
    for (const row of all) await measured(row, count);
    return;
  }
  const results = { machine: machine(), pairs: count, rows: [], floors: [] };
  for (const row of rows(options)) results.rows.push(await measured(row, count));
  for (const row of floors(options)) results.floors.push(await measured(row, count));
  results.crossings = await crossings();
  console.log(`bench: crossings ${results.crossings.issue.toFixed(1)}, ${results.crossings.consume.toFixed(1)}`);
  results.operations = await operations([sides.memory(), sides.durable(), sides.sealed(), sides.kvLedger()]);
  results.startUp = await startUp(sides.memory(options), sides.thin(), count);
  console.log(`bench: start-up ${results.startUp.more.toFixed(0)} ms more than the thin twin`);
  results.handedOn = await messagePairs(sides.upstream(options), sides.echo(), values.quick ? 3 : 7);
  console.log(
    `bench: messages behind the gate, beside those of the same Worker alone: ${results.handedOn.ratio.rate.toFixed(2)}`,
  );
  results.messages = { ours: await messages(sides.memory(options)), theirs: await messages(sides.thin()) };
  if (values.quick) return;
  results.memory = await memoryOver(1_000_000);
  writeFileSync(RESULTS, JSON.stringify(results));
  document(results, steps());
});
