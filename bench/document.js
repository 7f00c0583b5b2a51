// docs/benchmarks.md and its pictures, of what was measured. No figure in them is written by hand.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bars } from "./plot.js";
import { PROJECT } from "./process.js";

const two = (value) => value.toFixed(2);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const span = ({ median, low, high }) => `${two(median)} (${two(low)} to ${two(high)})`;
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const reached = (value, goal) => (value >= goal ? "yes" : "no");

function goals({ rows, crossings, operations, startUp, memory }) {
  const ratios = rows.filter(({ goal }) => goal !== undefined);
  const times = rows.filter(({ goalOfTime }) => goalOfTime !== undefined);
  // The first look comes before the memory has grown to what it needs.
  const growth = memory.at(-1) / memory[4];
  return table(
    ["what", "measured", "goal", "reached"],
    [
      ...ratios.map(({ name, ratio, goal }) => [name, span(ratio), `≥ ${goal}`, reached(ratio.median, goal)]),
      ...times.map(({ name, ours, theirs, goalOfTime }) => [
        `p50 of ${name}`,
        `${two(ours.p50 / theirs.p50)} of its time`,
        `≤ ${goalOfTime}`,
        reached(goalOfTime, ours.p50 / theirs.p50),
      ]),
      ...operations.map(({ name, asked }) => [
        `operations of stores for a ticket, ${name}`,
        sum(asked),
        STORE_GOALS[name] ?? "",
        STORE_GOALS[name] === undefined ? "" : reached(STORE_GOALS[name], sum(asked)),
      ]),
      ["crossings to issue", two(crossings.issue), "≤ 20", reached(20, crossings.issue)],
      ["crossings to consume", two(crossings.consume), "≤ 20", reached(20, crossings.consume)],
      ["start-up, more than the thin twin", `${startUp.more.toFixed(0)} ms`, "< 15 ms", reached(15, startUp.more)],
      ["memory, after a million tickets ÷ after a quarter", two(growth), "flat", growth < 1.05 ? "yes" : "no"],
    ],
  );
}

const sum = (asked) => Object.values(asked).reduce((all, count) => all + count, 0);
const STORE_GOALS = { sealed: 1, durable: 2, "kv+ledger": 3 };

/** How often a ticket asks an object, by the side that is held against it. */
const OBJECTS = { memory: 0, durable: 2, sealed: 1 };

/**
 * What a goal can be held against: the frame shows what the gate shows and decides nothing, so nobody who shows it is faster. With
 * objects behind it it is in JavaScript. What wasm adds is measured beside: the difference of the two frames for the two requests of a
 * ticket, that of the two hellos for each ask of an object.
 */
function bounds({ rows, floors }) {
  const named = (start) => floors.find(({ name }) => name.startsWith(start));
  const requests = named("the frame in wasm").ours.cpu - named("the frame in JavaScript beside").ours.cpu;
  const hello = named("hello in wasm");
  const asks = hello.ours.cpu - hello.theirs.cpu;
  const goalOf = (floor) =>
    rows.find(({ goal, ours, theirs }) => goal && ours.name === floor.bounds && theirs.name === floor.theirs.name);
  const bounding = floors.filter((floor) => floor.bounds && goalOf(floor));
  return table(
    ["goal", "the gate", "the frame", "the frame in wasm", "within reach"],
    bounding.map((floor) => {
      const { name, goal, ratio } = goalOf(floor);
      const inWasm = floor.ours.name.includes("wasm") ? 0 : requests + OBJECTS[floor.bounds] * asks;
      const bound = floor.ratio.median / (1 + inWasm / floor.ours.cpu);
      const inScript = inWasm === 0 ? "" : span(floor.ratio);
      return [`${name}: ≥ ${goal}`, two(ratio.median), inScript, two(bound), reached(bound, goal)];
    }),
  );
}

const costs = (rows) =>
  table(
    ["side", "CPU, µs", "a second", "p50, ms", "p99, ms", "load's own part of a processor"],
    rows.flatMap(({ name, ours, theirs }) => [
      [`**${name}**`, "", "", "", "", ""],
      ...[ours, theirs].map(({ name, cpu, rate, p50, p99, own }) => [
        name,
        cpu.toFixed(0),
        rate.toFixed(0),
        two(p50),
        two(p99),
        two(own),
      ]),
    ]),
  );

const stepsTable = (steps) =>
  table(
    ["after", "memory beside our checks and logs", "memory beside thin", "durable beside RPC"],
    steps.map(({ name, checked, thin, durable }) => [name, span(checked), span(thin), span(durable)]),
  );

