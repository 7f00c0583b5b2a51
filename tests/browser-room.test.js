// The page where something stands behind the gate, in real Chromium: rooms of the bundled example, and what is said where there is no echo.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { launch, open } from "./support/chromium.js";
import { startGates } from "./support/harness.js";
import { connect, facts, getTicket, talk, until, WITH_PAGE } from "./support/page.js";
import { startUpstream } from "./support/upstream-server.js";

describe("the page in front of a server", () => {
  let gates;
  let browser;
  let upstream;
  let pages = [];
  before(async () => {
    upstream = await startUpstream();
    const vars = { ...WITH_PAGE, TICKET_STORE: "durable" };
    gates = await startGates([
      { vars: { ...vars, SESSION: "upstream" }, behind: { at: 1, entrypoint: "Upstream" } },
      { main: "examples/upstream/index.js", objects: { ROOM: "Room" } },
    ]);
    browser = await launch();
  });
  afterEach(async () => {
    for (const page of pages) {
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
    pages = [];
  });
  after(async () => {
    await browser?.close();
    await gates?.[0].close();
    await upstream?.close();
  });

  async function fresh(name, options) {
    const page = await open(browser, gates[0], options);
    pages.push(page);
    await facts(page);
    await page.fill("#name", name);
    return page;
  }
  async function enter(page, room) {
    await page.fill("#room-name", room);
    await page.press("#room-name", "Enter");
    await page.waitForSelector("#room-line[data-state=open]");
  }
  const lines = (page) =>
    page.$$eval("#room-talk li", (items) => items.map((item) => [...item.childNodes].map((n) => n.textContent)));
  const hears = (page, expected) =>
    until(
      async () => JSON.stringify(await lines(page)).includes(JSON.stringify(expected)),
      () => `${expected} was heard`,
    );

  test("two people meet in a room: who is there, what each says, who leaves", async () => {
    const alice = await fresh("alice");
    const bob = await fresh("张三");
    await enter(alice, "red");
    assert.match(await alice.innerText("#room-state"), /You are in .*red/);
    await enter(bob, "red");
    await hears(alice, ["\u2068张三\u2069 came in"]);
    assert.equal(await alice.innerText("#room-members"), "\u2068alice\u2069, \u2068张三\u2069");
    await bob.fill("#room-message", "hello <b>there</b>");
    await bob.press("#room-message", "Enter");
    await hears(alice, ["张三", "hello <b>there</b>"]);
    await hears(bob, ["张三", "hello <b>there</b>"]);
    assert.equal(await bob.inputValue("#room-message"), "");
    assert.equal(await bob.locator("#room-talk li.mine").count(), 1);
    assert.match(await alice.innerText("#say"), /张三.* says: hello/);
    await bob.click("#room-leave");
    await hears(alice, ["\u2068张三\u2069 left"]);
    await bob.waitForSelector("#room-line[data-state=closed]");
    assert.equal(await bob.innerText("#room-state"), "You are in no room");
    await bob.click("#room-enter");
    await bob.waitForSelector("#room-line[data-state=open]");
  });

  test("the echo is there beside it, with its welcome", async () => {
    const page = await fresh("alice");
    await enter(page, "blue");
    await getTicket(page);
    await connect(page, "query");
    await talk(page, "hello");
    assert.match(await page.innerText("#connection-text"), /alice/);
    assert.equal(await page.getAttribute("#room-line", "data-state"), "open");
  });

  test("a strange name asks for no ticket, and leads nowhere", async () => {
    const page = await fresh("alice");
    const asked = [];
    page.on("request", (request) => request.url().endsWith("/ws-ticket") && asked.push(request));
    for (const name of ["a b", "..", "a/b"]) {
      await page.fill("#room-name", name);
      await page.press("#room-name", "Enter");
      await page.waitForSelector("#room-answer .notice.bad");
    }
    assert.deepEqual(asked, []);
    await enter(page, "green");
    assert.equal(await page.locator("#room-answer .notice").count(), 0);
  });

  test("its card stands where the document has it, at every width", async () => {
    const page = await fresh("alice");
    for (const width of [320, 600, 900, 1200, 1600]) {
      await page.setViewportSize({ width, height: 840 });
      const cards = await page.$$eval("main > section", (all) =>
        all.map((one) => {
          const { left, top } = one.getBoundingClientRect();
          return { name: one.getAttribute("aria-labelledby"), left: Math.round(left), top: Math.round(top) };
        }),
      );
      assert.ok(cards.some(({ name }) => name === "rooms-heading"));
      const seen = cards.toSorted((a, b) => a.top - b.top || a.left - b.left);
      assert.deepEqual(seen, cards, `at ${width}`);
    }
  });

  test("in Chinese, and on a phone, by keyboard alone", async () => {
    const page = await fresh("李雷", { viewport: { width: 360, height: 740 } });
    await page.check("[name=language][value=zh]", { force: true });
    assert.equal(await page.innerText("#rooms-heading"), "在房间里碰面");
    await page.focus("#room-name");
    await page.fill("#room-name", "茶馆");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#room-line[data-state=open]");
    await page.focus("#room-message");
    await page.keyboard.type("你好");
    await page.keyboard.press("Enter");
    await hears(page, ["李雷", "你好"]);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wide, 0);
  });
});

describe("the page in front of other things", () => {
  let gates;
  let browser;
  let upstream;
  let page;
  before(async () => {
    upstream = await startUpstream();
    const vars = { ...WITH_PAGE, TICKET_STORE: "durable" };
    const behind = { SESSION: "upstream", UPSTREAM_URL: `ws://127.0.0.1:${upstream.port}/` };
    gates = await startGates([{ vars: { ...vars, ...behind } }]);
    browser = await launch();
  });
  afterEach(async () => {
    await page.context().close();
  });
  after(async () => {
    await browser?.close();
    await gates?.[0].close();
    await upstream?.close();
  });

  test("a server that says nothing first: the socket is open, and what it says is shown", async () => {
    page = await open(browser, gates[0]);
    await facts(page);
    await getTicket(page);
    await connect(page, "query");
    assert.equal(await page.innerText("#connection-text"), "Open");
    await talk(page, "hello");
    assert.deepEqual(page.faults, []);
  });

  test("a server without rooms: the page stays, and says nothing that it doesn't know", async () => {
    page = await open(browser, gates[0]);
    await facts(page);
    assert.equal(await page.isVisible("#rooms"), true);
    await page.press("#room-name", "Enter");
    // An echo, which isn't a room.
    await until(
      () => upstream.handshakes.some(({ url }) => url === "/room/lobby"),
      () => "the server was asked",
    );
    assert.notEqual(await page.getAttribute("#room-line", "data-state"), "open");
    await page.click("#room-leave");
    assert.deepEqual(page.faults, []);
  });
});
