// `npm run setup`, and the first thing that every other script does: brings a fresh clone, or one after `git pull`, to where
// everything runs. Only does what is missing; when nothing is, it looks at a dozen files and starts no program.
import { createHash } from "node:crypto";
import { constants, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installCargoTool } from "./cargo-tool.js";
import { capture, main, Stop, step, tail } from "./run.js";
import { changes } from "./stamp.js";
import { bindgen, npmTools, onPath, read, root, rust, systemPath, worker } from "./tools.js";

const stampFile = join(root, "node_modules", ".ws-ticket-setup");
const host = `${process.platform}-${process.arch}`;
const windows = process.platform === "win32";

function json(text, otherwise) {
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}

function requirePrograms() {
  const missing = [];
  if (Number(process.versions.node.split(".")[0]) < 20) {
    missing.push(`Node 20 or newer (this is ${process.version}): https://nodejs.org`);
  }
  if (!onPath("npm")) missing.push("npm: it comes with Node, https://nodejs.org");
  if (!onPath("rustup") || !onPath("cargo")) missing.push("rustup with cargo: https://rustup.rs");
  if (!windows && !onPath("cc")) {
    missing.push(
      "a C linker, `cc`: `apt install build-essential` (Debian, Ubuntu) or `xcode-select --install` (macOS)",
    );
  }
  if (missing.length > 0) throw new Stop(`missing on this machine: ${missing.join("; ")}`);
}

/** What npm wrote about its last install, against the lock: an `npm ci` or `npm install` done by hand counts too. */
function packagesMatchLock(lock) {
  const hidden = join(root, "node_modules", ".package-lock.json");
  const installed = existsSync(hidden) ? json(readFileSync(hidden, "utf8"), {}).packages : undefined;
  if (!installed) return false;
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === "") return true;
    const have = installed[path];
    return have ? have.version === wanted.version && have.integrity === wanted.integrity : wanted.optional;
  });
}

async function nodeWorks(lock) {
  if (!existsSync(npmTools.node)) return false;
  const { code, stdout } = await capture(npmTools.node, ["--version"]).catch(() => ({ code: 1 }));
  return code === 0 && stdout.trim() === `v${lock.packages["node_modules/node"].version}`;
}

async function npmPackages(stamp, lockHash) {
  const present = Object.values(npmTools).every((file) => existsSync(file));
  if (present && stamp.lock === lockHash && stamp.host === host) return;

  const lock = json(read("package-lock.json"));
  const elsewhere = stamp.host !== undefined && stamp.host !== host;
  if (present && !elsewhere && packagesMatchLock(lock) && (await nodeWorks(lock))) return;

  await step("setup: npm packages", async () => {
    // Quiet about `engines`: some packages need a newer Node than the system's, and the one that runs them comes with them.
    const options = { env: { PATH: systemPath() }, shell: windows };
    const { code, output } = await capture("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], options);
    if (code !== 0) throw new Stop(`\`npm ci\` failed:\n${tail(output)}`);
  });
  if (!(await nodeWorks(lock))) {
    throw new Stop(
      "npm did not run the install script of its package `node`: " +
        "allow it (`npm config get ignore-scripts` should say false), then `npm ci`",
    );
  }
}

/** What a toolchain folder lacks of rust-toolchain.toml. rustup's own list of components is a plain file in it. */
function missingFrom(sysroot) {
  const library = join(sysroot, "lib", "rustlib");
  const list = join(library, "components");
  const have = existsSync(list) ? readFileSync(list, "utf8").split(/\r?\n/) : [];
  return {
    components: rust.components.filter((name) => !have.some((line) => line.startsWith(`${name}-`))),
    targets: rust.targets.filter((target) => !existsSync(join(library, target, "lib"))),
  };
}

const complete = (sysroot) => Object.values(missingFrom(sysroot)).every((names) => names.length === 0);

async function sysrootOf(channel) {
  const { code, stdout } = await capture("rustup", ["run", channel, "rustc", "--print", "sysroot"]);
  return code === 0 ? stdout.trim() : undefined;
}

async function rustToolchain(stamp) {
  const { channel, components, targets } = rust;
  if (stamp.channel === channel && stamp.sysroot && complete(stamp.sysroot)) return stamp.sysroot;

  let sysroot = await sysrootOf(channel);
  const missing = sysroot ? missingFrom(sysroot) : { components, targets };
  const options = (name, values) => values.flatMap((value) => [name, value]);
  const steps = [];
  if (!sysroot) {
    const parts = [...options("--component", components), ...options("--target", targets)];
    steps.push([
      `Rust ${channel}`,
      "toolchain",
      "install",
      channel,
      "--profile",
      "minimal",
      "--no-self-update",
      ...parts,
    ]);
  } else {
    // Only what is missing: a toolchain that somebody linked or packed by hand cannot be installed again.
    const add = (kind, names) =>
      names.length > 0 && steps.push([names.join(", "), kind, "add", "--toolchain", channel, ...names]);
    add("component", missing.components);
    add("target", missing.targets);
  }
  let problem = "";
  for (const [label, ...args] of steps) {
    const { code, output } = await step(`setup: ${label}`, () => capture("rustup", args));
    if (code !== 0) problem += tail(output);
  }
  sysroot ??= await sysrootOf(channel);
  // Looked at afterwards, not at exit codes: another clone may have done the same at the same time.
  if (!sysroot || !complete(sysroot)) {
    throw new Stop(`rustup did not bring what rust-toolchain.toml names (Rust ${channel}):\n${problem}`);
  }
  return sysroot;
}

/**
 * In a fresh clone the Worker is compiled while npm brings its packages: neither needs the other, and together they are what takes
 * longest. Whether it went well is for the build to say.
 */
async function compileMeanwhile() {
  const since = changes();
  const { code } = await capture("cargo", worker.cargo, { env: worker.env, group: true });
  if (code === 0) since.compiled();
}

/** A file to edit, so it is never overwritten. */
function devVars() {
  const file = join(root, ".dev.vars");
  if (existsSync(file)) return;
  copyFileSync(join(root, ".dev.vars.example"), file, constants.COPYFILE_EXCL);
  console.error("setup: .dev.vars made from .dev.vars.example");
}

export async function setup() {
  requirePrograms();
  const before = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : "";
  const stamp = json(before, {});
  const lock = createHash("sha256").update(read("package-lock.json")).digest("hex");
  const sysroot = await rustToolchain(stamp);
  const isFresh = before === "" && !existsSync(worker.folder);
  const compiling = isFresh ? compileMeanwhile().catch(() => undefined) : undefined;
  await npmPackages(stamp, lock);
  await installCargoTool(bindgen());
  if (compiling) await step("setup: the Worker, compiled meanwhile", () => compiling);
  devVars();
  const after = JSON.stringify({ lock, host, channel: rust.channel, sysroot });
  if (after !== before) writeFileSync(stampFile, after);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    await setup();
    console.error("setup: everything is in place");
  });
}
