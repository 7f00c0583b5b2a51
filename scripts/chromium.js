// The browser for the tests of the page and of the client in it, and for `npm run screenshots`. Debian's package, installed when it
// is missing and this may install it.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { aptInstall, aptLine, mayInstall } from "./apt.js";
import { main, Stop, step } from "./run.js";
import { onPath } from "./tools.js";

const PACKAGE = "chromium";
// Ubuntu's `chromium-browser` only leads to a snap, hence behind Chrome.
const NAMES = [PACKAGE, "google-chrome-stable", "google-chrome", "chromium-browser"];

/** Where the browser is: CHROMIUM_PATH, or the first on PATH. */
export const chromiumPath = () => process.env.CHROMIUM_PATH || NAMES.map(onPath).find(Boolean);

/** Sees to it that there is a browser, or says in one line what to do. */
export async function chromium() {
  const { CHROMIUM_PATH } = process.env;
  if (CHROMIUM_PATH && !existsSync(CHROMIUM_PATH)) throw new Stop(`there is no CHROMIUM_PATH=${CHROMIUM_PATH}`);
  if (!chromiumPath() && mayInstall()) {
    await step("setup: chromium, for the tests", (report) => aptInstall(PACKAGE, report));
  }
  if (chromiumPath()) return;
  const how = process.platform === "darwin" ? "brew install --cask chromium" : `sudo ${aptLine(PACKAGE)}`;
  throw new Stop(`the tests of the page need a Chromium: \`${how}\`, or CHROMIUM_PATH to one that is there`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    await chromium();
    console.error(`setup: ${chromiumPath()} is in place`);
  });
}
