// docs/openapi.yaml is in order, and says what docs/protocol.md, src/http/problem.rs and public/_headers say.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { problems } from "../scripts/documents.js";
import { contract, document } from "./support/openapi.js";

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

/** `400 body_malformed`: what a refusal is known by. */
const codes = (names) => [...new Set(names)].sort();
const declaredCodes = codes(
  contract.declared.flatMap((name) => {
    const [, , status, code] = name.split(" ");
    return code === undefined ? [] : [`${status} ${code}`];
  }),
);

describe("the document", () => {
  test("has nothing wrong, by the rules of its lint", async () => {
    assert.deepEqual(await problems("openapi.yaml", read("docs/openapi.yaml")), []);
  });

  for (const [what, find, replace, said] of [
    ["a reference that leads nowhere", "responses/Running", "responses/Runing", /\$ref/],
    ["one that only an extension has", 'responses/Misconfigured" }', 'responses/Misc" }', /Misc is not there/],
    ["an example that isn't what it is an example of", "code: upgrade_required,", "code: upgrade,", /upgrade_required/],
    ["a name used twice", "operationId: healthHead", "operationId: health", /unique/],
    ["what is no YAML", "paths:", "paths: [", /sequence|map/],
    ["an exception that nothing needs any more", '"101":', '"200":', /operation-2xx-response/],
  ]) {
    test(`the lint finds ${what}, and the line`, async () => {
      const text = read("docs/openapi.yaml");
      const at = text.indexOf(find);
      const found = await problems("openapi.yaml", text.replace(find, replace));
      const named = found.filter(({ text }) => said.test(text));
      assert.ok(named.length > 0, JSON.stringify(found));
      const line = text.slice(0, at).split("\n").length;
      if (!/YAML|any more/.test(what))
        assert.ok(
          named.some((each) => Math.abs(each.line - line) < 25),
          `line ${line}`,
        );
    });
  }

  test("its version is the project's", () => {
    assert.equal(document().info.version, JSON.parse(read("package.json")).version);
  });

  test("each code has one status, and one example that says the same", () => {
    const { examples } = document().components;
    assert.deepEqual(
      codes(Object.entries(examples).map(([name, { value }]) => `${value.status} ${name}`)),
      declaredCodes,
    );
    for (const [name, { value }] of Object.entries(examples)) assert.equal(value.code, name);
  });

  test("the page has every header that public/_headers gives it", () => {
    const { responses } = document().components;
    const given = [...read("public/_headers").matchAll(/^ +([A-Za-z-]+):/gm)].map(([, name]) => name);
    assert.ok(given.length > 0);
    for (const name of ["Page", "PageUnchanged", "PageMoved"]) {
      for (const header of given) assert.ok(header in responses[name].headers, `${name}: ${header}`);
    }
  });

  test("headers by code are of codes that the answer can have", () => {
    for (const [name, { headers, content }] of Object.entries(document().components.responses)) {
      const possible = content?.["application/problem+json"]?.schema.properties.code.enum;
      for (const { "x-by-code": byCode } of Object.values(headers)) {
        for (const code of Object.keys(byCode ?? {})) assert.ok(possible.includes(code), `${name}: ${code}`);
      }
    }
  });
});

describe("one table of codes", () => {
  test("docs/protocol.md has it", () => {
    const text = read("docs/protocol.md");
    assert.match(text, /^\| status \| `code` \| when \| what the client does \| ticket burnt \|$/m);
    const rows = [...text.matchAll(/^\| (\d{3}) \| `([a-z_]+)` \|(?: [^|]*[^| ] \|){3}$/gm)];
    const names = rows.map(([, status, code]) => `${status} ${code}`);
    assert.equal(new Set(names).size, names.length, "a code stands there twice");
    assert.deepEqual(codes(names), declaredCodes);
  });

  test("src/http/problem.rs has it", () => {
    const row = /fn row\(self\).*?\n {4}\}\n/s.exec(read("src/http/problem.rs"))[0];
    const names = [...row.matchAll(/\(\s*(\d{3}),\s*"([a-z_]+)",/g)].map(([, status, code]) => `${status} ${code}`);
    assert.deepEqual(codes(names), declaredCodes);
  });
});
