// What a person does on the page that the gate serves, and what is to be seen there.
import { DEVELOPMENT } from "./harness.js";

export { until } from "./pace.js";

/** Settings of a gate for development that serves its page, as it does without a word of it. */
export const WITH_PAGE = { ...DEVELOPMENT, PAGE: "" };

/** Presses *Get a ticket* and waits for it; resolves to the gate's answer. */
export async function getTicket(page) {
  const answered = page.waitForResponse((response) => response.url().endsWith("/ws-ticket"));
  await page.click("#get");
  const answer = await (await answered).json();
  await page.waitForSelector(".ticket[data-state=fresh]");
  return answer;
}

/** Presses *Connect* and waits for the welcome; resolves to the URL of the socket. */
export async function connect(page, carriage = "subprotocol") {
  await page.check(`[name=carriage][value=${carriage}]`, { force: true });
  const opened = page.waitForEvent("websocket");
  await page.click("#connect");
  await page.waitForSelector("#connection[data-state=open]");
  return new URL((await opened).url());
}

/** Sends a message and waits for its echo. */
export async function talk(page, text) {
  const before = await page.locator("#talk li:not(.mine)").count();
  await page.fill("#message", text);
  await page.press("#message", "Enter");
  await page.locator("#talk li:not(.mine)").nth(before).waitFor();
}

/** Presses *Use the same ticket again* and waits for the outcome; resolves to its text. */
export async function again(page) {
  await page.click("#again");
  const notice = page.locator("#connect-answer .notice.bad, #connect-answer .notice.warn");
  await notice.waitFor();
  return notice.innerText();
}

/** Presses *Cut the line* and waits for the next connection; resolves to the lines about connections and waits. */
export async function cut(page) {
  const before = await attempts(page);
  await page.click("#cut");
  // The line that was open becomes one that was lost; behind it a wait and the next attempt.
  await page.waitForFunction(
    (count) =>
      [...document.querySelectorAll("#attempts li")].slice(count + 1).some(({ dataset }) => dataset.state === "open"),
    before.length,
  );
  await page.waitForSelector("#connection[data-state=open]");
  return attempts(page);
}

/** The lines about connections and waits: `[{ state, text, tail, took }]`. */
export const attempts = (page) =>
  page.$$eval("#attempts li", (items) =>
    items.map(({ dataset, children }) => {
      const [text, tail, took] = [...children].map(({ textContent }) => textContent);
      return { state: dataset.state, text, tail, took };
    }),
  );

/** Presses *Start the race* and waits for the score; resolves to how many cells are in each state. */
export async function race(page) {
  await page.click("#race");
  await page.waitForSelector("#score b");
  return page.evaluate(() => {
    const count = {};
    for (const { dataset } of document.querySelectorAll("#grid .cell")) {
      count[dataset.state] = (count[dataset.state] ?? 0) + 1;
    }
    return count;
  });
}

/** The lines of the log: `[{ text, took }]`. */
export const logged = (page) =>
  page.$$eval("#log li", (items) =>
    items.map(({ children }) => ({ text: children[1].textContent, took: children[2].textContent })),
  );

/** The facts that the page shows, by name, in its words; on a small screen they are folded away. */
export async function facts(page) {
  await page.waitForSelector("[data-fact=store]", { state: "attached" });
  const entries = await page.$$eval("[data-fact]", (all) => all.map((one) => [one.dataset.fact, one.textContent]));
  return Object.fromEntries(entries);
}

/** Without the marks that keep the direction of one word from turning its neighbours. */
export const plain = (text) => text.replace(/[\u2066-\u2069]/g, "");