const handedOnRow = ({ ours, theirs, ratio }) =>
  `| a message of 64 bytes through a socket that was handed on to a Worker | ${two(ours.cpu)} µs, ${ours.rate.toFixed(0)} a second; the same Worker without the gate ${two(theirs.cpu)} µs, ${theirs.rate.toFixed(0)} a second; ratios ${two(ratio.cpu)} and ${two(ratio.rate)} |\n`;

/** Writes them. */
export function document(results, steps) {
  const { machine, rows, floors, startUp, messages, handedOn, memory, pairs } = results;
  const folder = join(PROJECT, "docs/images");
  mkdirSync(folder, { recursive: true });
  const plotted = rows.map(({ name, ratio, goal }) => ({ label: name, ...ratio, goal }));
  writeFileSync(join(folder, "benchmarks.svg"), bars("Speed: theirs ÷ ours, CPU for each operation", plotted));
  const looks = memory.map((bytes, at) => [`${((at + 1) * 5).toFixed(0)} %`, mib(bytes)]);
  const text = `# Benchmarks

\`npm run bench\` wrote this page. It runs the gate and what people would write instead on raw workerd, one process each, with the same
flags, in turns, and takes the processor time of the server's process for each operation. A *lifecycle* is a ticket asked for and a socket
opened with it. A ratio is theirs ÷ ours: more than 1 means that the gate needs less than the side beside it. The twins are in \`bench/twins/\`.

Measured on ${machine.processor}, ${machine.memory}, with workerd ${machine.workerd} and Node ${machine.node}. Each ratio is the median of ${pairs} pairs, with
the bounds between which it lies in 95 of 100 runs; a second run agrees within those.

## Goals

${goals(results)}

![Speed of the gate beside others](images/benchmarks.svg)

A red mark is a goal.

## What can be reached

The *frame* shows what the gate shows to clients and operators: it reads the same facts of a request, answers the same bytes and headers, opens the same
socket and logs the same lines. It decides nothing and remembers nothing: all of it is constants (\`bench/twins/frame.js\`; in wasm, with one crossing
in and one out, \`bench/frame.rs\`). Behind it there may be an object that is asked within a deadline (\`frame-shards.js\`). A gate that shows as much can't be faster. Where there is an object the frame is JavaScript, and what wasm adds is reckoned: what it
adds to the frame without objects, and to a hello for each ask of an object.

${bounds(results)}

## What each step gave

${stepsTable(steps)}

## What an operation costs

The load came from one process. Where its own part of a processor is near 1 it was the bottleneck of throughput and times, but not of CPU.

${costs([...rows, ...floors])}

"KV" is a Map in a service beside, asked as workerd asks a namespace, and answering after so many milliseconds: the platform's own can't be run in workerd
alone, and its latency in production differs from place to place. A trip to a shard takes as long where the row says so; elsewhere shards, Redis and Upstash are
next door. CPU is that of the Worker's process, or of Node's: what a Redis spends isn't in it. A Worker opens a connection for each operation on a Redis, and Node keeps one.

How often a store is asked for a ticket that is used: ${results.operations
    .map(
      ({ name, asked }) =>
        `\`${name}\` ${
          Object.entries(asked)
            .map(([what, count]) => `${count} × \`${what}\``)
            .join(", ") || "never"
        }`,
    )
    .join("; ")}.

## Size, start-up, sockets, memory

| what | figure |
| --- | --- |
| wasm | ${kib(machine.wasm[0])}, gzipped ${kib(machine.wasm[1])} |
| JavaScript | ${kib(machine.script[0])}, gzipped ${kib(machine.script[1])} |
| start of a process to its first answer | ${startUp.ours.toFixed(0)} ms; the thin twin ${startUp.theirs.toFixed(0)} ms |
${handedOnRow(handedOn)}| a message of 64 bytes through the echo | ${two(messages.ours.cpu)} µs, ${messages.ours.rate.toFixed(0)} a second; the thin twin ${two(messages.theirs.cpu)} µs, ${messages.theirs.rate.toFixed(0)} a second |

Memory of the process while a million tickets are issued that live for a second, and that nobody uses:

${table(
  looks.slice(0, 10).map(([part]) => part),
  [looks.slice(0, 10).map(([, size]) => size)],
)}

${table(
  looks.slice(10).map(([part]) => part),
  [looks.slice(10).map(([, size]) => size)],
)}
`;
  writeFileSync(join(PROJECT, "docs/benchmarks.md"), text);
  console.log("bench: docs/benchmarks.md is written");
}
