// Keeps the tables of costs in the documents, which `npm run cost` makes: fails where one isn't what it says, and with `--write`
// (`npm run fix`) writes it. A table stands between `<!-- cost 100000,1000000 -->`, with the tickets a day, and `<!-- /cost -->`.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { markdown } from "./cost/show.js";
import { main, Stop } from "./run.js";
import { root } from "./tools.js";

const MARKED = /(<!-- cost ([\d,]+) -->\n\n)(.*?)(\n\n<!-- \/cost -->)/gs;
const FOLDERS = { docs: "en", "docs/zh-CN": "zh" };

/** The documents with such tables: `{ file, text, wanted }`. */
export function documents() {
  return Object.entries(FOLDERS).flatMap(([folder, language]) => {
    const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".md"));
    const all = files.map((name) => {
      const file = join(root, folder, name);
      const text = readFileSync(file, "utf8");
      const wanted = text.replace(MARKED, (_, begin, volumes, __, end) => {
        const table = markdown(volumes.split(",").map(Number), { language });
        return `${begin}${table}${end}`;
      });
      return { file, text, wanted, count: [...text.matchAll(MARKED)].length };
    });
    return all.filter(({ count }) => count > 0);
  });
}

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    for (const { file, text, wanted } of documents()) {
      if (text === wanted) continue;
      if (!process.argv.includes("--write")) throw new Stop(`the costs in ${file} are not up to date: \`npm run fix\``);
      writeFileSync(file, wanted);
    }
  });
}
