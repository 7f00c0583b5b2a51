// `npm run cost -- --tickets-per-day 1000000`: what a month costs with each store, and how the sum comes about.
import { parseArgs } from "node:util";
import { STORES } from "./cost/operations.js";
import { json, markdown, table } from "./cost/show.js";
import { main, Stop } from "./run.js";

const USAGE = `npm run cost -- --tickets-per-day <number>[,<number>…] [--store <store>] [--room-messages <number>] [--isolates <number>] [--logs] [--format table|json|markdown]
Stores: ${Object.keys(STORES).join(", ")}.`;
const OPTIONS = {
  "tickets-per-day": { type: "string" },
  store: { type: "string" },
  "room-messages": { type: "string" },
  isolates: { type: "string" },
  logs: { type: "boolean", default: false },
  format: { type: "string", default: "table" },
  help: { type: "boolean", default: false },
};
/** More than there can be: a hundred billion a day. */
const MOST = 1e11;

await main(async () => {
  const given = options();
  if (given.help) return console.log(USAGE);
  const show = { table, json, markdown }[given.format];
  if (!show) throw new Stop(`--format is table, json or markdown, and not ${given.format}`);
  if (given.store !== undefined && !Object.hasOwn(STORES, given.store))
    throw new Stop(`--store is one of ${Object.keys(STORES).join(", ")}, and not ${given.store}`);
  if (given["tickets-per-day"] === undefined) throw new Stop(`how many tickets a day?\n${USAGE}`);
  const volumes = given["tickets-per-day"].split(",").map((text) => number("--tickets-per-day", text));
  const roomMessages = given["room-messages"] && number("--room-messages", given["room-messages"]);
  const isolates = given.isolates && number("--isolates", given.isolates);
  const stores = given.store === undefined ? Object.keys(STORES) : [given.store];
  console.log(show(volumes, { stores, roomMessages, isolates, logs: given.logs }));
});

function options() {
  try {
    return parseArgs({ options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new Stop(`${error.message.split("\n")[0]}\n${USAGE}`);
  }
}

function number(name, text) {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= MOST))
    throw new Stop(`${name} is a whole number up to ${MOST.toLocaleString("en-US")}, and not ${text}`);
  return value;
}
