// What is wrong with the two documents that describe the protocol to machines, with lines. Both are held to Redocly's `recommended`
// rules with every warning an error, and the AsyncAPI document also to the official schema of its version. Nothing is fetched.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { createConfig, getLineColLocation, lintFromString, unescapePointerFragment } from "@redocly/openapi-core";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { isPair, LineCounter, parseDocument, visit } from "yaml";

const DOCS = fileURLToPath(new URL("../docs/", import.meta.url));

/** What the rules may say and we don't follow, and why. Whatever of this is no longer said is a problem of its own. */
const EXCEPTIONS = [
  // An upgrade has succeeded with 101, and with nothing else (RFC 6455 §4.2.2).
  ...["~1ws", "~1ws~1{below}"].map((path) => ({
    document: "openapi.yaml",
    rule: "operation-2xx-response",
    at: `#/paths/${path}/get/responses`,
    holds: () => true,
  })),
  {
    document: "openapi.yaml",
    rule: "no-unused-components",
    at: "#/components/responses/",
    // The rule doesn't look into extensions, and `x-otherwise` uses them.
    holds: (pointer, api) => JSON.stringify(extensions(api)).includes(`{"$ref":"${pointer}"}`),
  },
];

const extensions = (api) => Object.values(api.paths ?? {}).map((item) => item["x-otherwise"]);

/** Everything that is wrong with `text` as the document `name`: `[{ line, column, text }]`. */
export async function problems(name, text) {
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines });
  if (parsed.errors.length > 0) {
    return parsed.errors.map(({ linePos, message }) => ({
      line: linePos[0].line,
      column: linePos[0].col,
      text: message.split("\n")[0],
    }));
  }
  const found = await byRules(name, text, parsed.toJS());
  if (name === "asyncapi.yaml") found.push(...bySchema(parsed, lines));
  else found.push(...lostReferences(parsed, lines));
  return found.sort((a, b) => a.line - b.line || a.column - b.column);
}

async function byRules(name, text, api) {
  const config = await createConfig({ extends: ["recommended-strict"] });
  const said = await lintFromString({ source: text, absoluteRef: DOCS + name, config });
  const granted = new Set();
  const found = said.flatMap(({ ruleId, message, location: [location] }) => {
    const pointer = location.pointer ?? "#/";
    const exception = EXCEPTIONS.find(
      ({ document, rule, at, holds }) =>
        document === name && rule === ruleId && pointer.startsWith(at) && holds(pointer, api),
    );
    granted.add(exception);
    const { line, col } = getLineColLocation(location).start;
    return exception ? [] : [{ line, column: col, text: `${message} (${ruleId})` }];
  });
  const stale = EXCEPTIONS.filter((exception) => exception.document === name && !granted.has(exception));
  return [
    ...found,
    ...stale.map(({ rule, at }) => ({ line: 1, column: 1, text: `nothing breaks ${rule} at ${at} any more` })),
  ];
}

/** The references in extensions, where the rules don't look. */
function lostReferences(parsed, lines) {
  const found = [];
  visit(parsed, {
    Pair(_, { key, value }, path) {
      if (key.value !== "$ref" || !path.some((node) => isPair(node) && node.key.value.startsWith("x-"))) return;
      const target = value.value.replace(/^#\//, "").split("/").map(unescapePointerFragment);
      if (parsed.hasIn(target)) return;
      const { line, col } = lines.linePos(value.range[0]);
      found.push({ line, column: col, text: `${value.value} is not there` });
    },
  });
  return found;
}

let official;

function bySchema(parsed, lines) {
  if (official === undefined) {
    const schema = createRequire(import.meta.url)("@asyncapi/specs").schemas["3.0.0"];
    // The schema brings the meta-schema that it refers to, and has keywords of its own, which are annotations.
    const ajv = new Ajv({ meta: false, validateSchema: false, strict: false, allErrors: true });
    addFormats(ajv);
    official = ajv.compile(schema);
  }
  if (official(parsed.toJS())) return [];
  // What is wrong inside of an alternative says more than that none fits, or that it might have been a reference.
  const vague = ({ keyword, params }) =>
    ["if", "oneOf", "anyOf"].includes(keyword) || params.missingProperty === "$ref";
  const errors = official.errors.filter((error) => !vague(error));
  const told = (errors.length > 0 ? errors : official.errors).map(({ instancePath, message, params }) => {
    const path = instancePath.split("/").slice(1).map(unescapePointerFragment);
    const { line, col } = lines.linePos(start(parsed, path));
    const what = params.additionalProperty ?? params.allowedValues ?? params.allowedValue ?? "";
    return { line, column: col, text: `/${path.join("/")} ${message} ${what} (AsyncAPI 3.0.0)`.replace("  ", " ") };
  });
  return [...new Map(told.map((each) => [each.text, each])).values()];
}

/** Where the node at a path begins. */
function start(parsed, path) {
  const node = parsed.getIn(path, true);
  return node?.range?.[0] ?? 0;
}
