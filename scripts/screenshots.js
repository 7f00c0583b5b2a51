// `npm run screenshots`: the page, light and dark, for the README: docs/images/page-light.png and page-dark.png. The gate is the built
// Worker. What the machine has of fonts shows: with `fonts-inter` and `fonts-jetbrains-mono` (Debian) it looks as it should.
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.js";
import { chromium } from "./chromium.js";
import { main, Stop } from "./run.js";
import { setup } from "./setup.js";
import { root } from "./tools.js";

const FOLDER = join(root, "docs", "images");
const MOST_BYTES = 400 * 1024;
// The page is long: this is within these bytes.
const SCALE = 1;

/** A conversation, a line that was cut, a race, and a fresh ticket. */
async function pose(page, { connect, cut, getTicket, race, talk }) {
  await getTicket(page);
  await connect(page);
  await talk(page, "hello");
  await talk(page, "is anybody there?");
  await cut(page);
  await race(page);
  await getTicket(page);
  await page.evaluate(() => document.activeElement.blur());
  await page.mouse.move(0, 0);
  // Until what moves has come to rest, and some of the ticket is gone.
  await page.waitForTimeout(11_000);
}

async function take(browser, gate, colorScheme, support) {
  const page = await support.open(browser, gate, { colorScheme, deviceScaleFactor: SCALE });
  await support.facts(page);
  await pose(page, support);
  if (page.faults.length > 0) throw new Stop(`the page is not as it should be: ${page.faults.join("; ")}`);
  const path = join(FOLDER, `page-${colorScheme}.png`);
  const { width, height } = await page.evaluate(() => {
    const { bottom } = document.querySelector("main").getBoundingClientRect();
    return { width: innerWidth, height: Math.ceil(bottom + scrollY + 20) };
  });
  await page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width, height } });
  await page.context().close();
  const bytes = statSync(path).size;
  if (bytes > MOST_BYTES) throw new Stop(`${path} has ${bytes} bytes; ${MOST_BYTES} are the most`);
  console.log(`screenshots: ${path}, ${Math.round(bytes / 1024)} KiB`);
}

await main(async () => {
  await setup();
  await chromium();
  await build();
  mkdirSync(FOLDER, { recursive: true });
  // Only now: the packages that these need may just have come.
  const { startGate } = await import("../tests/support/harness.js");
  const { launch, open } = await import("../tests/support/chromium.js");
  const page = await import("../tests/support/page.js");
  const gate = await startGate({ vars: { ...page.WITH_PAGE, TICKET_TTL_SECONDS: "60" } });
  const browser = await launch();
  try {
    for (const scheme of ["light", "dark"]) await take(browser, gate, scheme, { open, ...page });
  } finally {
    await browser.close();
    await gate.close();
  }
});
