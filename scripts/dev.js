// `npm run dev`: the gate on http://localhost:8787, from nothing but a clone. wrangler builds it (scripts/build.js), serves it
// in workerd, and does both again when a file in src/ changes. Further arguments go to `wrangler dev`.
// Behind it stands examples/upstream, so that the page has rooms, unless something else is configured.
// (`exec` in package.json takes npm's shell out of the way, which keeps a SIGINT from npm to itself.)
import { existsSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main, run } from "./run.js";
import { setup } from "./setup.js";
import { npmTools, root } from "./tools.js";

const CONFIG = "wrangler.jsonc";
/** The same with a binding to the example, which a deploy must not have: the Worker isn't there. */
const WITH_EXAMPLE = "wrangler.dev.json";
const EXAMPLE = "examples/upstream/wrangler.jsonc";
const SERVICE = { binding: "UPSTREAM", service: "ws-ticket-upstream", entrypoint: "Upstream" };

const args = process.argv.slice(2);

/** Says which names in `.dev.vars` wrangler ignores without a word: those that wrangler.jsonc doesn't have. */
function warnOfIgnored({ vars = {}, secrets = {} }) {
  const variables = join(root, ".dev.vars");
  if (!existsSync(variables)) return;
  const lines = readFileSync(variables, "utf8").matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/gm);
  const known = new Set([...Object.keys(vars), ...(secrets.required ?? [])]);
  for (const [, name] of lines) {
    if (!known.has(name))
      console.warn(`dev: ${name} in .dev.vars is ignored: name it under secrets.required in ${CONFIG}`);
  }
}

/** Whether it was said already what stands behind the gate. */
function isChosen({ vars = {}, services = [] }) {
  const variables = join(root, ".dev.vars");
  const inFile = existsSync(variables) ? readFileSync(variables, "utf8") : "";
  // As `--var SESSION:upstream`, too.
  const given = args.some((arg) => /^(--var=)?(SESSION|UPSTREAM_URL):/.test(arg));
  const said = given || /^\s*(export\s+)?(SESSION|UPSTREAM_URL)\s*=/m.test(inFile);
  return said || Boolean(vars.SESSION) || services.some(({ binding }) => binding === SERVICE.binding);
}

/** The configuration with the example behind the gate, written beside the project's own; `undefined` where there is no place for it. */
async function writeWithExample() {
  // Not before set-up, which installs it.
  const { experimental_readRawConfig: read } = await import("wrangler");
  const { rawConfig } = await read({ config: join(root, CONFIG) });
  warnOfIgnored(rawConfig);
  if (isChosen(rawConfig)) return undefined;
  const { services = [], vars, ...rest } = rawConfig;
  const config = { ...rest, vars: { ...vars, SESSION: "upstream" }, services: [...services, SERVICE] };
  writeFileSync(join(root, WITH_EXAMPLE), `${JSON.stringify(config, null, 2)}\n`);
  return WITH_EXAMPLE;
}

/** The arguments that name it, and have it follow the project's own. */
async function withExample() {
  const file = await writeWithExample();
  if (file === undefined) return [];
  watch(join(root, CONFIG), () => writeWithExample().catch(() => {})).unref();
  return ["--config", file, "--config", EXAMPLE];
}

await main(async () => {
  await setup();
  const isGiven = (...names) => args.some((arg) => names.some((name) => arg === name || arg.startsWith(`${name}=`)));
  const unlessGiven = (name, ...values) => (isGiven(name) ? [] : [name, ...values]);
  const own = [
    // Named, so that a port in use is an error and not another port than the one that the README names.
    ...unlessGiven("--port", "8787"),
    // With a route in wrangler.jsonc requests would come with its host, and the gate's answer would lead to production.
    ...unlessGiven("--infer-origin-from-routes", "false"),
    ...(isGiven("--config", "-c", "--env", "-e") ? [] : await withExample()),
  ];
  return run(npmTools.node, [npmTools.wrangler, "dev", ...own, ...args], { last: true });
});
