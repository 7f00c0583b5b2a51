// The page at gates that are otherwise: other identities, carriages and bindings, limits that are reached, settings that are wrong, no
// network; in both languages, light and dark, on a small screen.
import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { launch, open } from "./support/chromium.js";
import { startGate } from "./support/harness.js";
import { good, SECRET } from "./support/jwt.js";
import { again, connect, facts, getTicket, race, talk, WITH_PAGE } from "./support/page.js";
import { startRelay } from "./support/relay.js";

const JWT = { ...WITH_PAGE, IDENTITY: "jwt", JWT_SECRET: SECRET, TICKET_STORE: "durable" };
const DEV = { ...WITH_PAGE, TICKET_STORE: "memory" };
/** What Chromium writes to the console about an answer that isn't good. */
const answered = (status) => new RegExp(`^Failed to load resource: the server responded with a status of ${status} `);

/** Limits count by the minute of the clock: what is counted has to fit into one. */
async function roomInTheMinute() {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 15_000) await new Promise((resolve) => setTimeout(resolve, left + 50));
}

describe("the page at another gate", () => {
  let gate;
  let relay;
  let page;
  const browser = launch();
  afterEach(async () => {
    await page?.context().close();
    await relay?.close();
    await gate?.close();
    assert.deepEqual(page.faults, []);
  });
  after(async () => (await browser).close());

  /** The page, at a gate with these settings. */
  async function at(options, contextOptions) {
    gate = await startGate(options);
    relay = await startRelay(gate);
    page = await open(await browser, relay, contextOptions);
    await page.waitForSelector("#facts:not([data-status=asking])");
  }
  const notice = (place) => page.locator(`#${place} .notice`).innerText();

  test("with logins: a token that is kept in its field alone", async () => {
    await at({ vars: { ...JWT, TICKET_CLAIMS: "" } }, { expected: [answered(401)] });
    assert.equal((await facts(page)).identity, "JWT");
    assert.equal(await page.isVisible("#name"), false);
    await page.click("#get");
    await page.waitForSelector("#get-answer .notice");
    assert.match(await notice("get-answer"), /401 identity_missing/);
    await page.fill("#token", good("dora"));
    await page.click("#get");
    await page.waitForSelector(".ticket[data-state=fresh]");
    assert.equal(await page.innerText("#ticket-name"), "Your login · lobby");
    assert.equal(await page.innerText("#get-answer"), "", "an answer that is past is gone");
    await connect(page);
    assert.match(await page.innerText("#connection"), /dora · lobby/);
    const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
    assert.deepEqual(kept, [0, 0, ""]);
    await page.reload();
    await facts(page);
    assert.equal(await page.inputValue("#token"), "");
    assert.equal(await page.getAttribute("#token", "type"), "password");
  });

  test("a login that isn't valid is told, and connecting doesn't try it again and again", async () => {
    await at({ vars: JWT }, { expected: [answered(401)] });
    await page.fill("#token", "not-a-token");
    await page.click("#connect");
    await page.waitForSelector("#connect-answer .notice");
    assert.match(await notice("connect-answer"), /401 identity_refused/);
    await page.waitForSelector("#connection[data-state=closed]");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(gate.events().filter(({ event }) => event === "refused").length, 1);
  });

  test("bound to a cookie, with keyed tickets, by subprotocol alone", async () => {
    const key = "a-ticket-key-of-thirty-two-bytes";
    await at({ vars: { ...DEV, BIND: "cookie", TICKET_KEY: key, TICKET_CARRIAGE: "subprotocol" } });
    const { bind, check, carriage } = await facts(page);
    assert.deepEqual([bind, check, carriage], ["origin, cookie", "no store call", "subprotocol"]);
    assert.equal(await page.isDisabled("[name=carriage][value=query]"), true);
    await connect(page);
    await talk(page, "hello");
    const [cookie] = await page.context().cookies();
    assert.deepEqual([cookie.name, cookie.httpOnly, cookie.secure], ["__Host-ws-ticket", true, true]);
    assert.deepEqual(await race(page), { admitted: 1, refused: 49 });
  });

  test("by query alone", async () => {
    await at({ vars: { ...DEV, TICKET_CARRIAGE: "query" } });
    await facts(page);
    assert.equal(await page.isDisabled("[name=carriage][value=subprotocol]"), true);
    assert.equal(await page.isChecked("[name=carriage][value=query]"), true);
    const url = await connect(page, "query");
    assert.ok(url.searchParams.has("ticket"));
  });

  test("without a ledger, the promise is shown for what it is", async () => {
    await at({ vars: { ...DEV, TICKET_STORE: "kv", ALLOW_BEST_EFFORT: "true" }, without: ["TICKET_SHARD"] });
    const { store, guarantee } = await facts(page);
    assert.deepEqual([store, guarantee], ["kv", "best-effort"]);
    assert.equal(await page.innerText("#facts-status"), "Degraded");
    await connect(page);
    const { admitted = 0, refused = 0 } = await race(page);
    assert.equal(admitted + refused, 50);
    assert.ok(admitted >= 1);
  });

  test("one ticket too many: how long to wait, running down, and no button that asks before", async () => {
    await at({ vars: DEV, limits: { ISSUE_LIMIT: 3 } }, { expected: [answered(429)] });
    await facts(page);
    await roomInTheMinute();
    // As another page of the same person's would.
    for (let i = 0; i < 3; i += 1) await gate.issue({ sub: "alice" });
    await page.click("#get");
    await page.waitForSelector("#get-answer .notice.warn");
    assert.match(await notice("get-answer"), /429 rate_limited/);
    assert.match(await notice("get-answer"), /possible in (60|59|58) s/);
    assert.match(await page.innerText("#say"), /429 rate_limited.*possible in \d+ s/);
    for (const id of ["get", "race", "connect"]) {
      assert.equal(await page.getAttribute(`#${id}`, "aria-disabled"), "true", id);
    }
    gate.forgetLines();
    await page.click("#get", { force: true });
    await page.click("#race", { force: true });
    await page.waitForFunction(() => /possible in 5[0-7] s/.test(document.getElementById("get-answer").innerText));
    assert.deepEqual(gate.events(), []);
  });

  test("an address over the limit of refused upgrades: nobody wins, and the page finds out why", async () => {
    const expected = [answered(429), /Unexpected response code: 429/];
    await at({ vars: DEV, limits: { REFUSAL_LIMIT: 3 } }, { expected });
    await facts(page);
    await roomInTheMinute();
    const { ticket } = await gate.issue();
    await gate.opens(ticket);
    for (let i = 0; i < 5; i += 1) await gate.upgrade(ticket);
    await race(page);
    await page.waitForSelector("#race-answer .notice");
    assert.match(await notice("race-answer"), /429 rate_limited/);
    assert.equal(await page.locator(".cell[data-state=admitted]").count(), 0);
  });

  test("settings that turn out wrong are listed by name, and put right they are gone", async () => {
    await at({ vars: DEV }, { expected: [answered(500)] });
    await facts(page);
    await gate.redeploy({ TICKET_TTL_SECONDS: "0", BIND: "nothing" });
    await page.click("#get");
    await page.waitForSelector("#get-answer .notice");
    assert.match(await notice("get-answer"), /500 misconfigured/);
    await page.waitForSelector("#facts[data-status=misconfigured]");
    const listed = await page.locator("#facts-problems code").allInnerTexts();
    const { problems } = await gate.health();
    assert.deepEqual(
      listed,
      problems.map(({ name }) => name),
    );
    assert.ok(listed.includes("TICKET_TTL_SECONDS") && listed.includes("BIND"));
    await gate.redeploy({ TICKET_TTL_SECONDS: "300", BIND: "origin" });
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await page.waitForSelector("#facts[data-status=ok]");
    assert.equal(await page.isVisible("#facts-problems"), false);
    await getTicket(page);
  });

  test("without a network it says so, and goes on when there is one again", async () => {
    await at({ vars: DEV }, { expected: [/^Failed to load resource: net::ERR_INTERNET_DISCONNECTED$/] });
    await facts(page);
    await page.context().setOffline(true);
    await page.click("#get");
    await page.waitForSelector("#get-answer .notice.bad");
    assert.match(await notice("get-answer"), /No answer/);
    await page.waitForSelector("#facts[data-status=silent]");
    await page.context().setOffline(false);
    await page.waitForSelector("#facts[data-status=ok]");
    await getTicket(page);
  });

  test("in Chinese for who reads Chinese, in English for everybody else", async () => {
    const heading = async (locale) => {
      const other = await open(await browser, gate, { locale });
      await facts(other);
      const found = [await other.getAttribute("html", "lang"), await other.innerText("h1"), await other.title()];
      const english = await other.evaluate(() => document.body.innerText.match(/Get a ticket|Connect|Race for it/g));
      assert.deepEqual(other.faults, []);
      await other.context().close();
      return [...found, english !== null];
    };
    await at({ vars: DEV });
    const en = ["en", "One ticket, one WebSocket.", "ws-ticket: one ticket, one WebSocket", true];
    const zh = ["zh-Hans", "一张票，一个 WebSocket。", "ws-ticket：一张票，一个 WebSocket", false];
    assert.deepEqual(await heading("zh-CN"), zh);
    assert.deepEqual(await heading("zh-TW"), zh);
    assert.deepEqual(await heading("en-GB"), en);
    assert.deepEqual(await heading("de-DE"), en);
  });

  test("light and dark, as the browser is set", async () => {
    await at({ vars: DEV });
    const brightness = () =>
      page.evaluate(() => {
        const [ink, paper] = ["color", "backgroundColor"].map((name) => getComputedStyle(document.body)[name]);
        const sum = (colour) => colour.match(/\d+/g).reduce((all, one) => all + Number(one), 0);
        return sum(paper) > sum(ink) ? "light" : "dark";
      });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      assert.equal(await brightness(), colorScheme);
    }
  });

  for (const locale of ["en-US", "zh-CN"]) {
    test(`nothing is cut off or scrolls sideways at 360 pixels: ${locale}`, async () => {
      const small = { locale, viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
      await at({ vars: DEV }, small);
      await facts(page);
      const outside = () =>
        page.evaluate(() => {
          const wide = [...document.querySelectorAll("body *")].filter((one) => {
            const { left, right, width } = one.getBoundingClientRect();
            return width > 1 && one.checkVisibility() && (left < 0 || right > innerWidth);
          });
          const scrolls = document.documentElement.scrollWidth > document.documentElement.clientWidth;
          return [
            innerWidth,
            scrolls,
            wide.map(({ id, className }) => id || className).filter((name) => name !== "skip"),
          ];
        });
      assert.deepEqual(await outside(), [360, false, []]);
      await page.fill("#name", "a-name-without-any-place-to-break-it-in-two");
      await getTicket(page);
      await connect(page);
      await talk(page, "w".repeat(200));
      await again(page);
      await race(page);
      assert.deepEqual(await outside(), [360, false, []]);
    });
  }
});
