// How often a ticket crosses between JavaScript and the wasm, as it is issued and as it is consumed.
import { readFileSync } from "node:fs";
import { load, openAll } from "./load.js";
import { start } from "./process.js";
import { memory } from "./sides.js";

const COUNT = 200;

/** Calls for each of the two, on average: random bytes are fetched for many at a time. */
export async function crossings() {
  const side = memory();
  const [script, wasm] = side.modules;
  const spy = { name: "spy.js", kind: "esModule", content: readFileSync(new URL("spy.js", import.meta.url)) };
  const first = `import { spied } from "./spy.js";\nimport gate from "./gate.js";\nexport default spied(gate);\n`;
  side.modules = [{ name: "index.js", kind: "esModule", content: first }, spy, { ...script, name: "gate.js" }, wasm];
  const server = await start(side);
  const crossed = async () => Number(await (await fetch(`http://127.0.0.1:${server.port}/__crossings`)).text());
  try {
    await load(server, { operation: "lifecycle", count: 10, width: 1 });
    await crossed();
    const { results } = await load(server, { operation: "issue", count: COUNT, width: 1 });
    const issue = (await crossed()) / COUNT;
    await openAll(server, results);
    return { issue, consume: (await crossed()) / COUNT };
  } finally {
    await server.stop();
  }
}
