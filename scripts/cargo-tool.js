// Brings a build tool from crates.io into the user's cache, once per version and machine. Compiled rather than downloaded
// ready-made, because a package manager is the only source that this project relies on.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { capture, Stop, step, tail } from "./run.js";
import { rust, toolCache } from "./tools.js";

const remove = (folder) => {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // Another clone's cargo may be writing there; it clears up after itself.
  }
};

/** Complete or not there: the tool is installed elsewhere in the cache and renamed into place. */
function moveIntoPlace(staged, tool) {
  remove(tool.home);
  try {
    renameSync(staged, tool.home);
  } catch (error) {
    if (!existsSync(tool.path)) throw error;
  }
}

export async function installCargoTool(tool) {
  if (existsSync(tool.path)) return;
  const { crate, version, name } = tool;
  const staged = join(toolCache, `.${name}-${version}.${process.pid}`);
  // Shared and kept until it worked: an interrupted compilation goes on where it was, and of two clones that begin together
  // cargo lets one wait, which then finds the tool in place.
  const objects = join(toolCache, `.${name}-${version}.target`);
  mkdirSync(toolCache, { recursive: true });
  process.once("exit", () => remove(staged));

  const compile = async (report) => {
    const args = [
      `+${rust.channel}`,
      "install",
      crate,
      "--version",
      version,
      "--locked",
      "--root",
      staged,
      "--target-dir",
      objects,
    ];
    // cargo shows its count of crates to terminals only, unless told.
    const env = { CARGO_TERM_PROGRESS_WHEN: "always", CARGO_TERM_PROGRESS_WIDTH: "80" };
    let watch;
    const onStart = (cargo) => {
      watch = setInterval(() => existsSync(tool.path) && cargo.kill(), 1000);
    };
    const onOutput = (text) => {
      const count = [...text.matchAll(/\] (\d+)\/(\d+)/g)].at(-1);
      if (count) report(`${count[1]} of ${count[2]} crates`);
      else if (text.includes("Blocking waiting")) report("waiting for another set-up that compiles it");
    };
    try {
      const { code, output } = await capture("cargo", args, { env, group: true, onStart, onOutput });
      if (existsSync(tool.path)) return;
      if (code !== 0)
        throw new Stop(`\`cargo install ${crate} --version ${version} --locked\` failed:\n${tail(output)}`);
      moveIntoPlace(staged, tool);
    } finally {
      clearInterval(watch);
    }
  };
  await step(`setup: ${crate} ${version}`, compile, ", compiled once on this machine, about 4 minutes");
  remove(objects);
}
