// `npm run torture`: the long version of the race; `tests/torture.js` says what it does and which rows it takes, and
// `tests/torture-ends.js` what `--ends` does.
import { join } from "node:path";
import { build } from "./build.js";
import { redis } from "./redis.js";
import { main, run } from "./run.js";
import { setup } from "./setup.js";
import { npmTools, root } from "./tools.js";

await main(async () => {
  await setup();
  await redis();
  await build();
  const [first, ...rest] = process.argv.slice(2);
  if (first === "--ends") return run(npmTools.node, [join(root, "tests/torture-ends.js"), ...rest]);
  return run(npmTools.node, [join(root, "tests/torture.js"), ...process.argv.slice(2)]);
});
