// The Redis that the tests run against: a step of `npm test` and `npm run torture` alone, since nothing else needs one. Debian's
// package, installed when it is missing and this may install it; the tests start servers from it, each on a free port.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { aptInstall, aptLine, mayInstall } from "./apt.js";
import { capture, main, Stop, step } from "./run.js";
import { onPath } from "./tools.js";

const PACKAGE = "redis-server";

async function install(report) {
  await aptInstall(PACKAGE, report);
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
  if (!onPath("redis-server") && mayInstall()) await step("setup: redis-server, for the tests", install);
  if (onPath("redis-server")) return requireGetdel();
  const how = process.platform === "darwin" ? "brew install redis" : `sudo ${aptLine(PACKAGE)}`;
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
