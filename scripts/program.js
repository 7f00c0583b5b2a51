// Programs that tests put around the gate: a step of `npm test` alone, where a file asks for one. Debian's packages, installed when they are
// missing and this may install them; the tests start their own, on free ports.
import { aptInstall, aptLine, mayInstall } from "./apt.js";
import { Stop, step } from "./run.js";
import { onPath } from "./tools.js";

/** Sees to it that there is such a program, whose package has the same name, or says in one line what to do. */
export async function program(name) {
  if (!onPath(name) && mayInstall()) {
    await step(`setup: ${name}, for the tests`, (report) => aptInstall(name, report));
  }
  if (onPath(name)) return;
  const how = process.platform === "darwin" ? `brew install ${name}` : `sudo ${aptLine(name)}`;
  throw new Stop(`the tests need ${name}: \`${how}\``);
}
