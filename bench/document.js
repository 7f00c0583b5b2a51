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

function goals({ rows, crossings, startUp, memory }) {
  const ratios = rows.filter(({ goal }) => goal !== undefined);
  // The first look comes before the memory has grown to what it needs.
  const growth = memory.at(-1) / memory[4];
  return table(
    ["what", "measured", "goal", "reached"],
    [
      ...ratios.map(({ name, ratio, goal }) => [name, span(ratio), `≥ ${goal}`, reached(ratio.median, goal)]),
      ["crossings to issue", two(crossings.issue), "≤ 20", reached(20, crossings.issue)],
      ["crossings to consume", two(crossings.consume), "≤ 20", reached(20, crossings.consume)],
      ["start-up, more than the thin twin", `${startUp.more.toFixed(0)} ms`, "< 15 ms", reached(15, startUp.more)],
      ["memory, after a million tickets ÷ after a quarter", two(growth), "flat", growth < 1.05 ? "yes" : "no"],
    ],
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

/** Writes them. */
export function document(results, steps) {
  const { machine, rows, floors, startUp, messages, memory, pairs } = results;
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

## What each step gave

${stepsTable(steps)}

## What an operation costs

The load came from one process. Where its own part of a processor is near 1 it was the bottleneck of throughput and times, but not of CPU.

${costs([...rows, ...floors])}

"KV" is a map behind a timer of so many milliseconds a call: the platform's own can't be run in workerd alone. Its latency in production
differs from place to place.

## Size, start-up, sockets, memory

| what | figure |
| --- | --- |
| wasm | ${kib(machine.wasm[0])}, gzipped ${kib(machine.wasm[1])} |
| JavaScript | ${kib(machine.script[0])}, gzipped ${kib(machine.script[1])} |
| start of a process to its first answer | ${startUp.ours.toFixed(0)} ms; the thin twin ${startUp.theirs.toFixed(0)} ms |
| a message of 64 bytes through the echo | ${two(messages.ours.cpu)} µs, ${messages.ours.rate.toFixed(0)} a second; the thin twin ${two(messages.theirs.cpu)} µs, ${messages.theirs.rate.toFixed(0)} a second |

Memory of the process while a million tickets are issued that live for a second, and that nobody uses:

${table(
  looks.slice(0, 10).map(([part]) => part),
  [looks.slice(0, 10).map(([, size]) => size)],
)}

${table(
  looks.slice(10).map(([part]) => part),
  [looks.slice(10).map(([, size]) => size)],
)}

## What isn't measured yet

The stores \`redis\`, \`upstash\` and \`kv\` with its ledger, ES256, logging switched off, a hello in wasm, storage operations a ticket, and Node with \`ws\` and Redis.
`;
  writeFileSync(join(PROJECT, "docs/benchmarks.md"), text);
  console.log("bench: docs/benchmarks.md is written");
}
