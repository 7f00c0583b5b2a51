// `npm run bench`: bench/run.js on the Node that the project brings, so that whatever Node is there will do.
import { main, run, Stop } from "./run.js";
import { setup } from "./setup.js";
import { npmTools } from "./tools.js";

await main(async () => {
  await setup();
  const code = await run(npmTools.node, ["bench/run.js", ...process.argv.slice(2)], { group: true });
  if (code !== 0) throw new Stop("the bench failed, see above");
});
