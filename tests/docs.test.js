// The documents hang together: every link inside the project leads somewhere, and what is to be pasted is the same in both
// languages.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const read = (name) => readFileSync(path.join(ROOT, name), "utf8");
const markdown = (folder) =>
  readdirSync(path.join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join(folder, name));
const documents = [".", "docs", "docs/zh-CN", "client", "server"].flatMap(markdown);
const translated = markdown("docs/zh-CN");

/** A heading's anchor, as GitHub makes it. */
const slug = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\- _]/gu, "")
    .replaceAll(" ", "-");
const anchors = (text) => [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slug(heading));

/** The shell blocks, without comments, which are translated. */
function pasted(text) {
  const blocks = [...text.matchAll(/^```(?:sh|js)\n(.*?)^```/gms)].map(([, block]) => block);
  return blocks.map((block) => block.replace(/(^|\s)(#|\/\/) .*$/gm, "").replace(/[ \t]+$/gm, ""));
}

test("every link inside the project leads somewhere", () => {
  let links = 0;
  for (const document of documents) {
    const prose = read(document).replace(/^```.*?^```/gms, "");
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file, anchor] = target.split("#");
      const at = file === "" ? document : path.join(path.dirname(document), file);
      assert.ok(existsSync(path.join(ROOT, at)), `${document}: ${target} is not there`);
      if (anchor && at.endsWith(".md")) {
        assert.ok(anchors(read(at)).includes(decodeURIComponent(anchor)), `${document}: ${target} has no such heading`);
      }
      links += 1;
    }
  }
  assert.ok(links > 50, `only ${links} links were found`);
});

test("what is to be pasted is the same in both languages", () => {
  const pairs = translated.map((name) => [path.join("docs", path.basename(name)), name]);
  let blocks = 0;
  for (const [english, chinese] of [["README.md", "README.zh-CN.md"], ...pairs]) {
    assert.deepEqual(pasted(read(chinese)), pasted(read(english)), `${chinese} differs from ${english}`);
    blocks += pasted(read(english)).length;
  }
  assert.ok(blocks > 15, `only ${blocks} blocks were found`);
});

test("each document says where it is in the other language", () => {
  for (const chinese of translated) {
    const name = path.basename(chinese);
    assert.ok(read(chinese).includes(`[English](../${name})`), chinese);
    assert.ok(read(path.join("docs", name)).includes(`(zh-CN/${name})`), name);
  }
});
