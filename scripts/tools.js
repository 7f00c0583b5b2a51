// What every script here shares: where things are, which versions are wanted, and an environment in which all tools find each
// other. Nothing but Node 20 is needed, because this runs before `npm ci`.
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Stop } from "./run.js";

const windows = process.platform === "win32";
const exe = windows ? ".exe" : "";

export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");
const bin = join(root, "node_modules", ".bin");
const npmBin = (name) => join(bin, windows ? `${name}.cmd` : name);

function cacheFolder() {
  if (process.env.XDG_CACHE_HOME) return process.env.XDG_CACHE_HOME;
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches");
  return windows && process.env.LOCALAPPDATA ? process.env.LOCALAPPDATA : join(homedir(), ".cache");
}

/** What cargo builds for us: once per version and machine, shared by all clones, and out of the way of ~/.cargo/bin. */
export const toolCache = join(cacheFolder(), "ws-ticket");

export const read = (...path) => readFileSync(join(root, ...path), "utf8");

/** What rust-toolchain.toml asks for. A TOML parser would be a dependency; the file is ours, one line a key. */
function rustToolchain() {
  const text = read("rust-toolchain.toml");
  const names = (key) => {
    const value = text.match(new RegExp(`^${key}\\s*=(.*)$`, "m"))?.[1] ?? "";
    return [...value.matchAll(/"([^"]+)"/g)].map(([, name]) => name);
  };
  return { channel: names("channel")[0], components: names("components"), targets: names("targets") };
}
export const rust = rustToolchain();

/** What compiles the Worker. The macros of wasm-bindgen look at the variable. */
const target = "wasm32-unknown-unknown";
export const worker = {
  cargo: ["build", "--lib", "--release", "--locked", "--target", target],
  env: { WASM_BINDGEN_USE_JS_SYS: "1" },
  folder: join(process.env.CARGO_TARGET_DIR ?? "target", target, "release"),
};

/** The version of a crate in Cargo.lock. */
function lockedVersion(crate) {
  const lock = existsSync(join(root, "Cargo.lock")) ? read("Cargo.lock") : "";
  const version = lock.match(new RegExp(`^name = "${crate}"\\r?\\nversion = "([^"]+)"`, "m"))?.[1];
  if (!version) throw new Stop(`Cargo.lock has no "${crate}": run \`cargo generate-lockfile\` and commit the file`);
  return version;
}

/** What finishes the wasm: scripts/bindgen, whose library must have exactly the version of the crate `wasm-bindgen`. */
export function bindgen() {
  const version = `${lockedVersion("ws-ticket-bindgen")}-${lockedVersion("wasm-bindgen-cli-support")}`;
  const home = join(toolCache, `bindgen-${version}`);
  return {
    name: "bindgen",
    folder: "scripts/bindgen",
    version,
    home,
    path: join(home, "bin", `ws-ticket-bindgen${exe}`),
  };
}

/** From npm. `node` is the Node 24 that wrangler and the tests need, whatever the system has. */
export const npmTools = {
  node: windows ? join(root, "node_modules", "node", "bin", "node.exe") : npmBin("node"),
  wrangler: join(root, "node_modules", "wrangler", "bin", "wrangler.js"),
  biome: join(root, "node_modules", "@biomejs", "biome", "bin", "biome"),
  wasmOpt: npmBin("wasm-opt"),
  esbuild: npmBin("esbuild"),
};

/** Where a program is on PATH, without starting it. */
export function onPath(name) {
  const names = windows ? [`${name}.exe`, `${name}.cmd`] : [name];
  const candidates = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((n) => join(folder, n)));
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const pathWithout = (folder) => (process.env.PATH ?? "").split(delimiter).filter((entry) => entry !== folder);

/** npm must not run on the Node inside the node_modules that it replaces. */
export const systemPath = () => pathWithout(bin).join(delimiter);

// Everything that is started from here inherits this, from wherever it was called. A new shell may not have rustup on its PATH yet, hence cargo's folder,
// at the end; and RUSTUP_TOOLCHAIN keeps rustup from installing things behind the back of setup.js.
const cargoBin = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin");
process.chdir(root);
process.env.PATH = [bin, ...pathWithout(bin), cargoBin].join(delimiter);
process.env.RUSTUP_TOOLCHAIN = rust.channel;
// No usage data, and no look-ups that only make noise where there is no internet.
process.env.WRANGLER_SEND_METRICS ??= "false";
process.env.WRANGLER_HIDE_BANNER ??= "true";
process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= "false";
