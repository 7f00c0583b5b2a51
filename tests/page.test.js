// The page as it is served: its files and their headers, complete in both languages, nothing from elsewhere, nothing inline.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import en from "../public/page/en.js";
import zh from "../public/page/zh.js";
import { startGate } from "./support/harness.js";
import { WITH_PAGE } from "./support/page.js";

const PUBLIC = fileURLToPath(new URL("../public/", import.meta.url));
const files = readdirSync(PUBLIC, { recursive: true, withFileTypes: true })
  .filter((entry) => !entry.isDirectory() && entry.name !== "_headers")
  .map((entry) => path.relative(PUBLIC, path.join(entry.parentPath, entry.name)));
const read = (name) => readFileSync(path.join(PUBLIC, name), "utf8");
const html = read("index.html");

/** The texts that the document names: `[[attribute, key], …]`. */
const named = [...html.matchAll(/data-t(-[a-z-]+)?="([^"]+)"/g)].map(([, attribute, key]) => [attribute, key]);

describe("the page's files", () => {
  let gate;
  before(async () => {
    gate = await startGate({ vars: { ...WITH_PAGE, TICKET_STORE: "memory" } });
  });
  after(() => gate?.close());

  test("each is served as it is, with a policy that lets nothing in from elsewhere and nothing inline", async () => {
    assert.ok(files.length > 10);
    for (const name of files) {
      const route = name === "index.html" ? "/" : `/${name}`;
      const answer = await gate.request({ path: route });
      assert.equal(answer.status, 200, route);
      assert.ok(answer.body.equals(readFileSync(path.join(PUBLIC, name))), `${route} is another file`);
      const policy = answer.headers["content-security-policy"].split("; ").sort();
      assert.deepEqual(policy, [
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "img-src 'self'",
        "require-trusted-types-for 'script'",
        "script-src 'self'",
        "style-src 'self'",
        "trusted-types 'none'",
      ]);
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
      assert.equal(answer.headers["referrer-policy"], "no-referrer");
      assert.equal(answer.headers["cross-origin-opener-policy"], "same-origin");
      assert.match(answer.headers["content-type"], /^(text\/(html|css|javascript|plain)|image\/svg\+xml)/, route);
    }
  });

  test("what isn't there is no route", async () => {
    for (const route of ["/page/", "/_headers", "/../wrangler.jsonc", "/page/none.js"]) {
      assert.equal((await gate.request({ path: route })).status, 404, route);
    }
  });
});

test("the page is off in production, and on with PAGE=on", async () => {
  const production = { JWT_SECRET: "an-app-secret-of-thirty-two-byte" };
  const gate = await startGate({ vars: production });
  try {
    for (const name of ["/", "/page/page.js", "/ws-ticket-client.js", "/docs/client.txt"]) {
      assert.equal((await gate.request({ path: name })).status, 404, name);
    }
    await gate.redeploy({ PAGE: "on" });
    assert.equal((await gate.request({ path: "/" })).status, 200);
  } finally {
    await gate.close();
  }
});

test("the client on the page is the package's own file", () => {
  const shipped = fileURLToPath(new URL("../client/index.min.js", import.meta.url));
  assert.equal(realpathSync(path.join(PUBLIC, "ws-ticket-client.js")), realpathSync(shipped));
});

test("the documents on the page are the project's own files, under the names that their links have", () => {
  const links = [...html.matchAll(/href="docs\/([^"]+)\.txt">([^<]+)</g)].map(([, name, shown]) => [name, shown]);
  assert.equal(links.length, 3);
  const translated = ([name, shown]) => [`zh-CN/${name}`, shown.replace("docs/", "docs/zh-CN/")];
  for (const [name, shown] of [...links, ...links.slice(1).map(translated)]) {
    const own = fileURLToPath(new URL(`../${shown}`, import.meta.url));
    assert.equal(realpathSync(path.join(PUBLIC, "docs", `${name}.txt`)), realpathSync(own));
  }
});

