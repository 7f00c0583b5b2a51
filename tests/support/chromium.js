// Real Chromium for tests and screenshots. Each page gathers what should never happen on it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { chromiumPath } from "../../scripts/chromium.js";
import { PATIENCE_MS } from "./pace.js";

const QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];

// The sandbox doesn't start as root. What runs here is our own.
const flags = () => [...QUIET, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])];

/** A headless browser, whose pages are all in front. */
export function launch() {
  return chromium.launch({ executablePath: chromiumPath(), headless: true, args: flags(), timeout: PATIENCE_MS });
}

/**
 * A headless browser with tabs as people have them: one is in front, the others are hidden and can be frozen. Playwright keeps every
 * page of a browser that it starts visible, so this one is started by hand.
 */
export async function launchTabs() {
  const profile = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-chromium-"));
  const args = ["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...flags(), "about:blank"];
  const child = spawn(chromiumPath(), args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const close = async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const browser = await chromium.connectOverCDP(await endpoint(child), { noDefaults: true });
    return { context: browser.contexts()[0], close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where the browser can be driven: it writes that to its error output. */
function endpoint(child) {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`Chromium does not start:\n${text}`)), PATIENCE_MS);
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`Chromium ended:\n${text}`)));
    child.stderr.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      const found = /DevTools listening on (\S+)/.exec(text);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[1]);
    });
  });
}

/** A page in a context of its own, at the gate's `path`. `expected`: what its console may say. */
export async function open(browser, gate, { path = "/", expected = [], ...options } = {}) {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1200, height: 840 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  watch(page, gate, expected);
  await page.goto(new URL(path, gate.url).href);
  return page;
}

// What Chromium itself writes to the console when an upgrade fails. No page can keep it from that.
const FAILED_UPGRADE = /^WebSocket connection to '\S+' failed: (?<why>.*)/s;
const REFUSED_401 = "HTTP Authentication failed; no valid credentials available";

/**
 * Begins to gather: `page.faults` are errors and warnings on the console, exceptions, violations of the Content-Security-Policy
 * (Chromium reports them as errors) and requests to another host than the gate's (or those of a list); `page.refused` counts upgrades that were answered 401.
 */
export function watch(page, gate, expected = []) {
  const hosts = [gate].flat().map(({ url }) => new URL(url).host);
  page.faults = [];
  page.refused = 0;
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    const text = message.text();
    if (FAILED_UPGRADE.exec(text)?.groups.why === REFUSED_401) page.refused += 1;
    else if (!expected.some((pattern) => pattern.test(text))) page.faults.push(`console: ${hide(text)}`);
  });
  page.on("pageerror", (error) => page.faults.push(`exception: ${hide(error.message)}`));
  const elsewhere = (url) => hosts.includes(new URL(url).host) || page.faults.push(`a request to ${new URL(url).host}`);
  page.on("request", (request) => elsewhere(request.url()));
  page.on("websocket", (socket) => elsewhere(socket.url()));
  return page;
}

/** What a failed assertion prints holds no ticket. */
const hide = (text) => text.replace(/wst_[\w-]+/g, "wst_…");
