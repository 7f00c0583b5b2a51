// What was measured where.
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { PROJECT } from "./process.js";

const version = (name) => JSON.parse(readFileSync(join(PROJECT, "node_modules", name, "package.json"), "utf8")).version;

export function machine() {
  const wasm = readFileSync(join(PROJECT, "build/index_bg.wasm"));
  const script = readFileSync(join(PROJECT, "build/index.js"));
  return {
    processor: `${cpus().length} × ${cpus()[0].model.trim()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    workerd: version("workerd"),
    node: process.version,
    wasm: [wasm.length, gzipSync(wasm, { level: 9 }).length],
    script: [script.length, gzipSync(script, { level: 9 }).length],
  };
}
