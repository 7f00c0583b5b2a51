// `npm run build`, and the build command of wrangler.jsonc: the Worker, from src/ to build/. Nothing is done when nothing
// changed, judged by content and not by time, so that `npm run dev` and `npm test` begin at once.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import { main, run, Stop, seconds } from "./run.js";
import { setup } from "./setup.js";
import { bindgen, npmTools, root, worker } from "./tools.js";

const wasm = "build/index_bg.wasm";
const outputs = ["build/index.js", wasm];
const stampFile = "build/.ws-ticket-build";

// rustc's own account of the files that it read.
const account = join(worker.folder, "ws_ticket.d");
const settings = [
  ...["Cargo.toml", "core/Cargo.toml", "Cargo.lock", "build.rs", ".cargo/config.toml", "rust-toolchain.toml"],
  ...["package-lock.json", "scripts/build.js", "entry/index.js"],
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

/** Runs one step of the build. */
async function must(command, args, env) {
  if ((await run(command, args, { env, group: true })) !== 0) throw new Stop("the Worker does not build, see above");
}

// Named one by one, so that a newer wasm-opt doesn't use what workerd doesn't know yet.
const FEATURES = [
  ...["mutable-globals", "sign-ext", "nontrapping-float-to-int", "bulk-memory", "multivalue", "reference-types"],
  "exception-handling",
];

/**
 * What `worker-build --release` does, but for the entry, which is ours, and for the names, which nobody needs: 43 KB gzipped.
 * Tests build with other `features` and another `entry`, into a folder of their own.
 */
export async function compile({ folder = "build", features = [], entry = "entry/index.js" } = {}) {
  const stage = join(folder, ".stage");
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  const chosen = features.flatMap((feature) => ["--features", feature]);
  await must("cargo", [...worker.cargo, ...chosen], worker.env);
  await must(bindgen().path, [join(worker.folder, "ws_ticket.wasm"), stage]);
  const flags = FEATURES.map((feature) => `--enable-${feature}`);
  const output = join(folder, "index_bg.wasm");
  await must(npmTools.wasmOpt, [join(stage, "index_bg.wasm"), "-O", ...flags, "--strip-debug", "-o", output]);
  copyFileSync(entry, join(stage, "entry.js"));
  copyFileSync("src/platform/wire.js", join(stage, "wire.js"));
  const script = join(folder, "index.js");
  const bundle = ["--bundle", "--minify", "--format=esm", "--external:./index_bg.wasm", "--external:cloudflare:*"];
  await must(npmTools.esbuild, [join(stage, "entry.js"), ...bundle, `--outfile=${script}`, "--log-level=warning"]);
  // A proposal of the language that workerd doesn't need: a wasm file is a module to it.
  writeFileSync(script, readFileSync(script, "utf8").replace(/import source /g, "import "));
  rmSync(stage, { recursive: true });
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
  await compile();
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
