// English and Chinese: whichever the browser names first, until somebody chooses. A choice is kept, and changes all that stands on the
// page already, without taking anything from it.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { launch, open } from "./support/chromium.js";
import { startGate } from "./support/harness.js";
import { again, attempts, connect, cut, facts, getTicket, race, talk, WITH_PAGE } from "./support/page.js";

const CHINESE = /\p{Script=Han}/u;

describe("the page's language", () => {
  let gate;
  let browser;
  let page;
  before(async () => {
    gate = await startGate({ vars: { ...WITH_PAGE, TICKET_STORE: "durable" } });
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
  const choose = (language) => page.check(`[name=language][value=${language}]`, { force: true });
  const heading = async () => [
    await page.getAttribute("html", "lang"),
    await page.innerText("h1"),
    await page.title(),
    await page.isChecked("[name=language][value=zh]"),
  ];
  const EN = ["en", "One ticket, one WebSocket.", "ws-ticket: one ticket, one WebSocket", false];
  const ZH = ["zh-Hans", "一张票，一个 WebSocket。", "ws-ticket：一张票，一个 WebSocket", true];

  for (const [locale, expected] of [
    ["zh-CN", ZH],
    ["zh-TW", ZH],
    ["en-GB", EN],
    ["de-DE", EN],
  ]) {
    test(`${locale}: ${expected[0]}`, async () => {
      page = await open(browser, gate, { locale });
      await facts(page);
      assert.deepEqual(await heading(), expected);
    });
  }

  test("a choice is kept, and is all that is kept", async () => {
    page = await open(browser, gate);
    await choose("zh");
    assert.deepEqual(await heading(), ZH);
    await page.reload();
    await facts(page);
    assert.deepEqual(await heading(), ZH);
    assert.deepEqual(await page.evaluate(() => ({ ...localStorage })), { "ws-ticket.language": "zh" });
    await choose("en");
    await page.reload();
    assert.deepEqual(await heading(), EN);
  });

  test("what was stored by somebody else, or can't be, does no harm", async () => {
    page = await open(browser, gate);
    await page.evaluate(() => localStorage.setItem("ws-ticket.language", "__proto__"));
    await page.reload();
    await facts(page);
    assert.deepEqual(await heading(), EN);
    await page.addInitScript(() => {
      Object.defineProperty(globalThis, "localStorage", {
        get: () => {
          throw new DOMException("denied", "SecurityError");
        },
      });
    });
    await page.reload();
    await facts(page);
    await choose("zh");
    assert.deepEqual(await heading(), ZH);
  });

  test("a change reaches everything on the page, and leaves ticket, socket and messages as they are", async () => {
    page = await open(browser, gate);
    await facts(page);
    await connect(page);
    await talk(page, "hello");
    await again(page);
    await cut(page);
    await race(page);
    const before = { attempts: await attempts(page), masked: await page.innerText("#ticket-text") };
    /** What a reader sees, without code, names of settings and what people wrote. */
    const words = () =>
      page.evaluate(() => {
        const but = "#say, #code, code, #language, #talk li, #ticket-text, [data-document], .brand, .tail, input";
        const own = (one) => [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data);
        return [...document.querySelectorAll("body *")]
          .filter((one) => one.checkVisibility() && !one.closest(but))
          .flatMap(own)
          .map((text) => text.trim())
          .filter((text) => /\p{L}/u.test(text));
      });
    assert.deepEqual(
      (await words()).filter((text) => CHINESE.test(text)),
      [],
    );
    await choose("zh");
    const KNOWN = /^(alice|lobby|Durable Object|ws-ticket-client\.js|curl|Redis)$/;
    assert.deepEqual(
      (await words()).filter((text) => !CHINESE.test(text) && !KNOWN.test(text)),
      [],
    );
    assert.match(await page.getAttribute("#grid", "aria-label"), CHINESE);
    assert.match(await page.getAttribute("#message", "placeholder"), CHINESE);
    assert.deepEqual(await page.locator("#talk li.mine").allInnerTexts(), ["hello"]);
    assert.equal(await page.innerText("#ticket-text"), before.masked);
    assert.deepEqual(
      (await attempts(page)).map(({ state, tail }) => [state, tail]),
      before.attempts.map(({ state, tail }) => [state, tail]),
    );
    await talk(page, "你好");
    await choose("en");
    assert.deepEqual(
      (await words()).filter((text) => CHINESE.test(text)),
      [],
    );
  });

  test("there is one clock: the ticket's and the log's times are written alike, in both languages", async () => {
    page = await open(browser, gate, { locale: "en-US", timezoneId: "Asia/Shanghai" });
    await facts(page);
    await connect(page);
    for (const language of ["en", "zh"]) {
      await choose(language);
      const [note] = (await page.innerText("#ticket-note")).match(/\d\d:\d\d:\d\d/);
      const opened = await page.$$eval("#log li", (all) => all.map((one) => one.firstChild.textContent));
      for (const time of opened) assert.match(time, /^([01]\d|2[0-3]):\d\d:\d\d\.\d{3}$/);
      assert.ok(
        opened.some((time) => time.startsWith(note)),
        `${note} is none of ${opened.join(", ")}`,
      );
      assert.doesNotMatch(await page.innerText("main"), /\d\s?[AP]M|[上下]午/);
    }
  });

  test("a ticket's expiry is told in the language of the moment", async () => {
    page = await open(browser, gate);
    await facts(page);
    await getTicket(page);
    await choose("zh");
    assert.match(await page.innerText("#ticket-note"), /300 秒内有效/);
    assert.equal(await page.innerText("#ring-unit"), "剩余");
    assert.match(await page.innerText("#ticket-name"), /alice/);
  });
});
