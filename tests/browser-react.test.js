// The recipe for React in client/README.md, in an app of another origin than the gate's, under React's StrictMode in real Chromium: it
// mounts everything twice, and one socket lives.
import assert from "node:assert/strict";
import http from "node:http";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { launch, open } from "./support/chromium.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { rest, tickets } from "./support/in-page.js";
import { good, SECRET } from "./support/jwt.js";
import { until } from "./support/pace.js";
import { bundle } from "./support/recipe.js";

/** What an app adds to the recipe: a root, the number of mounts, and a way to unmount it and to mount it again. */
const ENTRY = `
import { StrictMode, useEffect as effect } from "react";
import { createRoot } from "react-dom/client";
globalThis.mounts = 0;
function Counted() {
  effect(() => { globalThis.mounts += 1; }, []);
  return <Chat />;
}
const root = createRoot(document.getElementById("root"));
globalThis.show = (key) => root.render(<StrictMode>{key && <Counted key={key} />}</StrictMode>);
globalThis.show("first");
function Room({ url, room, version, headers }) {
  const { status, send, reconnect } = useTicketSocket(url, {
    headers: headers ?? (async () => ({ Authorization: "Bearer " + (await token()) })),
    body: { room },
    onMessage: ({ data }) => globalThis.heard.push(version + " " + data),
  });
  Object.assign(globalThis, { send, reconnect });
  return <p role="status">{status}</p>;
}
globalThis.heard = [];
globalThis.room = (props) => root.render(<StrictMode><Room {...props} /></StrictMode>);
`;
const DOCUMENT =
  '<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/app.js"></script>';

describe("React's StrictMode", () => {
  let server;
  let app;
  let gate;
  let browser;
  let page;
  let script;
  before(async () => {
    server = http.createServer(({ url }, answer) => {
      answer.setHeader("Content-Type", url === "/app.js" ? "text/javascript" : "text/html");
      answer.end(url === "/app.js" ? script : DOCUMENT);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    app = { url: `http://127.0.0.1:${server.address().port}/` };
    const origin = new URL(app.url).origin;
    gate = await startGate({
      vars: { ...DEVELOPMENT, IDENTITY: "jwt", JWT_SECRET: SECRET, ALLOWED_ORIGINS: origin, TICKET_STORE: "memory" },
    });
    const at = new URL(gate.url).origin;
    script = await bundle("react.jsx", { gate: at, token: good("alice"), platform: "browser", entry: ENTRY });
    browser = await launch();
  });
  beforeEach(async () => {
    gate.forgetLines();
    page = await open(browser, app);
  });
  afterEach(async () => {
    const other = new URL(gate.url).host;
    assert.deepEqual(
      page.faults.filter((fault) => fault !== `a request to ${other}`),
      [],
    );
    await page.context().close();
  });
  after(async () => {
    await browser?.close();
    await gate?.close();
    server?.close();
  });

  const isOpen = () => page.locator("[role=status]", { hasText: /^open$/ }).waitFor();

  /** The sockets from a reload on. Of one that the page before it opened, Playwright would never say that it is closed. */
  async function openedAfterReload() {
    await isOpen();
    const sockets = [];
    page.on("websocket", (socket) => sockets.push(socket));
    await page.reload();
    return sockets;
  }

  test("mounts twice, asks for one ticket, opens one socket", async () => {
    const sockets = await openedAfterReload();
    await isOpen();
    assert.equal(await page.evaluate(() => globalThis.mounts), 2, "StrictMode mounts twice");
    await page.click("button");
    await page.locator("output", { hasText: "hello" }).waitFor();
    await rest(page, 1500);
    assert.equal(sockets.filter((socket) => !socket.isClosed()).length, 1);
    assert.equal(sockets.length, 1);
    const lines = (await page.textContent("output")).split("\n");
    assert.equal(lines.filter((line) => line.includes('"welcome"')).length, 1);
    assert.equal(lines.filter((line) => line === "hello").length, 1);
  });

  test("one ticket was issued for it, and one consumed", async () => {
    await isOpen();
    await rest(page, 1500);
    assert.deepEqual(tickets(gate), { issued: 1, consumed: 1, refused: 0 });
  });

  test("unmounted, none lives; mounted anew, one does, with a ticket of its own", async () => {
    const sockets = await openedAfterReload();
    await isOpen();
    gate.forgetLines();
    await page.evaluate(() => globalThis.show(null));
    await page.locator("[role=status]").waitFor({ state: "detached" });
    await until(() => sockets.every((socket) => socket.isClosed()), "the socket is closed");
    await rest(page, 1500);
    assert.equal(sockets.filter((socket) => !socket.isClosed()).length, 0);
    assert.deepEqual(tickets(gate), { issued: 0, consumed: 0, refused: 0 });
    await page.evaluate(() => globalThis.show("second"));
    await isOpen();
    await rest(page, 1500);
    await gate.eventually(({ event }) => event === "consumed");
    assert.equal(sockets.filter((socket) => !socket.isClosed()).length, 1);
    assert.deepEqual(tickets(gate), { issued: 1, consumed: 1, refused: 0 });
  });

  test("the hook: none without an address, the same one from rendering to rendering, another for another room", async () => {
    await isOpen();
    const url = new URL("/ws-ticket", gate.url).href;
    const show = (props) => page.evaluate((props) => globalThis.room(props), props);
    const heard = (text) => page.waitForFunction((text) => globalThis.heard.some((line) => line.includes(text)), text);
    await show({ url: null, room: "one", version: 1 });
    await page.locator("[role=status]", { hasText: /^closed$/ }).waitFor();
    const nobody = await page.evaluate(() => {
      try {
        globalThis.send("hello");
      } catch ({ name }) {
        return name;
      }
    });
    assert.equal(nobody, "InvalidStateError");
    gate.forgetLines();
    await show({ url, room: "one", version: 1 });
    await heard('1 {"type":"welcome"');
    await show({ url, room: "one", version: 2 });
    await page.evaluate(() => globalThis.send("hello"));
    await heard("2 hello");
    await gate.eventually(({ event }) => event === "consumed");
    assert.deepEqual(tickets(gate), { issued: 1, consumed: 1, refused: 0 });
    await show({ url, room: "two", version: 3 });
    await heard('"room":"two"');
    await gate.eventually(({ event }) => event === "consumed", 2);
    assert.deepEqual(tickets(gate), { issued: 2, consumed: 2, refused: 0 });
    const headers = { Authorization: `Bearer ${good("zoe")}` };
    await show({ url, room: "two", version: 4, headers });
    assert.equal(await page.textContent("[role=status]"), "open", "other headers are for the next attempt");
    await page.evaluate(() => globalThis.reconnect());
    await heard('"subject":"zoe"');
  });

  test("replaced by another in one step, one lives", async () => {
    const sockets = await openedAfterReload();
    await isOpen();
    gate.forgetLines();
    for (const key of ["a", "b", "c"]) await page.evaluate((key) => globalThis.show(key), key);
    await isOpen();
    await rest(page, 1500);
    await isOpen();
    await until(() => sockets.filter((socket) => !socket.isClosed()).length === 1, "one lives");
    const { issued, consumed, refused } = tickets(gate);
    assert.ok(issued >= 1 && issued <= 3 && consumed <= issued, `${issued} issued, ${consumed} consumed`);
    assert.equal(refused, 0);
    // Whoever is replaced while it connects closes its socket. That is as it should be, and Chromium remarks on it.
    const others = page.faults.filter((fault) => !/closed before the connection is established/.test(fault));
    page.faults.splice(0, page.faults.length, ...others);
  });
});
