// The page does what it says, in real Chromium: every button of it, and what becomes of the ticket meanwhile.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { launch, open } from "./support/chromium.js";
import { startGate } from "./support/harness.js";
import {
  again,
  attempts,
  connect,
  cut,
  facts,
  getTicket,
  logged,
  plain,
  race,
  talk,
  until,
  WITH_PAGE,
} from "./support/page.js";
import { parts } from "./support/tickets.js";

describe("the page", () => {
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
  const fresh = async (options) => {
    gate.forgetLines();
    page = await open(browser, gate, options);
  };
  const refusals = () => gate.events().filter(({ event, route }) => event === "refused" && route === "ws");

  test("shows what /health says, in plain words", async () => {
    await fresh();
    const shown = await facts(page);
    const { store, version } = await gate.health();
    assert.deepEqual(shown, {
      store: "a Durable Object",
      guarantee: "one socket",
      reach: "everywhere",
      identity: "anyone, to try it",
      session: "an echo, to try it",
      carriage: "the URL or a header",
      bind: "the site that got it",
      check: "is looked up first",
      limits: "tickets, refused sockets",
    });
    assert.equal(await page.getAttribute("[data-fact=store]", "data-value"), store);
    assert.equal(await page.innerText("#version"), `v${version}`);
    assert.equal(await page.innerText("#facts-status"), "This gate is working");
    assert.equal(await page.isVisible("#facts-list"), true);
  });

  test("gets a ticket for a name and a room, and shows it masked", async () => {
    await fresh();
    await page.fill("#name", "bob");
    await page.fill("#room", "cellar");
    const { ticket, expires_in } = await getTicket(page);
    assert.equal(await page.innerText("#ticket-name"), "bob");
    assert.equal(await page.innerText("#ticket-room"), "cellar");
    const masked = await page.innerText("#ticket-text");
    assert.match(masked, /^wst_[a-z0-9]+_•+.{4}$/);
    assert.ok(ticket.endsWith(masked.slice(-4)));
    assert.match(await page.innerText("#ticket-note"), new RegExp(`lasts ${expires_in} s`));
    await connect(page);
    assert.match(plain(await page.innerText("#connection")), /bob · cellar/);
  });

  test("the life of a ticket runs down as a ring, and in figures", async () => {
    await fresh();
    await getTicket(page);
    const ring = () => page.$eval("#ring", (one) => Number.parseFloat(getComputedStyle(one).strokeDashoffset));
    const left = async () => {
      const [, minutes, seconds] = /^(\d+):(\d\d)$/.exec(await page.innerText("#ring-value"));
      return Number(minutes) * 60 + Number(seconds);
    };
    const [first, figures] = [await ring(), await left()];
    assert.ok(first < 5 && figures > 290 && figures <= 300, `${first} % gone, ${figures} s left`);
    await until(async () => (await left()) < figures, "a second passes");
    const second = await ring();
    assert.ok(second > first && second < 10, `from ${first} % to ${second} %`);
  });

  for (const carriage of ["subprotocol", "query"]) {
    test(`connects by ${carriage}, talks, and leaves`, async () => {
      await fresh();
      const { ticket } = await getTicket(page);
      const url = await connect(page, carriage);
      assert.equal(url.searchParams.get("ticket"), carriage === "query" ? ticket : null);
      assert.equal(await page.getAttribute("#ticket", "data-state"), "used");
      await talk(page, "hello");
      await talk(page, "再见 <b>🦊</b>");
      assert.deepEqual(await page.locator("#talk li.mine").allInnerTexts(), ["hello", "再见 <b>🦊</b>"]);
      const echoes = await page.$$eval("#talk li:not(.mine)", (all) => all.map((one) => one.firstChild.textContent));
      assert.deepEqual(echoes, ["hello", "再见 <b>🦊</b>"]);
      await page.click("#leave");
      await page.waitForSelector("#connection[data-state=closed]");
      assert.match(await page.innerText("#connection"), /Closed \(1000\)/);
      assert.equal((await gate.eventually(({ event }) => event === "consumed")).length, 1);
    });
  }

  test("connecting without a ticket gets one first", async () => {
    await fresh();
    await connect(page);
    const events = gate.events().map(({ event }) => event);
    assert.equal(events.filter((event) => event === "issued").length, 1);
    assert.equal(await page.getAttribute("#ticket", "data-state"), "used");
  });

  test("the same ticket again is refused: the page says so, and shows no status that no script can see", async () => {
    await fresh();
    await getTicket(page);
    assert.equal(await page.getAttribute("#again", "aria-disabled"), "true");
    await connect(page);
    const text = await again(page);
    assert.match(text, /The gate refused it/);
    assert.match(text, /One ticket opens one socket/);
    assert.match(text, /close code 1006/);
    assert.doesNotMatch(text, /\b[45]\d\d\b|ticket_refused/);
    assert.equal(page.refused, 1);
    assert.deepEqual(
      refusals().map(({ reason, status }) => [reason, status]),
      [["used", 401]],
    );
    // The socket that it opened goes on.
    await talk(page, "still here");
  });

  test("a line that is cut comes back with a fresh ticket, and the page shows each attempt and each wait", async () => {
    await fresh();
    assert.equal(await page.getAttribute("#cut", "aria-disabled"), "true");
    await connect(page);
    const [first] = await attempts(page);
    assert.deepEqual([first.state, first.text], ["open", "Connection 1 is open"]);
    await cut(page);
    const lines = await cut(page);
    assert.deepEqual(
      lines.map(({ state, text }) => [state, text]),
      [
        ["lost", "Connection 1 was lost (4000)"],
        ["waited", "The client waited"],
        ["lost", "Connection 2 was lost (4000)"],
        ["waited", "The client waited"],
        ["open", "Connection 3 is open"],
      ],
    );
    for (const { took } of lines) assert.match(took, /^[\d.,]+ m?s$/);
    // Each with a ticket of its own: what is shown of them are their last characters.
    const tails = lines.filter(({ tail }) => tail !== "").map(({ tail }) => tail);
    assert.equal(tails.length, 3);
    assert.equal(new Set(tails).size, 3, `tickets ${tails.join(", ")}`);
    assert.equal(`…${(await page.innerText("#ticket-text")).slice(-4)}`, tails[2]);
    const consumed = await gate.eventually(({ event }) => event === "consumed", 3);
    assert.equal(new Set(consumed.map(({ ticket_id }) => ticket_id)).size, 3);
    assert.equal(refusals().length, 0);
    await talk(page, "back again");
    await page.click("#leave");
    await page.waitForSelector("#connection[data-state=closed]");
    assert.equal((await attempts(page)).at(-1).text, "Connection 3 was closed (1000)");
    assert.equal(await page.getAttribute("#cut", "aria-disabled"), "true");
  });

  test("of 50 connections that race for a ticket exactly one turns green", async () => {
    await fresh();
    await getTicket(page);
    assert.deepEqual(await race(page), { admitted: 1, refused: 49 });
    assert.match(await page.innerText("#score"), /^1 admitted\s+49 refused\s+in [\d.]+ m?s$/);
    assert.match(await page.getAttribute("#grid", "aria-label"), /: 1 admitted, 49 refused, 0 without an answer$/);
    assert.equal(page.refused, 49);
    await gate.eventually(({ event }) => event === "refused", 49);
    assert.equal(gate.events().filter(({ event }) => event === "consumed").length, 1);
    assert.ok(refusals().every(({ reason }) => reason === "used"));
    // It took a ticket of its own.
    assert.equal(await page.getAttribute("#ticket", "data-state"), "fresh");
    // Exactly one is green to the eye, too.
    const colours = await page.$$eval(".cell", (all) => all.map((one) => getComputedStyle(one).backgroundColor));
    const [winner] = await page.$$eval(".cell[data-state=admitted]", (all) =>
      all.map((one) => getComputedStyle(one).backgroundColor),
    );
    const [red, green, blue] = winner.match(/\d+/g).map(Number);
    assert.ok(green > red && green > blue, winner);
    assert.equal(colours.filter((colour) => colour === winner).length, 1);
  });

  test("a second race begins from an empty grid", async () => {
    await fresh();
    assert.deepEqual(await race(page), { admitted: 1, refused: 49 });
    await page.click("#race");
    await page.waitForSelector(".cell[data-state=opening]");
    assert.equal(await page.getAttribute("#race", "aria-disabled"), "true");
    await page.waitForSelector("#score b");
    assert.equal(await page.locator(".cell[data-state=admitted]").count(), 1);
    assert.equal(page.refused, 98);
  });

  test("the log has every step in its order, with the time that it took, and no ticket", async () => {
    await fresh();
    const answer = await getTicket(page);
    await connect(page, "query");
    await talk(page, "hello");
    await again(page);
    const lines = await logged(page);
    const expected = [
      [/^This gate keeps tickets in a Durable Object$/, false],
      [/^Got a ticket for 300 s$/, true],
      [/^Socket open, ticket used \(the URL\)$/, true],
      [/^The gate says welcome, session [0-9a-f]{8}…$/, false],
      [/^Echo of 5 characters$/, true],
      [/^Same ticket again: refused \(1006\)$/, true],
    ];
    assert.equal(lines.length, expected.length);
    for (const [index, [pattern, timed]] of expected.entries()) {
      assert.match(lines[index].text, pattern);
      assert.match(lines[index].took, timed ? /^[\d.,]+ m?s$/ : /^$/);
    }
    // All but the last four characters, which are shown.
    const secret = parts(answer.ticket).secret.slice(0, -4);
    assert.ok(!(await page.content()).includes(secret), "the ticket stands in the document");
  });

  test("nothing is stored", async () => {
    await fresh();
    await getTicket(page);
    await connect(page);
    const stored = await page.evaluate(async () => ({
      local: localStorage.length,
      session: sessionStorage.length,
      databases: (await indexedDB.databases()).length,
      caches: globalThis.caches ? (await caches.keys()).length : 0,
      cookie: document.cookie,
      history: history.state,
      url: location.href,
    }));
    const url = gate.url.href;
    assert.deepEqual(stored, { local: 0, session: 0, databases: 0, caches: 0, cookie: "", history: null, url });
    assert.deepEqual(await page.context().cookies(), []);
  });
});

test("a ticket expires on the page when it does at the gate", async () => {
  const gate = await startGate({ vars: { ...WITH_PAGE, TICKET_STORE: "memory", TICKET_TTL_SECONDS: "2" } });
  const browser = await launch();
  try {
    const page = await open(browser, gate);
    await getTicket(page);
    assert.equal(await page.innerText("#ring-unit"), "s left");
    await page.waitForSelector(".ticket[data-state=expired]");
    assert.equal(await page.innerText("#ring-unit"), "expired");
    assert.match(await page.innerText("#say"), /expired/);
    // Connecting asks for another.
    await connect(page);
    assert.equal(gate.events().filter(({ event }) => event === "issued").length, 2);
    assert.deepEqual(page.faults, []);
  } finally {
    await browser.close();
    await gate.close();
  }
});
