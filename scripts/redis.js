// The Redis that the tests run against: a step of `npm test` and `npm run torture` alone, since nothing else needs one. Debian's
// package, installed when it is missing and this may install it; the tests start servers from it, each on a free port.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { capture, main, Stop, step, tail } from "./run.js";
import { onPath } from "./tools.js";

const APT = "apt-get install -y --no-install-recommends redis-server";
// The package starts its server, and so would the next boot. Debian asks this script first, where there is one: 101 is "no"
// (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt).
const POLICY = "/usr/sbin/policy-rc.d";

function debian() {
  const file = "/etc/os-release";
  if (!existsSync(file) || !onPath("apt-get")) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync(file, "utf8"));
}

async function install(report) {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => capture("apt-get", ["-o", "DPkg::Lock::Timeout=300", ...args], { env });
  const packages = () => apt(...APT.split(" ").slice(1));
  const forbid = !existsSync(POLICY);
  const allow = () => {
    if (forbid) rmSync(POLICY, { force: true });
  };
  // However this ends.
  process.once("exit", allow);
  if (forbid) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    let result = await packages();
    if (result.code !== 0) {
      // The lists of packages are missing, or so old that what they name is gone.
      report("apt-get update");
      await apt("update");
      result = await packages();
    }
    if (result.code !== 0) throw new Stop(`\`${APT}\` failed:\n${tail(result.output)}`);
  } finally {
    allow();
  }
  if (existsSync("/run/systemd/system")) await capture("systemctl", ["disable", "--now", "redis-server"]);
}

/** Servers that are older are tried by taking GETDEL away from a newer one. */
async function requireGetdel() {
  const { stdout } = await capture("redis-server", ["--version"]);
  const [, version, major, minor] = /v=((\d+)\.(\d+)\S*)/.exec(stdout) ?? [];
  if (Number(major) * 100 + Number(minor) >= 602) return;
  throw new Stop(`the tests need a redis-server of version 6.2 or newer; ${onPath("redis-server")} is ${version}`);
}

/** Sees to it that there is a `redis-server`, or says in one line what to do. */
export async function redis() {
  if (!onPath("redis-server") && debian() && process.getuid?.() === 0) {
    await step("setup: redis-server, for the tests", install);
  }
  if (onPath("redis-server")) return requireGetdel();
  const how = process.platform === "darwin" ? "brew install redis" : `sudo ${APT}`;
  // What runs already can't be killed, or told to forget a command.
  if (!process.env.REDIS_URL) throw new Stop(`the tests need a redis-server: \`${how}\``);
  console.error(`setup: REDIS_URL will not do for every test; for those that start a Redis of their own: \`${how}\``);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    await redis();
    console.error("setup: redis-server is in place");
  });
}
