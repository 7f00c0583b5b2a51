// Keeps client/index.min.js, which is `TicketSocket` in one file as pages load it: fails where it isn't what the sources say, and with
// `--write` (`npm run fix`) writes it. esbuild bundles and holds it to the browsers that client/README.md names; swc finds the shorter names.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { minify } from "@swc/core";
import { build } from "esbuild";
import { main, Stop } from "./run.js";
import { root } from "./tools.js";

/** The oldest that run it: private fields, `??=`, listeners with a signal. */
export const BROWSERS = ["chrome94", "edge94", "firefox93", "safari15.4"];

const file = join(root, "client", "index.min.js");

/** What should be in it. */
export async function minified() {
  const { outputFiles } = await build({
    entryPoints: [join(root, "client", "socket.js")],
    bundle: true,
    format: "esm",
    target: BROWSERS,
    // Names that only the package's own files use, for each other.
    mangleProps: /^_/,
    write: false,
    logLevel: "warning",
  });
  const compress = { passes: 4, ecma: 2021, unsafe_arrows: true, pure_getters: true };
  const { code } = await minify(outputFiles[0].text, { module: true, compress, mangle: { toplevel: true } });
  return code;
}

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    const text = await minified();
    if (process.argv.includes("--write")) writeFileSync(file, text);
    else if (readFileSync(file, "utf8") !== text)
      throw new Stop("client/index.min.js is not up to date: `npm run fix`");
  });
}
