// Every setting, code and event that the documents name is in the source, and the other way round, in both languages.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
const under = (folder) =>
  readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: true })
    .filter((name) => name.endsWith(".rs") && !/(^|\/)tests(\.rs|\/)/.test(name))
    // What stands behind it are tests.
    .map((name) => read(`${folder}/${name}`).split("#[cfg(test)]\nmod tests")[0])
    .join("\n");
const all = (text, pattern) => new Set([...text.matchAll(pattern)].map(([, name]) => name));
const sorted = (names) => [...names].sort();

/** What stands in backquotes in a table's first cells. */
const named = (text, pattern) =>
  new Set(
    [...text.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name).filter((name) => pattern.test(name)),
    ),
  );
const part = (text, heading) => text.split(new RegExp(`^## ${heading}$`, "m"))[1].split(/^## /m)[0];

/** Names of settings are in capitals, and so are these, which are none. */
const NO_SETTING = /^(HS|RS|PS|ES|ESP)\d+K?$|^(A|AR|AQAB|A{4,}|JWT|KV|OKP|PRIVATE|PUBLIC|RSA|RS1)$/;
const SETTINGS = sorted(
  [...all(`${under("src/config")}${read("src/config.rs")}`, /"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"/g)].filter(
    (name) => !NO_SETTING.test(name),
  ),
);

for (const language of ["", "zh-CN/"]) {
  test(`docs/${language}configuration.md has each setting, and no other`, () => {
    assert.ok(SETTINGS.length > 50, String(SETTINGS.length));
    assert.deepEqual(sorted(named(read(`docs/${language}configuration.md`), /^[A-Z][A-Z0-9_]*$/)), SETTINGS);
  });
}

test("wrangler.jsonc has each of them, or says where it belongs", () => {
  const text = read("wrangler.jsonc");
  for (const name of SETTINGS) assert.ok(new RegExp(`\\b${name}\\b`).test(text), name);
});

test("docs/protocol.md has each code that a refusal can have, and no other", () => {
  const problems = read("src/http/problem.rs").split("#[cfg(test)]\nmod tests")[0];
  const codes = all(problems, /\(\s*\d{3},\s*"(\w+)"/g);
  assert.ok(codes.size > 40, String(codes.size));
  const listed = all(read("docs/protocol.md"), /^\| \d{3} \| `(\w+)` \|/gm);
  assert.deepEqual(sorted(listed), sorted(codes));
});

for (const [file, heading] of [
  ["docs/operations.md", "What it logs"],
  ["docs/zh-CN/operations.md", "日志内容"],
]) {
  test(`${file} has each event, and no other`, () => {
    const line = /enum Line<'a> \{(.*?)^\}/ms.exec(read("core/src/telemetry/line.rs"))[1];
    const snake = (name) => name.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
    const events = [...all(line, /^ {4}([A-Z]\w+) \{/gm)].map(snake);
    assert.ok(events.length > 12, String(events.length));
    const table = part(read(file), heading).split(/^\| `(?:reason|code)/m)[0];
    assert.deepEqual(
      sorted(named(table, /^[a-z_]+$/)).filter((name) => name !== "event"),
      sorted(events),
    );
  });
}

for (const file of ["docs/operations.md", "docs/zh-CN/operations.md"]) {
  test(`${file} has each metric, and no other`, () => {
    const source = read("src/objects/monitor/metrics.js");
    const metrics = [...all(source, /"([a-z]+(?:_[a-z]+)+)"/g)].filter((name) => /_(total|seconds|info)$/.test(name));
    assert.ok(metrics.length > 15, String(metrics.length));
    const listed = named(read(file), /^ws_ticket_/);
    assert.deepEqual(sorted(listed), sorted(metrics.map((name) => `ws_ticket_${name}`)));
  });
}
