// The nginx that a test puts between a client and its server: a step of `npm test` alone, where a file asks for it. Debian's package,
// installed when it is missing and this may install it; the test starts one of its own, on a free port.
import { aptInstall, aptLine, mayInstall } from "./apt.js";
import { Stop, step } from "./run.js";
import { onPath } from "./tools.js";

const PACKAGE = "nginx";

/** Sees to it that there is an `nginx`, or says in one line what to do. */
export async function nginx() {
  if (!onPath(PACKAGE) && mayInstall()) {
    await step("setup: nginx, for the tests", (report) => aptInstall(PACKAGE, report));
  }
  if (onPath(PACKAGE)) return;
  const how = process.platform === "darwin" ? "brew install nginx" : `sudo ${aptLine(PACKAGE)}`;
  throw new Stop(`the tests need nginx: \`${how}\``);
}
