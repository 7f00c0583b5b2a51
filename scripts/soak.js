// `npm run soak`: thousands of calls that hang, of each kind; `tests/soak.js` says what it does.
import { join } from "node:path";
import { build } from "./build.js";
import { main, run } from "./run.js";
import { setup } from "./setup.js";
import { npmTools, root } from "./tools.js";

await main(async () => {
  await setup();
  await build();
  return run(npmTools.node, [join(root, "tests/soak.js"), ...process.argv.slice(2)]);
});
