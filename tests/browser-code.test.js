// The code that the page gives away works as it stands: it is copied from the page and run.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, afterEach, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { snippet } from "../public/page/snippets.js";
import { launch, open } from "./support/chromium.js";
import { startGate } from "./support/harness.js";
import { good, SECRET } from "./support/jwt.js";
import { facts, until, WITH_PAGE } from "./support/page.js";

const run = promisify(execFile);
const JWT = { IDENTITY: "jwt", JWT_SECRET: SECRET };
const PLACEHOLDER = "the token of your login";

describe("the code on the page", () => {
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

  /** What the page copies. */
  async function copied(kind) {
    await page.check(`[name=code][value=${kind}]`, { force: true });
    await page.click("#copy");
    await page.waitForFunction(() => document.getElementById("copy").textContent === "Copied");
    assert.equal(await page.innerText("#say"), "Copied");
    return page.evaluate(() => navigator.clipboard.readText());
  }

  /** Runs code as a file beside the client would run, and waits for the echo; resolves to what it wrote to the console. */
  async function runs(kind, code) {
    const said = [];
    const hear = (message) => said.push(message.text());
    page.on("console", hear);
    await page.route(`**/app-${kind}.js`, (route) => route.fulfill({ contentType: "text/javascript", body: code }));
    await page.evaluate((kind) => import(`/app-${kind}.js`), kind);
    await until(() => said.includes("hello"), `an echo, after ${JSON.stringify(said)}`);
    page.off("console", hear);
    return said;
  }

  for (const [name, vars, token] of [
    ["anyone", {}, ""],
    ["people with a token", JWT, good("dora")],
    ["a ticket in a header only", { TICKET_CARRIAGE: "subprotocol" }, ""],
  ]) {
    test(`it works as it is copied: ${name}`, async () => {
      await gate.redeploy({ IDENTITY: "dev", JWT_SECRET: "", TICKET_CARRIAGE: "query,subprotocol", ...vars });
      page = await open(browser, gate, { permissions: ["clipboard-read", "clipboard-write"] });
      await facts(page);
      assert.equal(await page.isVisible("#code-token"), token !== "");
      const code = {};
      for (const kind of ["client", "browser", "curl"]) {
        code[kind] = await copied(kind);
        assert.ok(code[kind].includes(new URL(gate.url).origin), `${kind} has this gate's address`);
        assert.equal(code[kind].includes(PLACEHOLDER), token !== "", kind);
        code[kind] = code[kind].replace(PLACEHOLDER, token);
      }
      for (const kind of ["client", "browser"]) {
        const said = await runs(kind, code[kind]);
        const { subject, room } = JSON.parse(said.find((line) => line.includes('"welcome"')));
        assert.deepEqual([subject, room], [token === "" ? "alice" : "dora", "lobby"], kind);
      }
      const { stdout } = await run("bash", ["-c", code.curl]);
      assert.equal(stdout, "101\n401\n");
    });
  }

  test("where a browser forbids copying, the code is selected", async () => {
    page = await open(browser, gate);
    await facts(page);
    await page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new DOMException("denied", "NotAllowedError"));
    });
    await page.click("#copy");
    await page.waitForFunction(() => document.getElementById("copy").textContent.startsWith("Selected"));
    assert.equal(
      await page.evaluate(() => getSelection().toString().trim()),
      await page.evaluate(() => document.getElementById("code").textContent.trim()),
    );
  });

  test("the client and the documents are there to be read, from the gate itself", async () => {
    page = await open(browser, gate);
    await facts(page);
    const links = async () =>
      page.$$eval("#app-heading ~ * a", (all) => all.map((one) => [one.textContent, one.getAttribute("href")]));
    for (const language of ["en", "zh"]) {
      await page.check(`[name=language][value=${language}]`, { force: true });
      const found = await links();
      assert.deepEqual(
        found.map(([name]) => name),
        ["ws-ticket-client.js", "client/README.md", "docs/identity.md", "docs/operations.md"],
      );
      for (const [, href] of found) assert.equal((await gate.request({ path: `/${href}` })).status, 200, href);
      const folder = language === "zh" ? "docs/zh-CN" : "docs";
      assert.deepEqual([found[2][1], found[3][1]], [`${folder}/identity.txt`, `${folder}/operations.txt`]);
    }
  });
});

test("the code for logins that a browser brings, and for tickets bound to a cookie", () => {
  const origin = "https://gate.example.com";
  for (const identity of ["access", "forward"]) {
    for (const kind of ["client", "browser"])
      assert.match(snippet(kind, origin, { identity }), /credentials: "include"/);
  }
  const curl = (facts) => snippet("curl", origin, facts);
  // Both requests pass Access.
  assert.equal(curl({ identity: "access" }).match(/cf-access-token: \$token/g).length, 2);
  assert.match(curl({ identity: "forward" }), /Authorization: Bearer \$token/);
  assert.match(curl({ identity: "dev", bind: "cookie" }), /^cookie=.*Cookie: \$cookie/ms);
  assert.doesNotMatch(curl({ identity: "dev" }), /cookie/i);
});
