// The shell blocks of README.md and docs/identity.md, cut out and run as they are written, in a fresh copy of the project, against
// real processes. What the paragraph above a block says that it prints, it must print, and nothing else.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { blocksOf, sitDown } from "./support/pasted.js";
import { TICKET } from "./support/tickets.js";

const read = (name) => blocksOf(readFileSync(new URL(`../${name}`, import.meta.url), "utf8"));
const readme = read("README.md");
const identity = read("docs/identity.md");

/** The lines that a paragraph says will be printed: "prints 101, then 401". */
function promised({ before }) {
  const [, codes] = /\bprints ((?:\d{3})(?:, then \d{3})*)/i.exec(before.replaceAll("\n", " ")) ?? [];
  return codes === undefined ? "" : `${codes.replaceAll(", then ", "\n")}\n`;
}

/** Pastes block after block; a block of JSON shows the form of what the one before it prints. */
async function paste(blocks) {
  const reader = await sitDown();
  try {
    for (const [index, block] of blocks.entries()) {
      if (block.language !== "sh") continue;
      const printed = await reader.paste(block.text);
      const next = blocks[index + 1];
      if (next?.language === "json") assertForm(JSON.parse(printed), JSON.parse(next.text));
      else assert.equal(printed, promised(block), block.text);
    }
  } finally {
    await reader.leave();
  }
}

function assertForm(printed, shown) {
  assert.deepEqual(Object.keys(printed), Object.keys(shown));
  assert.match(shown.ticket, TICKET);
  assert.match(printed.ticket, TICKET);
  assert.equal(printed.expires_in, shown.expires_in);
  assert.equal(printed.url.replace(/:\d+/, ":8787"), shown.url.replace(shown.ticket, printed.ticket));
}

describe("pasted", () => {
  test("README.md, Run it", async () => {
    const blocks = readme.filter(({ heading }) => heading === "Run it");
    // Of its first block, all but what would run this test again.
    const [first, ...others] = blocks;
    const text = first.text
      .split("\n")
      .filter((line) => !line.startsWith("npm test"))
      .join("\n");
    assert.match(text, /^npm run dev/);
    assert.ok(
      others.filter((block) => promised(block) !== "").length >= 1,
      "the README shows a ticket that is used twice",
    );
    await paste([{ ...first, text }, ...others]);
  });

  const shell = identity.filter(({ language }) => language === "sh");
  const functions = shell.filter(({ heading }) => heading === "Try it");
  const headings = [...new Set(shell.map(({ heading }) => heading))].filter((heading) => heading !== "Try it");

  for (const heading of headings) {
    test(`docs/identity.md, ${heading}`, async () => {
      const blocks = shell.filter((block) => block.heading === heading);
      assert.ok(
        blocks.some((block) => promised(block) === "101\n401\n"),
        "no socket is opened",
      );
      await paste([...functions, ...blocks]);
    });
  }

  test("docs/identity.md has a way to try every IDENTITY but dev, and every source of keys", () => {
    const all = shell.map(({ text }) => text).join("\n");
    for (const text of [
      "IDENTITY:jwt",
      "IDENTITY:access",
      "IDENTITY:forward",
      "JWT_JWKS_URL:",
      "JWT_PUBLIC_KEY:",
      "npm run -s token",
    ]) {
      assert.ok(all.includes(text), text);
    }
    assert.deepEqual(headings, [
      "A shared secret",
      "An identity provider",
      "Public keys",
      "Cloudflare Access",
      "A site with sessions",
    ]);
  });
});
