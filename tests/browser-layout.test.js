// What is read first stands first, at every width; nothing is cut off, whatever people are called; on a phone the steps come before what
// the gate says of itself.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { launch, open } from "./support/chromium.js";
import { startGate } from "./support/harness.js";
import { again, connect, cut, facts, getTicket, race, talk, WITH_PAGE } from "./support/page.js";

const phone = (width) => ({ viewport: { width, height: 740 }, isMobile: true, hasTouch: true });
// 256 and 128 bytes are the most that the gate takes.
const NAMES = {
  "without a place to break": ["a-name-without-any-place-to-break-it-in-two".repeat(5), "r".repeat(128)],
  "of many words": [
    "Wolfeschlegelsteinhausenbergerdorff ".repeat(7).trim(),
    "a long room with very many words in it ".repeat(3).trim(),
  ],
  emoji: ["👩‍👩‍👧‍👦".repeat(10), "🏳️‍🌈".repeat(8)],
  "from right to left": ["مرحبا بالعالم ".repeat(9).trim(), "غرفة الانتظار ".repeat(4).trim()],
  Chinese: ["很长的名字".repeat(17), "等候室".repeat(14)],
};

describe("the page's layout", () => {
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
  const fresh = async (options) => {
    page = await open(browser, gate, options);
    await facts(page);
  };

  /** Whether the page scrolls sideways, and what is cut off at its sides. */
  const outside = () =>
    page.evaluate(() => {
      // What scrolls in itself, or ends in dots, may be as wide as it likes.
      const wide = [...document.querySelectorAll("body *")].filter((one) => {
        const { left, right, width } = one.getBoundingClientRect();
        return (
          width > 1 &&
          one.checkVisibility() &&
          !one.closest(".code > *, .ticket-room > *, .skip") &&
          (left < 0 || right > innerWidth)
        );
      });
      const scrolls = document.documentElement.scrollWidth > document.documentElement.clientWidth;
      return [innerWidth, scrolls, wide.map(({ id, className }) => id || className)];
    });

  test("the order of the document is the order on the screen, by rows, and the steps count up", async () => {
    await fresh();
    for (const width of [320, 360, 600, 800, 900, 1200, 1600]) {
      await page.setViewportSize({ width, height: 840 });
      const cards = await page.$$eval("main > section:not([hidden])", (all) =>
        all.map((one) => {
          const { left, top } = one.getBoundingClientRect();
          return { name: one.getAttribute("aria-labelledby"), left: Math.round(left), top: Math.round(top) };
        }),
      );
      const seen = cards.toSorted((a, b) => a.top - b.top || a.left - b.left);
      assert.deepEqual(
        seen.map(({ name }) => name),
        cards.map(({ name }) => name),
        `at ${width}`,
      );
      const steps = await page.locator("main .step").allInnerTexts();
      assert.deepEqual(steps, ["1", "2", "3", "4", "5"]);
    }
  });

  test("the focus goes through the page from above to below, and by rows", async () => {
    await fresh({ viewport: { width: 1200, height: 2400 } });
    let [row, stops] = [-1, 0];
    for (;;) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const card = document.activeElement.closest("main > section");
        return card && [...document.querySelectorAll("main > section:not([hidden])")].indexOf(card);
      });
      if (at === null && row >= 0) break;
      if (at === null) continue;
      assert.ok(at >= row, `from card ${row} back to ${at}`);
      row = at;
      stops += 1;
    }
    assert.equal(row, 5);
    assert.ok(stops > 15);
  });

  for (const locale of ["en-US", "zh-CN"]) {
    for (const width of [320, 360]) {
      test(`nothing is cut off or scrolls sideways: ${locale}, ${width} pixels`, async () => {
        await fresh({ locale, ...phone(width) });
        assert.deepEqual(await outside(), [width, false, []]);
        await getTicket(page);
        await connect(page);
        await talk(page, "w".repeat(200));
        await again(page);
        await cut(page);
        await race(page);
        await page.click("summary");
        for (const code of ["client", "browser", "curl"]) {
          await page.check(`[name=code][value=${code}]`, { force: true });
          assert.deepEqual(await outside(), [width, false, []], code);
        }
      });
    }
  }

  test("a ticket keeps its shape, whatever the name and the room", async () => {
    await fresh(phone(320));
    const height = (selector) => page.$eval(selector, (one) => one.getBoundingClientRect().height);
    for (const [kind, [name, room]] of Object.entries(NAMES)) {
      assert.ok(Buffer.byteLength(name) <= 256 && Buffer.byteLength(room) <= 128, kind);
      await page.fill("#name", name);
      await page.fill("#room", room);
      await getTicket(page);
      // The ticket has come out of the machine, and lies still.
      await page.$eval("#ticket", (one) => Promise.all(one.getAnimations().map(({ finished }) => finished)));
      assert.equal(await page.innerText("#get-answer"), "", kind);
      assert.deepEqual(await outside(), [320, false, []], kind);
      assert.ok((await height("#ticket")) <= 240, `${kind}: the ticket is ${await height("#ticket")} pixels high`);
      // Nothing in the body of the ticket reaches out of it, or lies over the next line.
      const rows = await page.$$eval(".ticket-body, .ticket-body > p", (all) =>
        all.map((one) => one.getBoundingClientRect()).map(({ top, bottom }) => ({ top, bottom })),
      );
      const [body, ...lines] = rows;
      for (const [index, { top, bottom }] of lines.entries()) {
        assert.ok(
          top >= (lines[index - 1]?.bottom ?? body.top) - 1 && bottom <= body.bottom + 1,
          `${kind}: line ${index}`,
        );
      }
      assert.deepEqual(
        [await page.getAttribute("#ticket-name", "title"), await page.getAttribute("#ticket-room", "title")],
        [name, room],
      );
    }
    await connect(page);
    assert.deepEqual(await outside(), [320, false, []]);
    assert.ok((await height("#connection")) < 60);
  });

  test("what people write has a direction of its own", async () => {
    await fresh();
    await page.fill("#name", "مرحبا");
    await getTicket(page);
    await connect(page);
    await talk(page, "שלום");
    const direction = (selector) => page.$eval(selector, (one) => getComputedStyle(one).direction);
    assert.equal(await direction("#ticket-name"), "rtl");
    assert.equal(await direction("#talk li.mine"), "rtl");
    assert.equal(await direction("#connection"), "ltr");
    assert.equal(await page.textContent("#connection-text"), "Connected as \u2068مرحبا\u2069 · \u2068lobby\u2069");
  });

  test("the heading breaks between its parts, and nowhere inside", async () => {
    await fresh();
    for (const language of ["en", "zh"]) {
      await page.check(`[name=language][value=${language}]`, { force: true });
      for (const width of [320, 360, 480, 700, 1000, 1200]) {
        await page.setViewportSize({ width, height: 840 });
        const lines = await page.$$eval(".phrase", (all) => all.map((one) => one.getClientRects().length));
        assert.deepEqual(lines, [1, 1], `${language}, ${width}`);
        assert.equal((await outside())[1], false, `${language}, ${width}`);
      }
    }
  });

  test("on a phone what the gate says of itself is one line, until somebody wants more", async () => {
    await fresh(phone(360));
    assert.equal(await page.innerText("summary"), "This gate is working");
    assert.equal(await page.isVisible("#facts-list"), false);
    await page.tap("summary");
    assert.equal(await page.isVisible("#facts-list"), true);
  });
});
