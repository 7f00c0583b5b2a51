// What was built of what: whether anything has changed since, by content and not by time.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { root, worker } from "./tools.js";

export const wasm = "build/index_bg.wasm";
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

const flags = () => process.env.RUSTFLAGS ?? "";

function write(stamp) {
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify(stamp));
}

/** What has changed since the last build. Hashed now: what is edited during a build counts as changed. */
export function changes() {
  const last = lastBuild();
  const sources = hashes([...settings, ...sourceFiles()]);
  const inputs = { ...hashes(Object.keys(last.inputs)), ...sources };
  return {
    none: isDeepStrictEqual({ inputs, outputs: hashes(outputs), flags: flags() }, last),
    begin() {
      rmSync(stampFile, { force: true });
      const changed = Object.keys(inputs).filter((file) => inputs[file] !== last.inputs[file]);
      showToCargo(changed.filter((file) => !settings.includes(file)));
    },
    /** cargo has compiled all of it, and nothing was made of that yet. */
    compiled: () => write({ inputs, outputs: {}, flags: flags() }),
    done: () =>
      write({ inputs: { ...hashes(readByCompiler()), ...sources }, outputs: hashes(outputs), flags: flags() }),
  };
}
