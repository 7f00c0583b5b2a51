// Debian's packages, for what the tests run against: installed only when this may, and without starting a service.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { capture, Stop, tail } from "./run.js";
import { onPath } from "./tools.js";

// A package may start its server, and so would the next boot. Debian asks this script first, where there is one: 101 is "no"
// (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt).
const POLICY = "/usr/sbin/policy-rc.d";

/** Whether packages can be installed here: Debian or Ubuntu, and root. */
export function mayInstall() {
  const file = "/etc/os-release";
  if (!existsSync(file) || !onPath("apt-get") || process.getuid?.() !== 0) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync(file, "utf8"));
}

/** The line that installs a package by hand. */
export const aptLine = (name) => `apt-get install -y --no-install-recommends ${name}`;

/** Installs a package; `report` hears of what takes longer. */
export async function aptInstall(name, report) {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => capture("apt-get", ["-o", "DPkg::Lock::Timeout=300", ...args], { env });
  const packages = () => apt(...aptLine(name).split(" ").slice(1));
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
    if (result.code !== 0) throw new Stop(`\`${aptLine(name)}\` failed:\n${tail(result.output)}`);
  } finally {
    allow();
  }
}
