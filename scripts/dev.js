// `npm run dev`: the gate on http://localhost:8787, from nothing but a clone. wrangler builds it (scripts/build.js), serves it
// in workerd, and does both again when a file in src/ changes. Further arguments go to `wrangler dev`.
// (`exec` in package.json takes npm's shell out of the way, which keeps a SIGINT from npm to itself.)
import { main, run } from "./run.js";
import { setup } from "./setup.js";
import { npmTools } from "./tools.js";

await main(async () => {
  await setup();
  const args = process.argv.slice(2);
  const unlessGiven = (name, ...values) => (args.some((arg) => arg.startsWith(name)) ? [] : [name, ...values]);
  const own = [
    // Named, so that a port in use is an error and not another port than the one that the README names.
    ...unlessGiven("--port", "8787"),
    // With a route in wrangler.jsonc requests would come with its host, and the gate's answer would lead to production.
    ...unlessGiven("--infer-origin-from-routes", "false"),
  ];
  return run(npmTools.node, [npmTools.wrangler, "dev", ...own, ...args], { last: true });
});
