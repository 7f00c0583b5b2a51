// The client in real Chromium, from the page's own origin: the network goes and comes back, the tab sleeps and wakes, the Worker restarts.
// Each time it comes back with a ticket that was never used before.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { launch, launchTabs, open, watch } from "./support/chromium.js";
import { startGate } from "./support/harness.js";
import { echoes, lost, NO_WAY, opened, openSocket, rest, tickets } from "./support/in-page.js";
import { deadline } from "./support/pace.js";
import { connect, facts, talk, until, WITH_PAGE } from "./support/page.js";
import { startRelay } from "./support/relay.js";

// So long that only something that wakes it can be the reason when it comes back.
const PATIENT = { baseDelay: 3_600_000, maxDelay: 3_600_000 };

describe("the client in a browser", () => {
  let gate;
  let relay;
  let browser;
  let tabs;
  let page;
  before(async () => {
    gate = await startGate({ vars: { ...WITH_PAGE, TICKET_STORE: "durable" } });
    relay = await startRelay(gate);
    browser = await launch();
    tabs = await launchTabs();
  });
  beforeEach(() => gate.forgetLines());
  afterEach(async () => {
    assert.deepEqual(page.faults, []);
    await page.close();
  });
  after(async () => {
    await tabs?.close();
    await browser?.close();
    await relay?.close();
    await gate?.close();
  });

  test("the network is cut and comes back", async () => {
    page = await open(browser, relay, { expected: NO_WAY });
    await openSocket(page, { maxDelay: 1000 });
    await relay.cut();
    await lost(page, 3);
    assert.equal(await page.evaluate(() => globalThis.socket.readyState), 0, "CONNECTING between connections");
    assert.deepEqual(tickets(gate), { issued: 1, consumed: 1, refused: 0 });
    await relay.heal();
    await opened(page, 2);
    await echoes(page, "back again");
    assert.deepEqual(tickets(gate), { issued: 2, consumed: 2, refused: 0 });
    const ends = await page.evaluate(() => globalThis.seen.filter(([event]) => event === "close"));
    assert.ok(ends.every(([, code, willReconnect]) => code === 1006 && willReconnect));
  });

  test("while the browser is offline it asks for nothing; online again it comes back at once", async () => {
    page = await open(browser, relay, { expected: NO_WAY });
    await openSocket(page, PATIENT);
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.context().setOffline(true);
    relay.drop();
    await lost(page, 1);
    await rest(page, 2000);
    assert.deepEqual(
      asked.filter((path) => path === "/ws-ticket"),
      [],
    );
    await page.context().setOffline(false);
    await opened(page, 2);
    await echoes(page, "back again");
    assert.deepEqual(tickets(gate), { issued: 2, consumed: 2, refused: 0 });
  });

  test("a tab that comes to the front comes back at once", async () => {
    page = watch(await tabs.context.newPage(), relay, NO_WAY);
    await page.goto(relay.url);
    await openSocket(page, PATIENT);
    const other = await tabs.context.newPage();
    await other.bringToFront();
    await until(() => page.evaluate(() => document.hidden), "the tab is hidden");
    relay.drop();
    await lost(page, 1);
    await rest(page, 1000);
    assert.deepEqual(tickets(gate), { issued: 1, consumed: 1, refused: 0 });
    await page.bringToFront();
    await opened(page, 2);
    await echoes(page, "back again");
    assert.deepEqual(tickets(gate), { issued: 2, consumed: 2, refused: 0 });
    await other.close();
  });

  test("a tab that was asleep while its connection died wakes up, and comes back", async () => {
    page = watch(await tabs.context.newPage(), relay, NO_WAY);
    await page.goto(relay.url);
    // What ended while it slept, it hears of only after it has come to the front: the first wait is short.
    await openSocket(page);
    const other = watch(await tabs.context.newPage(), relay, NO_WAY);
    await other.goto(relay.url);
    await other.bringToFront();
    await openSocket(other);
    await until(() => page.evaluate(() => document.hidden), "the tab is hidden");
    const session = await tabs.context.newCDPSession(page);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    // The other, which is awake, loses its own each time, too, and comes back.
    for (const times of [2, 3]) {
      relay.drop();
      await opened(other, times);
    }
    assert.deepEqual(tickets(gate), { issued: 4, consumed: 4, refused: 0 }, "asleep it does nothing");
    await page.bringToFront();
    await opened(page, 2);
    await echoes(page, "back again");
    assert.deepEqual(tickets(gate), { issued: 5, consumed: 5, refused: 0 });
    assert.deepEqual(other.faults, []);
    await other.close();
  });

  test("the Worker restarts", async () => {
    page = await open(browser, relay, { expected: NO_WAY });
    await openSocket(page, { maxDelay: 1000 });
    for (const round of [2, 3]) {
      await gate.redeploy();
      await opened(page, round);
      await echoes(page, `after restart ${round}`);
    }
    const events = await page.evaluate(() => globalThis.seen.filter(([event]) => event === "open").length);
    assert.equal(events, 3);
  });

  test("the page itself comes back after a restart, and says so", async () => {
    page = await open(browser, relay, { expected: NO_WAY });
    await facts(page);
    await connect(page);
    const first = await page.innerText("#ticket-text");
    await gate.redeploy();
    await until(async () => (await page.innerText("#ticket-text")) !== first, "a fresh ticket");
    await page.waitForSelector("#connection[data-state=open]");
    await talk(page, "back again");
    const lines = await page.locator("#log li").allInnerTexts();
    assert.ok(
      lines.some((line) => /Connection lost \(1006\)|Connection lost \(1012\)|Connection lost \(1001\)/.test(line)),
    );
  });

  test("a path that has died without a word: the gate doesn't answer its ping, and it comes back; close() ends on such a path too", async () => {
    page = await open(browser, relay, { expected: NO_WAY });
    // The browser asks for the next ticket over a connection that it kept, which is as dead: an attempt is given up soon, too.
    const soon = deadline(3000);
    await openSocket(page, { pingInterval: 1000, pingTimeout: soon, attemptTimeout: soon, maxDelay: 1000 });
    await echoes(page, "before");
    relay.freeze();
    await lost(page, 1);
    await opened(page, 2);
    await echoes(page, "back again");
    const [, code, willReconnect] = await page.evaluate(() => globalThis.seen.find(([event]) => event === "close"));
    assert.deepEqual([code, willReconnect], [1006, true]);
    // An attempt that came late on a busy machine had a ticket of its own.
    const { issued, refused } = tickets(gate);
    assert.deepEqual([issued > 1, refused], [true, 0]);
    relay.freeze();
    await page.evaluate(() => globalThis.socket.close(1000, "done"));
    await page.waitForFunction(() => globalThis.socket.readyState === 3);
    const [, last, goesOn] = await page.evaluate(() => globalThis.seen.findLast(([event]) => event === "close"));
    assert.deepEqual([last, goesOn], [1006, false]);
  });

  test("a login in front of the gate that redirects: the page is told that its login is lost, and asks no further", async () => {
    page = await open(browser, relay);
    const asked = [];
    await page.route("**/ws-ticket", (route) => {
      asked.push(route.request().method());
      return route.fulfill({ status: 302, headers: { Location: "/login" } });
    });
    const lost = await page.evaluate(async () => {
      const { TicketSocket } = await import("/ws-ticket-client.js");
      return new Promise((resolve) => {
        const told = [];
        const onUnauthenticated = ({ status, code }) => {
          told.push(status, code);
        };
        const socket = new TicketSocket("/ws-ticket", { baseDelay: 10, maxDelay: 10, onUnauthenticated });
        socket.onclose = (event) => {
          if (!event.willReconnect) resolve([event.code, event instanceof CloseEvent, ...told]);
        };
      });
    });
    assert.deepEqual([lost, asked], [[4401, true, 401, "login"], ["POST"]]);
  });

  test("closed for good it stays closed, whatever wakes it", async () => {
    page = await open(browser, relay);
    await openSocket(page);
    await page.evaluate(() => globalThis.socket.close(1000, "done"));
    await lost(page, 1);
    await page.evaluate(() => {
      dispatchEvent(new Event("online"));
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await rest(page, 1500);
    const seen = await page.evaluate(() => globalThis.seen.filter(([event]) => event !== "message"));
    assert.deepEqual(seen, [["open"], ["close", 1000, false]]);
    assert.deepEqual(tickets(gate), { issued: 1, consumed: 1, refused: 0 });
  });
});
