// The recipes of client/README.md as programs: bundled with the client and the libraries as they are, for Node or a browser.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { until } from "./watch.js";

const FOLDER = new URL("../fixtures/recipes/", import.meta.url);
const client = (name) => fileURLToPath(new URL(`../../client/${name}`, import.meta.url));
const CLIENT = { "ws-ticket-client": client("index.js"), "ws-ticket-client/react": client("react.js") };

export const recipe = (name) => readFileSync(new URL(name, FOLDER), "utf8");

/**
 * The bundle's text. `gate` goes where the recipe says gate.example.com, `token` is what its `token()` answers, and
 * `entry` may say what else to do with a recipe that only exports something.
 */
export async function bundle(name, { gate, token = "", entry, ...options }) {
  const source = recipe(name).replaceAll("https://gate.example.com", gate);
  const { outputFiles } = await build({
    stdin: { contents: entry ? `${source}\n${entry}` : source, resolveDir: fileURLToPath(FOLDER), loader: "jsx" },
    alias: CLIENT,
    banner: { js: `globalThis.token = async () => ${JSON.stringify(token)};` },
    bundle: true,
    format: "esm",
    jsx: "automatic",
    write: false,
    logLevel: "silent",
    ...options,
  });
  return outputFiles[0].text;
}

/** A recipe that runs in a Node of its own, until `stop()`. `lines` is what it has printed. */
export async function run(name, options) {
  const code = await bundle(name, { platform: "node", ...options });
  const child = spawn(process.execPath, ["--input-type=module", "-"], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(code);
  const running = { lines: [], errors: "" };
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    running.lines.push(...lines);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    running.errors += text;
  });
  const ended = new Promise((resolve) => child.on("close", (code) => resolve(code)));
  child.on("close", () => {
    running.ended = true;
  });
  /** Until so many lines are as `match` says. */
  running.printed = (match, count) =>
    until(
      () => {
        const { ended } = running;
        const there = running.lines.filter((line) => match.test(line)).length >= count;
        if (ended && !there) throw new Error(`${name} has ended: ${running.errors}`);
        return there;
      },
      `${name} printed ${match} ${count} times`,
      60_000,
    );
  running.stop = async () => {
    child.kill();
    await ended;
  };
  return running;
}
