// Compiles a build tool of ours into the user's cache, once per version and machine, so that clones share it.
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
  const { folder, version, name } = tool;
  const staged = join(toolCache, `.${name}-${version}.${process.pid}`);
  // Shared and kept until it worked: an interrupted compilation goes on where it was, and of two clones that begin together
  // cargo lets one wait, which then finds the tool in place.
  const objects = join(toolCache, `.${name}-${version}.target`);
  mkdirSync(toolCache, { recursive: true });
  process.once("exit", () => remove(staged));

  const compile = async (report) => {
    // Without optimisation: it runs for a second, and compiling it is what people wait for.
    const from = ["--path", folder, "--locked", "--debug"];
    const args = [`+${rust.channel}`, "install", ...from, "--root", staged, "--target-dir", objects];
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
      if (code !== 0) throw new Stop(`\`cargo install --path ${folder} --locked --debug\` failed:\n${tail(output)}`);
      moveIntoPlace(staged, tool);
    } finally {
      clearInterval(watch);
    }
  };
  await step(`setup: ${name} ${version}`, compile, ", compiled once on this machine, about a minute");
  remove(objects);
}
