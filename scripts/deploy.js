// `npm run deploy`: `wrangler deploy` on the Node it needs, after the set-up. Arguments go through: `npm run deploy -- --dry-run`.
import { main, run } from "./run.js";
import { setup } from "./setup.js";
import { npmTools } from "./tools.js";

const HINT =
  "ws-ticket: where a login is missing, `npx wrangler login`; where a secret is missing, `npx wrangler secret put JWT_SECRET`, " +
  "which asks before the first deploy whether to create a Worker: answer yes";

await main(async () => {
  await setup();
  const code = await run(npmTools.node, [npmTools.wrangler, "deploy", ...process.argv.slice(2)], { last: true });
  // wrangler says that secrets can't be set before the first deploy. They can: `secret put` makes an empty Worker that has them.
  if (code !== 0) console.error(HINT);
  return code;
});
