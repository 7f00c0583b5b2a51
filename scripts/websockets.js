// The WebSocket client in Python that a test has talk through the gate, because it isn't ours: a step of `npm test` alone, where a file
// asks for it. Debian's package, for the system's own Python; elsewhere whatever `python3` has.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { aptInstall, aptLine, mayInstall } from "./apt.js";
import { Stop, step } from "./run.js";

const PACKAGE = "python3-websockets";

/** Those that may have it, Debian's own first: an installed package is for that one. */
const PYTHONS = ["/usr/bin/python3", "python3"].filter((path) => !path.startsWith("/") || existsSync(path));

/** The Python that has `websockets`; none where none has. */
export function pythonWithWebsockets() {
  return PYTHONS.find((python) => spawnSync(python, ["-c", "import websockets"], { stdio: "ignore" }).status === 0);
}

/** Sees to it that there is one, or says in one line what to do. */
export async function websockets() {
  if (pythonWithWebsockets() === undefined && mayInstall()) {
    await step("setup: websockets for Python, for the tests", (report) => aptInstall(PACKAGE, report));
  }
  if (pythonWithWebsockets() !== undefined) return;
  const how = process.platform === "darwin" ? "python3 -m pip install --user websockets" : `sudo ${aptLine(PACKAGE)}`;
  throw new Stop(`the tests need websockets for Python: \`${how}\``);
}
