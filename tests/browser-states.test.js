// The page at gates that are otherwise: other identities, carriages and bindings, limits that are reached, settings that are wrong, no
// network, no gate; light and dark.
import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { launch, open } from "./support/chromium.js";
import { startGate } from "./support/harness.js";
import { NO_WAY, rest } from "./support/in-page.js";
import { good, SECRET } from "./support/jwt.js";
import { inOneMinute } from "./support/pace.js";
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
  WITH_PAGE,
} from "./support/page.js";
import { startRelay } from "./support/relay.js";

const JWT = { ...WITH_PAGE, IDENTITY: "jwt", JWT_SECRET: SECRET, TICKET_STORE: "durable" };
const DEV = { ...WITH_PAGE, TICKET_STORE: "memory" };
/** What Chromium writes to the console about an answer that isn't good. */
const answered = (status) => new RegExp(`^Failed to load resource: the server responded with a status of ${status} `);

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
    assert.equal((await facts(page)).identity, "people with a token");
    assert.match(await page.innerText("#who"), /npm run -s token -- --sub alice/);
    assert.equal(await page.isVisible("#name"), false);
    await page.click("#get");
    await page.waitForSelector("#get-answer .notice");
    assert.match(await notice("get-answer"), /401 identity_missing/);
    await page.fill("#token", good("dora"));
    await page.click("#get");
    await page.waitForSelector(".ticket[data-state=fresh]");
    assert.equal(await page.innerText("#ticket-name"), "Your login");
    assert.equal(await page.innerText("#ticket-room"), "lobby");
    assert.equal(await page.innerText("#get-answer"), "", "an answer that is past is gone");
    await connect(page);
    assert.match(plain(await page.innerText("#connection")), /dora · lobby/);
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
    await rest(page, 1500);
    assert.equal(gate.events().filter(({ event }) => event === "refused").length, 1);
  });

  test("bound to a cookie, with keyed tickets, by subprotocol alone", async () => {
    const key = "a-ticket-key-of-thirty-two-bytes";
    await at({ vars: { ...DEV, BIND: "cookie", TICKET_KEY: key, TICKET_CARRIAGE: "subprotocol" } });
    const { bind, check, carriage } = await facts(page);
    assert.deepEqual([bind, check, carriage], ["the browser that got it", "is refused at once", "a header"]);
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
    assert.deepEqual([store, guarantee], ["Workers KV", "one socket, or more in a race"]);
    assert.equal(await page.innerText("#facts-status"), "This gate works, but it promises less");
    await connect(page);
    const { admitted = 0, refused = 0 } = await race(page);
    assert.equal(admitted + refused, 50);
    assert.ok(admitted >= 1);
  });

  /**
   * Does `work` while the address is over its limit of refused upgrades. The gate remembers that for ten seconds only: it is put there just
   * when the page is about to have its ticket, however long that took.
   */
  const overLimit = async (work) => {
    const { ticket } = await gate.issue();
    await page.route("**/ws-ticket", async (route) => {
      const response = await route.fetch();
      for (let i = 0; i < 5; i += 1) await gate.upgrade(`${ticket.slice(0, -1)}_`);
      await route.fulfill({ response });
    });
    return work().finally(() => page.unroute("**/ws-ticket"));
  };

  test("one ticket too many: how long to wait, running down, and no button that asks before", async () => {
    await at({ vars: DEV, limits: { ISSUE_LIMIT: 3 } }, { expected: [answered(429)] });
    await inOneMinute(async () => {
      await page.reload();
      await facts(page);
      // As another page of the same person's would.
      for (let i = 0; i < 3; i += 1) await gate.post({ sub: "alice" });
      const [answer] = await Promise.all([page.waitForResponse(/\/ws-ticket$/), page.click("#get")]);
      assert.equal(answer.status(), 429);
    });
    await page.waitForSelector("#get-answer .notice.warn");
    assert.match(await notice("get-answer"), /429 rate_limited/);
    const [, seconds] = /try again in (\d+) s/.exec(await notice("get-answer"));
    assert.ok(seconds <= 60);
    assert.match(await page.innerText("#say"), /429 rate_limited.*try again in \d+ s/);
    for (const id of ["get", "race", "connect"]) {
      assert.equal(await page.getAttribute(`#${id}`, "aria-disabled"), "true", id);
    }
    gate.forgetLines();
    await page.click("#get", { force: true });
    await page.click("#race", { force: true });
    await page.waitForFunction((seconds) => {
      const [, left] = /try again in (\d+) s/.exec(document.getElementById("get-answer").innerText) ?? [];
      return left <= seconds - 2;
    }, seconds);
    assert.deepEqual(gate.events(), []);
  });

  test("an address over the limit of refused upgrades: nobody wins, and the page finds out why", async () => {
    const expected = [answered(426), answered(429), /Unexpected response code: 429/];
    await at({ vars: DEV, limits: { REFUSAL_LIMIT: 3 } }, { expected });
    await inOneMinute(async () => {
      await page.reload();
      await facts(page);
      const { admitted = 0 } = await overLimit(() => race(page));
      assert.equal(admitted, 0);
      await page.waitForSelector("#race-answer .notice");
      assert.match(await notice("race-answer"), /429 rate_limited/);
    });
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
    assert.equal(await page.isVisible("#facts-list"), true);
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

  test("a gate that is gone is never said to have refused anything", async () => {
    await at({ vars: DEV }, { expected: NO_WAY });
    await facts(page);
    await connect(page);
    await gate.close();
    gate = undefined;
    // The socket that was open is lost; the client tries to come back.
    await page.waitForFunction(() => document.querySelectorAll("#attempts [data-state=failed]").length >= 2);
    await page.click("#leave");
    const text = await again(page);
    assert.match(text, /No answer from the gate/);
    assert.doesNotMatch(text, /refused|\b[45]\d\d\b/i);
    await page.waitForSelector("#facts[data-status=silent]");
    assert.match(await page.innerText("#facts-problems"), /npm run dev/);
    assert.equal(await page.isVisible("#facts-list"), false, "what it said before is no longer true");
    await page.click("#race");
    await page.waitForSelector("#race-answer .notice.bad");
    assert.match(await notice("race-answer"), /No answer from the gate/);
    const lines = (await logged(page)).map(({ text }) => text);
    assert.ok(lines.includes("Same ticket again: no socket") && lines.includes("No answer from the gate"));
    assert.deepEqual(
      lines.filter((line) => /refused/i.test(line)),
      [],
    );
    const waits = (await attempts(page)).filter(({ state }) => state === "waited");
    assert.ok(waits.length >= 2, "the waits between the attempts are shown");
  });

  test("a gate that goes during a race: what closed without an answer is not called refused", async () => {
    await at({ vars: DEV }, { expected: NO_WAY });
    await facts(page);
    // The ticket comes, and behind it the gate goes.
    await page.route("**/ws-ticket", async (route) => {
      const answer = await route.fetch();
      await gate.close();
      gate = undefined;
      await route.fulfill({ response: answer });
    });
    assert.deepEqual(await race(page), { silent: 50 });
    await page.waitForSelector("#race-answer .notice.bad");
    assert.match(await notice("race-answer"), /No answer from the gate/);
    assert.match(await page.innerText("#score"), /^0 admitted\s+50 without an answer/);
  });

  test("the same ticket again where settings are wrong, or the address is over its limit", async () => {
    // 426 is what `/ws` answers the page where the limit is not reached yet: the minute has just ended.
    const expected = [answered(426), answered(429), answered(500), /Unexpected response code: (429|500)/];
    await at({ vars: DEV, limits: { REFUSAL_LIMIT: 60 } }, { expected });
    await getTicket(page);
    await connect(page);
    await page.click("#leave");
    await page.waitForSelector("#connection[data-state=closed]");
    // The race takes 49 of 60, so that nobody is turned away in it. From it on the page thinks of limits.
    await race(page);
    const { ticket } = await gate.issue();
    await inOneMinute(async () => {
      // As another page behind this address would.
      for (let i = 0; i < 70; i += 1) await gate.upgrade(`${ticket.slice(0, -1)}_`);
      assert.match(await again(page), /Refused: 429 rate_limited/);
    });
    await gate.redeploy({ BIND: "nothing" });
    assert.match(await again(page), /Refused: 500 misconfigured/);
    await page.waitForSelector("#facts[data-status=misconfigured]");
  });

  test("upgrades over the limit while connecting: the page finds out why, and the client waits", async () => {
    await at(
      { vars: DEV, limits: { REFUSAL_LIMIT: 3 } },
      { expected: [answered(426), answered(429), /Unexpected response code: 429/] },
    );
    await inOneMinute(async () => {
      await page.reload();
      await facts(page);
      await overLimit(async () => {
        await page.click("#connect");
        await page.waitForSelector("#connect-answer .notice.warn, #connection[data-state=open]");
      });
      assert.equal(await page.isVisible("#connect-answer .notice.warn"), true);
    });
    assert.match(await notice("connect-answer"), /429 rate_limited/);
    // From here on it knows, and asks for no ticket.
    await page.waitForSelector("#attempts li:last-child[data-state=waiting]");
    gate.forgetLines();
    await rest(page, 2500);
    assert.deepEqual(gate.events(), []);
    await page.click("#leave");
    await page.waitForSelector("#connection[data-state=closed]");
  });

  test("something else that answers is not taken for the gate", async () => {
    await at({ vars: DEV }, { expected: [answered(502)] });
    await facts(page);
    for (const path of ["**/ws-ticket", "**/health"]) {
      await page.route(path, (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad</h1>" }));
    }
    await page.click("#get");
    await page.waitForSelector("#get-answer .notice.bad");
    assert.match(await notice("get-answer"), /Refused: 502 not_the_gate/);
    await page.waitForSelector("#facts[data-status=silent]");
    assert.match(await page.innerText("#facts-problems"), /status 502, not a gate/);
  });

  test("a login that redirects in front of the gate is said to be one, and nothing asks for ever", async () => {
    await at({ vars: DEV });
    await facts(page);
    let asked = 0;
    await page.route("**/ws-ticket", (route) => {
      asked += 1;
      return route.fulfill({ status: 302, headers: { Location: "https://login.invalid/" } });
    });
    await page.click("#connect");
    await page.waitForSelector("#connect-answer .notice.bad");
    assert.match(await notice("connect-answer"), /login page answered/);
    await page.waitForSelector("#connection[data-state=closed]");
    assert.equal(asked, 1);
  });

  test("a page that stays open works on after PAGE=off, as the gate's other routes do", async () => {
    await at({ vars: DEV }, { expected: NO_WAY });
    await facts(page);
    await connect(page);
    await gate.redeploy({ PAGE: "off" });
    assert.equal((await gate.request({ path: "/" })).status, 404);
    await page.waitForSelector("#attempts li:nth-child(n+3)[data-state=open]");
    await page.waitForSelector("#connection[data-state=open]");
    await cut(page);
    await talk(page, "still here");
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
});
