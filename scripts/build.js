// `npm run build`, and the build command of wrangler.jsonc: the Worker, from src/ to build/. Nothing is done when nothing
// changed, judged by content and not by time, so that `npm run dev` and `npm test` begin at once.
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { main, run, Stop, seconds } from "./run.js";
import { setup } from "./setup.js";
import { changes, wasm } from "./stamp.js";
import { bindgen, npmTools, worker } from "./tools.js";

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
  // What the wasm imports lies in a folder of that crate's; what it imports in its turn is put beside it, and the entry finds it all in `src`.
  const [crate] = readdirSync(join(stage, "snippets")).filter((name) => name.startsWith("ws-ticket-"));
  const scripts = join("snippets", crate, "src");
  cpSync("src", join(stage, scripts), { recursive: true, filter: (name) => !/\.rs$/.test(name) });
  symlinkSync(scripts, join(stage, "src"));
  copyFileSync(entry, join(stage, "entry.js"));
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
  const since = changes();
  if (since.none) {
    console.log(`build: up to date, ${size()}`);
    return;
  }
  since.begin();
  await compile();
  since.done();
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
