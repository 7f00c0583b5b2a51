// Real Chromium for tests and screenshots: Debian's, or what CHROMIUM_PATH names. Each page reports what should never happen:
// errors on the console, exceptions, and requests to another host.
import { chromium } from "playwright-core";
import { chromiumPath } from "../../scripts/chromium.js";

const QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];

/** A headless browser. */
export function launch(options = {}) {
  const args = [...QUIET, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), ...(options.args ?? [])];
  return chromium.launch({ ...options, executablePath: chromiumPath(), headless: true, args });
}

/** What Chromium itself writes to the console when an upgrade is refused; no page can keep it from that. */
export const REFUSED_UPGRADE = /^WebSocket connection to '\S+' failed: /;

/**
 * A page in a context of its own, at the gate's origin. `page.faults` gathers what should not happen: console errors (but
 * those of `expected`), exceptions, Content-Security-Policy violations, requests elsewhere; `page.refusedUpgrades` counts.
 */
export async function open(browser, gate, { path = "/", expected = [], ...options } = {}) {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1200, height: 840 }, ...options });
  const page = await context.newPage();
  watch(page, new URL(gate.url).host, expected);
  await page.goto(new URL(path, gate.url).href);
  return page;
}

/** Begins to gather the faults of a page. */
export function watch(page, host, expected = []) {
  page.faults = [];
  page.refusedUpgrades = 0;
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    const text = message.text();
    if (REFUSED_UPGRADE.test(text)) page.refusedUpgrades += 1;
    else if (!expected.some((pattern) => pattern.test(text))) page.faults.push(`console: ${hide(text)}`);
  });
  page.on("pageerror", (error) => page.faults.push(`exception: ${hide(error.message)}`));
  const elsewhere = (url) => new URL(url).host !== host && page.faults.push(`request to ${new URL(url).host}`);
  page.on("request", (request) => elsewhere(request.url()));
  page.on("websocket", (socket) => elsewhere(socket.url()));
}

/** A failed assertion prints what it compares; no ticket belongs there. */
export const hide = (text) => text.replace(/wst_[\w-]+/g, "wst_…");
