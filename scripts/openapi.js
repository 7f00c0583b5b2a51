// `node scripts/openapi.js`: lints docs/openapi.yaml and docs/asyncapi.yaml. A step of `npm run check`.
import { problems } from "./documents.js";
import { main, Stop } from "./run.js";
import { read } from "./tools.js";

await main(async () => {
  let count = 0;
  for (const name of ["openapi.yaml", "asyncapi.yaml"]) {
    for (const { line, column, text } of await problems(name, read("docs", name))) {
      console.error(`docs/${name}:${line}:${column}: ${text}`);
      count += 1;
    }
  }
  if (count > 0) throw new Stop(`${count} problem${count > 1 ? "s" : ""} in docs/openapi.yaml and docs/asyncapi.yaml`);
  console.log("docs/openapi.yaml and docs/asyncapi.yaml: nothing wrong");
});
