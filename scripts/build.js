// `npm run build`, and the build command of wrangler.jsonc: the Worker, from src/ to build/. Nothing is done when nothing
// changed, judged by content and not by time, so that `npm run dev` and `npm test` begin at once.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import { main, run, Stop, seconds } from "./run.js";
import { setup } from "./setup.js";
import { npmTools, root, wasmBindgen, workerBuild } from "./tools.js";

const wasm = "build/index_bg.wasm";
const outputs = ["build/index.js", wasm];
const stampFile = "build/.ws-ticket-build";
const targetFolder = process.env.CARGO_TARGET_DIR ?? "target";

// rustc's own account of the files that it read.
const account = join(targetFolder, "wasm32-unknown-unknown", "release", "ws_ticket.d");
const settings = [
  ...["Cargo.toml", "core/Cargo.toml", "Cargo.lock", "build.rs", ".cargo/config.toml", "rust-toolchain.toml"],
  ...["package-lock.json", "scripts/build.js"],
];

function sourceFiles() {
  const entries = ["src", "core/src"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }),
  );
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Also finds what `include_str!` takes from outside of src/. */
function readByCompiler() {
  if (!existsSync(account)) return [];
  const [line] = readFileSync(account, "utf8").split("\n");
  const files = line.split(/(?<!\\) /).slice(1);
  return files.map((file) => relative(root, file.replaceAll("\\ ", " ")));
}

/** The content of files by name, those included that are not there. */
function hashes(files) {
  const hash = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");
  return Object.fromEntries(files.map((file) => [file, existsSync(file) ? hash(file) : "absent"]));
}

/** What is known of the last build that succeeded. */
function lastBuild() {
  try {
    return JSON.parse(readFileSync(stampFile, "utf8"));
  } catch {
    return { inputs: {}, outputs: {}, flags: "" };
  }
}

/** cargo goes by time: it takes a file that came back from elsewhere with an old date for one that it has compiled. */
function showToCargo(files) {
  if (!existsSync(account)) return;
  const compiled = statSync(account).mtimeMs;
  const now = new Date();
  for (const file of files) if (existsSync(file) && statSync(file).mtimeMs <= compiled) utimesSync(file, now, now);
}

function size() {
  const bytes = readFileSync(wasm);
  const kib = (length) => `${(length / 1024).toFixed(1)} KiB`;
  return `${wasm} ${kib(bytes.length)}, gzipped ${kib(gzipSync(bytes, { level: 9 }).length)}`;
}

/** Builds if needed. `setup()` must have run. */
export async function build() {
  const began = Date.now();
  const last = lastBuild();
  const flags = process.env.RUSTFLAGS ?? "";
  // Hashed before the build: what is edited meanwhile counts as changed.
  const sources = hashes([...settings, ...sourceFiles()]);
  const inputs = { ...hashes(Object.keys(last.inputs)), ...sources };
  const same = isDeepStrictEqual({ inputs, outputs: hashes(outputs), flags }, last);
  if (same) {
    console.log(`build: up to date, ${size()}`);
    return;
  }
  rmSync(stampFile, { force: true });
  const changed = Object.keys(inputs).filter((file) => inputs[file] !== last.inputs[file]);
  showToCargo(changed.filter((file) => !settings.includes(file)));
  // Without these, worker-build downloads its own copies, from places that cannot be reached from everywhere.
  const tools = { WASM_BINDGEN_BIN: wasmBindgen().path, WASM_OPT_BIN: npmTools.wasmOpt, ESBUILD_BIN: npmTools.esbuild };
  // Each answer is handed to `waitUntil` too: otherwise a request whose client hangs up is cut off in the middle, and what
  // it holds in the wasm's memory is never freed.
  const env = { ...tools, RUN_TO_COMPLETION: "1" };
  const code = await run(workerBuild().path, ["--release"], { env, group: true });
  if (code !== 0) throw new Stop("the Worker does not build, see above");
  const stamp = { inputs: { ...hashes(readByCompiler()), ...sources }, outputs: hashes(outputs), flags };
  writeFileSync(stampFile, JSON.stringify(stamp));
  console.log(`build: ${size()} (${seconds(began)})`);
}

/** The secrets that a deploy needs. wrangler refuses without them, but its list of bindings leaves them out. */
function requiredSecrets() {
  const { names } = /"secrets":\s*\{\s*"required":\s*\[(?<names>[^\]]*)\]/.exec(
    readFileSync("wrangler.jsonc", "utf8"),
  ).groups;
  return JSON.parse(`[${names}]`).join(", ");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    await setup();
    await build();
    console.log(`build: secrets that a deploy requires: ${requiredSecrets()}`);
  });
}
