// Examples in Rust: compiled as they are, and run.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

async function cargo(...args) {
  const child = spawn("cargo", args, { cwd: PROJECT, stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 0, errors);
}

/** Compiles an example, without a warning, and starts it at an address: `{ url, stop }`, once it says where it is. */
export async function startExample(name, address, env = {}) {
  const package_ = ["--locked", "--quiet", "--package", name];
  await cargo("clippy", ...package_, "--", "-D", "warnings");
  await cargo("build", ...package_);
  const folder = process.env.CARGO_TARGET_DIR ?? `${PROJECT}target`;
  const options = { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } };
  const server = spawn(`${folder}/debug/${name}`, [address], options);
  const [line] = await once(server.stdout.setEncoding("utf8"), "data");
  return { url: line.trim(), stop: () => server.kill() };
}
