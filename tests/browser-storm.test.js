// Fifty tabs lose their connections in the same moment, as when a Worker is deployed. They come back spread out over the first wait, each
// with a fresh ticket of its own, and each once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { launch, watch } from "./support/chromium.js";
import { startGate } from "./support/harness.js";
import { lost, NO_WAY, opened, openSocket, tickets } from "./support/in-page.js";
import { WITH_PAGE } from "./support/page.js";
import { startRelay } from "./support/relay.js";

const TABS = 50;
// The first wait is anything up to this. Long, beside what a slow machine adds.
const BASE_MS = 8000;
const PARTS = 4;
const LOOK_MS = 20;
/** /health has no icon, which a browser asks for. */
const NO_ICON = /^Failed to load resource: the server responded with a status of 404 /;

/** When each ticket was issued, in milliseconds from now on, as the gate's log shows them; until there are `count`. */
async function issuedOver(gate, count, deadline) {
  const began = Date.now();
  const times = [];
  while (times.length < count && Date.now() - began < deadline) {
    const { issued } = tickets(gate);
    while (times.length < issued) times.push(Date.now() - began);
    await sleep(LOOK_MS);
  }
  return times;
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
        return tab;
      });
      tabs.push(...(await Promise.all(five)));
    }
    assert.deepEqual(tickets(gate), { issued: TABS, consumed: TABS, refused: 0 });

    gate.forgetLines();
    const issuing = issuedOver(gate, TABS, BASE_MS + 20_000);
    relay.drop();
    const times = await issuing;
    await Promise.all(tabs.map((tab) => lost(tab, 1)));
    await Promise.all(tabs.map((tab) => opened(tab, 2, 30_000)));

    assert.equal(times.length, TABS, "every tab asked for a ticket");
    assert.deepEqual(tickets(gate), { issued: TABS, consumed: TABS, refused: 0 });
    // Of 50 at random over 8 s, 13 are expected in each quarter. A storm would have all of them in one.
    const parts = Array.from({ length: PARTS }, () => 0);
    for (const time of times) parts[Math.min(PARTS - 1, Math.floor((time * PARTS) / BASE_MS))] += 1;
    for (const part of parts) assert.ok(part >= 1 && part <= TABS / 2, `in each quarter: ${parts.join(", ")}`);
    assert.ok(times.at(-1) - times[0] > BASE_MS / 2, `all within ${times.at(-1) - times[0]} ms`);
    for (const tab of tabs) assert.deepEqual(tab.faults, []);
  } finally {
    await browser.close();
    await relay.close();
    await gate.close();
  }
});
