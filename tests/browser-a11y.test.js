// Nobody is left out of the page: axe-core finds nothing in any of its states, light and dark, wide and narrow, in both languages;
// everything works by keyboard alone, what happens is said aloud once, and motion is for those who like it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, describe, test } from "node:test";
import { launch, open } from "./support/chromium.js";
import { startGate, startGates } from "./support/harness.js";
import { SECRET } from "./support/jwt.js";
import { again, connect, cut, facts, getTicket, plain, race, talk, WITH_PAGE } from "./support/page.js";
import { startRelay } from "./support/relay.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const NARROW = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

describe("the page, for everybody", () => {
  let gate;
  let browser;
  let page;
  before(async () => {
    gate = await startGate({ vars: { ...WITH_PAGE, TICKET_STORE: "memory" } });
    browser = await launch();
  });
  afterEach(async () => {
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
  after(async () => {
    await browser?.close();
    await gate?.close();
  });

  /** What axe-core finds, in short. What moves is let come to rest: it looks at colours. */
  async function findings(state) {
    await page.evaluate(() => {
      const ends = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < 5000);
      return Promise.all(ends.map((one) => one.finished.catch(() => {})));
    });
    return page.evaluate(
      async ({ rules, state }) => {
        const { passes, violations, incomplete } = await globalThis.axe.run({ runOnly: rules });
        // What is half scrolled out of a list, or inside of the ring, has a background that axe can't see.
        const hard = ({ id }, { target }) =>
          id === "color-contrast" &&
          document.querySelector(target[0]).closest("#talk, #room-talk, #log, #attempts, #code, .ring-text");
        const list = (rules, but = () => false) =>
          rules.flatMap((rule) => rule.nodes.filter((node) => !but(rule, node)).map((node) => [rule.id, node.html]));
        return [
          ...(passes.length > 20 ? [] : ["nothing was looked at"]),
          ...list(violations),
          ...list(incomplete, hard),
        ].map((finding) => [state, ...finding]);
      },
      { rules: RULES, state },
    );
  }

  for (const [name, options] of [
    ["light", {}],
    ["dark", { colorScheme: "dark" }],
    ["narrow", NARROW],
    ["Chinese, dark, narrow", { ...NARROW, colorScheme: "dark", locale: "zh-CN" }],
  ]) {
    test(`axe-core finds nothing: ${name}`, async () => {
      page = await open(browser, gate, options);
      await facts(page);
      // Not as a script of the page, so that its policy stays as it is.
      await page.evaluate(AXE);
      assert.deepEqual(await findings("initial"), []);
      await getTicket(page);
      assert.deepEqual(await findings("with a ticket"), []);
      await connect(page);
      await talk(page, "hello");
      assert.deepEqual(await findings("connected"), []);
      await again(page);
      assert.deepEqual(await findings("refused"), []);
      await race(page);
      assert.deepEqual(await findings("after a race"), []);
      await cut(page);
      await page.check("[name=code][value=curl]", { force: true });
      await page.$eval("#facts", (one) => {
        one.open = true;
      });
      assert.deepEqual(await findings("after a cut, with curl's code, all of it unfolded"), []);
    });
  }

  test("axe-core finds nothing in a room, light, dark and narrow", async () => {
    const [front] = await startGates([
      {
        vars: { ...WITH_PAGE, TICKET_STORE: "memory", SESSION: "upstream" },
        behind: { at: 1, entrypoint: "Upstream" },
      },
      { main: "examples/upstream/index.js", objects: { ROOM: "Room" } },
    ]);
    try {
      for (const options of [{}, { colorScheme: "dark" }, { ...NARROW, locale: "zh-CN" }]) {
        await page?.context().close();
        page = await open(browser, front, options);
        await facts(page);
        await page.evaluate(AXE);
        assert.deepEqual(await findings("before a room"), []);
        await page.fill("#room-name", "a b");
        await page.press("#room-name", "Enter");
        await page.waitForSelector("#room-answer .notice.bad");
        assert.deepEqual(await findings("a strange name"), []);
        await page.fill("#room-name", "red");
        await page.press("#room-name", "Enter");
        await page.waitForSelector("#room-line[data-state=open]");
        await page.fill("#room-message", "hello");
        await page.press("#room-message", "Enter");
        await page.waitForSelector("#room-talk li.mine");
        assert.deepEqual(await findings("in a room"), []);
      }
    } finally {
      await front.close();
    }
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`axe-core finds nothing where something is wrong: ${colorScheme}`, async () => {
      const troubled = await startGate({ vars: { ...WITH_PAGE, TICKET_STORE: "memory" }, limits: { ISSUE_LIMIT: 1 } });
      const relay = await startRelay(troubled);
      try {
        page = await open(browser, relay, { colorScheme, expected: [/with a status of (429|500|401) /] });
        await facts(page);
        await page.evaluate(AXE);
        const limited = page.locator("#get-answer .notice.warn");
        while (!(await limited.isVisible())) {
          await Promise.all([page.waitForResponse(/\/ws-ticket$/), page.click("#get")]);
          await page.waitForTimeout(100);
        }
        assert.deepEqual(await findings("over a limit"), []);
        await troubled.redeploy({ IDENTITY: "jwt", JWT_SECRET: SECRET, TICKET_STORE: "durable,memory", PAGE: "on" });
        await page.reload();
        await facts(page);
        await page.evaluate(AXE);
        await page.click("#get");
        await page.waitForSelector("#get-answer .notice.bad");
        assert.deepEqual(await findings("without a login"), []);
        await troubled.redeploy({ TICKET_TTL_SECONDS: "0", BIND: "nothing" });
        await page.click("#race");
        await page.waitForSelector("#facts[data-status=misconfigured]");
        await page.waitForSelector("#race-answer .notice.bad");
        assert.deepEqual(await findings("misconfigured"), []);
      } finally {
        await relay.close();
        await troubled.close();
      }
    });
  }

  test("by keyboard alone: from the link that skips, through every step, with the focus always to be seen", async () => {
    page = await open(browser, gate);
    await facts(page);
    const press = (key) => page.keyboard.press(key);
    const focused = () =>
      page.evaluate(() => {
        const at = document.activeElement;
        const shown = getComputedStyle(at.matches("[type=radio]") ? at.parentElement : at);
        return { id: at.id || at.value || at.className, outline: shown.outlineStyle, width: shown.outlineWidth };
      });
    const order = [];
    const tab = async (key = "Tab") => {
      await press(key);
      const at = await focused();
      assert.deepEqual([at.outline, at.width], ["solid", "3px"], `${at.id} has the focus, and doesn't show it`);
      order.push(at.id);
      return at.id;
    };
    const tabTo = async (id) => {
      for (let step = 0; step < 20; step += 1) if ((await tab()) === id) return;
      assert.fail(`no way to ${id}: ${order.join(", ")}`);
    };

    assert.equal(await tab(), "skip");
    await press("Enter");
    assert.equal((await focused()).id, "steps");
    assert.equal(await tab(), "name");
    await page.keyboard.type("carol");
    assert.equal(await tab(), "room");
    await press("Enter");
    await page.waitForSelector(".ticket[data-state=fresh]");
    assert.equal(await tab(), "get");
    assert.equal(await tab(), "subprotocol");
    await press("ArrowRight");
    assert.equal((await focused()).id, "query");
    await tabTo("connect");
    await press("Space");
    await page.waitForSelector("#connection[data-state=open]");
    assert.match(plain(await page.innerText("#connection")), /carol · lobby/);
    // A button that can't be used now keeps the focus where it is.
    assert.equal((await focused()).id, "connect");
    await tabTo("again");
    await press("Enter");
    await page.waitForSelector("#connect-answer .notice.bad");
    await tabTo("message");
    await page.keyboard.type("hello");
    await press("Enter");
    await page.locator("#talk li:not(.mine)").waitFor();
    await tabTo("leave");
    await press("Enter");
    await page.waitForSelector("#connection[data-state=closed]");
    await tabTo("race");
    await press("Enter");
    await page.waitForSelector("#score b");
    assert.equal(await tab(), "client");
    await press("ArrowRight");
    await press("ArrowRight");
    assert.equal((await focused()).id, "curl");
    assert.match(await page.innerText("#code"), /curl/);
    await tabTo("log");
  });

  test("the language and what the gate says of itself are reached by keyboard, too", async () => {
    page = await open(browser, gate);
    await facts(page);
    const at = () =>
      page.evaluate(() => document.activeElement.id || document.activeElement.value || document.activeElement.tagName);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.equal(await at(), "en");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.getAttribute("html", "lang"), "zh-Hans");
    await page.keyboard.press("Tab");
    assert.equal(await at(), "SUMMARY");
    await page.keyboard.press("Enter");
    assert.equal(await page.isVisible("#facts-list"), false);
  });

  test("what happens is said once, in one place, and what runs down isn't said", async () => {
    page = await open(browser, gate);
    await facts(page);
    await page.evaluate(() => {
      globalThis.said = [];
      const say = document.getElementById("say");
      new MutationObserver(() => said.push(say.textContent)).observe(say, { childList: true });
    });
    const live = await page.$$eval("[aria-live], [role=status], [role=alert], [role=log]", (all) =>
      all.map(({ id }) => id),
    );
    assert.deepEqual(live, ["say"]);
    await getTicket(page);
    await connect(page);
    await talk(page, "hello");
    await race(page);
    const said = (await page.evaluate(() => globalThis.said)).map(plain);
    assert.deepEqual(said, [
      "You have a ticket. It lasts 300 seconds.",
      "Connecting …",
      "Connected as alice · lobby",
      "The gate says: hello",
      "50 connections race for one ticket.",
      "One connection was admitted, 49 were refused.",
    ]);
  });

  test("nothing moves for those who asked for that, but what shows time", async () => {
    page = await open(browser, gate, { reducedMotion: "reduce" });
    await getTicket(page);
    const moving = () =>
      page.evaluate(() =>
        document.getAnimations().map((one) => one.animationName ?? one.transitionProperty ?? one.effect.target.id),
      );
    assert.deepEqual(await moving(), ["ring"]);
    await connect(page);
    await page.click("#race");
    await page.waitForSelector(".cell[data-state=opening]");
    assert.deepEqual(await moving(), ["ring"]);
    await page.waitForSelector("#score b");
    assert.deepEqual(await moving(), ["ring"]);
  });

  test("what a finger has to hit is large enough", async () => {
    page = await open(browser, gate, NARROW);
    await facts(page);
    const small = await page.$$eval("button, summary, input:not([type=radio]), .choice label", (all) =>
      all
        .filter((one) => one.checkVisibility())
        .map((one) => [one.id || one.textContent, one.getBoundingClientRect()])
        .filter(([, { width, height }]) => width < 44 || height < 44)
        .map(([name, { width, height }]) => `${name}: ${width} × ${height}`),
    );
    assert.deepEqual(small, []);
  });
});
