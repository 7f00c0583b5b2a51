// `npm run check`: formatting and lints of Rust (host and wasm), JavaScript and the documents of the protocol. Runs all of them
// and then names those that failed. `npm run fix` (`--fix`) writes what a formatter or a linter can put right by itself.
import { main, run, Stop } from "./run.js";
import { setup } from "./setup.js";
import { npmTools } from "./tools.js";

// biome colours its output in CI even where nobody sees colours.
const colors = process.stdout.isTTY ? [] : ["--colors=off"];
const biome = (...args) => [npmTools.node, npmTools.biome, ...args, ...colors];
const clippy = (...args) => ["cargo", "clippy", "--locked", "--quiet", ...args, "--", "-D", "warnings"];
// As scripts/build.js compiles it: the macros of wasm-bindgen look at this.
const asBuilt = { WASM_BINDGEN_USE_JS_SYS: "1" };

const checks = [
  ["rustfmt", ["cargo", "fmt", "--all", "--check"]],
  ["clippy, host", clippy("--all-targets")],
  ["clippy, wasm", clippy("--target", "wasm32-unknown-unknown"), asBuilt],
  ["biome", biome("ci", "--error-on-warnings")],
  ["openapi, asyncapi", [npmTools.node, "scripts/openapi.js"]],
  ["costs in the documents", [npmTools.node, "scripts/cost-tables.js"]],
  ["client, minified", [npmTools.node, "scripts/client-min.js"]],
  ["client size", [npmTools.node, "scripts/client-size.js"]],
  ["client, publint", [npmTools.node, "node_modules/publint/src/cli.js", "--strict", "client"]],
  ["server, publint", [npmTools.node, "node_modules/publint/src/cli.js", "--strict", "server"]],
  ...["client", "server"].map((folder) => [
    `${folder}, attw`,
    [npmTools.node, "node_modules/@arethetypeswrong/cli/dist/index.js", "--pack", folder, "--profile", "esm-only"],
  ]),
];
const fixes = [
  ["rustfmt", ["cargo", "fmt", "--all"]],
  ["biome", biome("check", "--write", "--error-on-warnings")],
  ["costs in the documents", [npmTools.node, "scripts/cost-tables.js", "--write"]],
  ["client, minified", [npmTools.node, "scripts/client-min.js", "--write"]],
];

await main(async () => {
  await setup();
  const fix = process.argv.includes("--fix");
  const failed = [];
  for (const [name, [command, ...args], env] of fix ? fixes : checks) {
    console.log(`\n> ${name}`);
    if ((await run(command, args, { env, group: true })) !== 0) failed.push(name);
  }
  if (failed.length > 0) {
    throw new Stop(`failed: ${failed.join("; ")}${fix ? "" : " (`npm run fix` puts right what is only formatting)"}`);
  }
  console.log(fix ? "\nfix: done" : `\ncheck: all ${checks.length} passed`);
});
