// Forty tabs lose their connections in the same moment, as when a Worker is deployed. They come back spread out over the first wait, each
// with a fresh ticket of its own, and each once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, watch } from "./support/chromium.js";
import { startGate } from "./support/harness.js";
import { lost, NO_WAY, opened, openSocket, tickets } from "./support/in-page.js";
import { WITH_PAGE } from "./support/page.js";
import { startRelay } from "./support/relay.js";

const TABS = 40;
// The first wait is anything up to this.
const BASE_MS = 2000;
/** /health has no icon, which a browser asks for. */
const NO_ICON = /^Failed to load resource: the server responded with a status of 404 /;

/**
 * From the first loss on the page writes down how long its timers are to wait: what a busy machine adds to them is not the client's. Timers
 * before that look whether the connection still leads anywhere.
 */
function noteTimers() {
  const real = globalThis.setTimeout;
  globalThis.timers = [];
  globalThis.socket.addEventListener("close", () => globalThis.timers.splice(0), { once: true });
  globalThis.setTimeout = (act, ms, ...rest) => {
    globalThis.timers.push(ms);
    return real(act, ms, ...rest);
  };
}

test(`${TABS} tabs come back spread out`, async () => {
  const gate = await startGate({ vars: { ...WITH_PAGE, TICKET_STORE: "memory" } });
  const relay = await startRelay(gate);
  const browser = await launch();
  try {
    const context = await browser.newContext();
    const tabs = [];
    for (let group = 0; group < TABS / 5; group += 1) {
      const five = Array.from({ length: 5 }, async () => {
        const tab = watch(await context.newPage(), relay, [...NO_WAY, NO_ICON]);
        // The lightest page of the gate's origin.
        await tab.goto(new URL("/health", relay.url).href);
        await openSocket(tab, { baseDelay: BASE_MS });
        await tab.evaluate(noteTimers);
        return tab;
      });
      tabs.push(...(await Promise.all(five)));
    }
    assert.deepEqual(tickets(gate), { issued: TABS, consumed: TABS, refused: 0 });

    gate.forgetLines();
    relay.drop();
    await Promise.all(tabs.map((tab) => lost(tab, 1)));
    await Promise.all(tabs.map((tab) => opened(tab, 2)));

    assert.deepEqual(tickets(gate), { issued: TABS, consumed: TABS, refused: 0 });
    // The first timer after the loss is the wait.
    const waits = await Promise.all(tabs.map((tab) => tab.evaluate(() => globalThis.timers[0])));
    assert.ok(
      waits.every((wait) => wait >= 0 && wait <= BASE_MS),
      `waits: ${waits}`,
    );
    // Of 40 at random, 20 are expected in each half. A storm would have all of them in one.
    const early = waits.filter((wait) => wait < BASE_MS / 2).length;
    assert.ok(early >= TABS / 8 && early <= TABS - TABS / 8, `${early} of ${TABS} in the first half: ${waits}`);
    assert.ok(new Set(waits).size > TABS / 2, `the same wait for many: ${waits}`);
    for (const tab of tabs) assert.deepEqual(tab.faults, []);
  } finally {
    await browser.close();
    await relay.close();
    await gate.close();
  }
});
