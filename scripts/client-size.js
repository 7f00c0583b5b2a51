// What the client costs a page: prints its size, minified and gzipped as a server would send it, and fails where that is over 3 KiB.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { main, Stop } from "./run.js";
import { root } from "./tools.js";

const LIMIT = 3072;

await main(async () => {
  const file = process.argv[2] ?? join(root, "client", "index.min.js");
  const { length } = gzipSync(readFileSync(file), { level: 9 });
  console.log(`ws-ticket-client: ${length} bytes minified and gzipped, of ${LIMIT}`);
  if (length > LIMIT) throw new Stop(`the client is ${length - LIMIT} bytes too large`);
});
