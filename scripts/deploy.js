// `npm run deploy`: `wrangler deploy` on the Node it needs, after the set-up, and after a look at wrangler.jsonc: what would let tickets into
// logs, strangers in, or one ticket open twice, isn't deployed. Arguments go through: `npm run deploy -- --dry-run`.
import { parseArgs } from "node:util";
import { main, run, Stop } from "./run.js";
import { setup } from "./setup.js";
import { npmTools, root } from "./tools.js";

/** The arguments that say what is deployed. */
const LOOKED_AT = {
  config: { type: "string", short: "c" },
  env: { type: "string", short: "e" },
  var: { type: "string", multiple: true },
};
const HINT =
  "ws-ticket: where a login is missing, `npx wrangler login`; where a secret is missing, `npx wrangler secret put JWT_SECRET`, " +
  "which asks before the first deploy whether to create a Worker: answer yes";

/** Says what is wrong with the configuration, and stops where it must not be deployed. */
async function look(args) {
  const {
    config,
    env = process.env.CLOUDFLARE_ENV,
    ...others
  } = parseArgs({ args, options: LOOKED_AT, strict: false }).values;
  // Other names of the same, and what would read settings from elsewhere.
  const strange = ["e", "c", "cwd", "env-file"].find((name) => name in others);
  if (strange)
    throw new Stop(`not deployed: --${strange} would deploy what wasn't looked at; there are --config and --env`);
  if (others.var)
    throw new Stop("not deployed: --var changes settings after they were looked at; they belong in wrangler.jsonc");
  // After the set-up: it needs packages.
  const { projectFound } = await import("./doctor/project.js");
  const found = (await projectFound(config ?? `${root}/wrangler.jsonc`, env)).filter(({ result }) =>
    ["warn", "fail"].includes(result),
  );
  for (const { name, said, mend } of found) console.error(`ws-ticket: ${name}: ${said}\n  → ${mend}`);
  const failed = found.filter(({ result }) => result === "fail").map(({ name }) => name);
  if (failed.length > 0) throw new Stop(`not deployed: ${failed.join(", ")}`);
  // Named, whatever a file `.env` says. The empty one is the file's own.
  return ["--env", env ?? ""];
}

await main(async () => {
  await setup();
  const args = process.argv.slice(2);
  const environment = await look(args);
  const given = args.some((arg) => /^(-e|--env(=|$))/.test(arg)) ? args : [...args, ...environment];
  const code = await run(npmTools.node, [npmTools.wrangler, "deploy", ...given], { last: true });
  // wrangler says that secrets can't be set before the first deploy. They can: `secret put` makes an empty Worker that has them.
  if (code !== 0) console.error(HINT);
  return code;
});
