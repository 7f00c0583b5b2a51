// `npm run deploy`: `wrangler deploy` on the Node it needs, after the set-up. Arguments go through: `npm run deploy -- --dry-run`.
import { main, run } from "./run.js";
import { setup } from "./setup.js";
import { npmTools } from "./tools.js";

await main(async () => {
  await setup();
  return run(npmTools.node, [npmTools.wrangler, "deploy", ...process.argv.slice(2)], { last: true });
});