test("no file names another host, and the document has neither script nor style of its own", () => {
  // The client is another package's, and the documents are to be read, not run. A comment may say where something is written.
  for (const name of files.filter((file) => file !== "ws-ticket-client.js" && !file.startsWith("docs/"))) {
    const elsewhere = read(name)
      .replaceAll("http://www.w3.org/2000/svg", "")
      .replaceAll(/^ *\/\/ .*$/gm, "")
      .match(/\b(?:https?|wss?):\/\/[^\s"'`)]+/);
    assert.equal(elsewhere, null, name);
  }
  assert.equal(html.match(/<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)/i), null);
  const sources = [...html.matchAll(/\s(?:src|href)="([^"]+)"/g)].map(([, source]) => source);
  for (const source of sources.filter((each) => each.startsWith("/"))) {
    assert.ok(existsSync(path.join(PUBLIC, source)), source);
  }
});

test("no module writes markup, and only the choice of a language is kept", () => {
  for (const name of files.filter((file) => file.startsWith("page/"))) {
    const markup = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/;
    const storage = /localStorage|sessionStorage|indexedDB|document\.cookie|\bcaches\b/;
    assert.equal(read(name).match(markup), null, name);
    const kept = read(name).replaceAll(/localStorage\.(getItem|setItem)\(KEPT\b/g, "");
    assert.equal(kept.match(storage), null, name);
    assert.equal(kept === read(name), name !== "page/i18n.js", name);
  }
});

test("English and Chinese have the same texts, with the same values in them", () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en));
  const values = (text) => [...text.matchAll(/\{\w+\}/g)].map(([value]) => value).sort();
  for (const [key, text] of Object.entries(en)) {
    assert.deepEqual(values(zh[key]), values(text), key);
    assert.ok(text.trim() !== "" && zh[key].trim() !== "", key);
  }
  const same = Object.keys(en).filter((key) => en[key] === zh[key]);
  assert.deepEqual(same, ["value.kv", "value.redis", "value.upstash"]);
});

test("every text that the document or a module names is there, and none is left over", () => {
  const used = new Set(named.map(([, key]) => key));
  const prefixes = ["value.", "status.", "fact.", "code.", "carriage."];
  for (const name of files.filter((file) => file.startsWith("page/") && !/(en|zh)\.js$/.test(file))) {
    for (const [, key] of read(name).matchAll(/"([a-z]+(?:\.[a-z-]+)+)"/g)) used.add(key);
  }
  for (const [, key] of named) assert.ok(key in en, key);
  const unused = Object.keys(en).filter((key) => !used.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)));
  assert.deepEqual(unused, []);
});

test("the English that stands in the document is the English of en.js", () => {
  const shown = [...html.matchAll(/<[a-z0-9]+[^>]*\sdata-t="([^"]+)"[^>]*>([^<]*)</g)];
  assert.equal(shown.length, named.filter(([attribute]) => attribute === undefined).length);
  for (const [, key, text] of shown) assert.equal(text.replaceAll(/\s+/g, " ").trim(), en[key].trim(), key);
});

test("every code of the gate's that a page can meet has words of its own, in both languages", () => {
  const codes = [
    ...readFileSync(new URL("../docs/protocol.md", import.meta.url), "utf8").matchAll(/^\| \d{3} \| `(\w+)` \|/gm),
  ];
  // What this page's own requests can't be: it sends them as they should be, and no script sees what an upgrade was answered.
  const never =
    /^(admin|monitor|request|preflight|handshake|subprotocol|ticket|redeem|original|carriage|fetch|logout|media|upgrade|method|not_found|body_too)/;
  const met = codes.map(([, code]) => code).filter((code) => !never.test(code));
  assert.ok(met.length > 10);
  for (const code of met) assert.ok(`code.${code}` in en, code);
});

test("sentences are short, and 短命 is no word for a ticket", () => {
  for (const [key, text] of Object.entries(en)) {
    for (const sentence of text.split(/[.?!:] /)) assert.ok(sentence.split(" ").length <= 22, `${key}: ${sentence}`);
  }
  for (const text of Object.values(zh)) assert.ok(!text.includes("短命"));
});
