// What is compared.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./process.js";

const read = (file, kind) => ({ kind, content: readFileSync(join(PROJECT, file)) });
const script = (file, name = "index.js") => ({ name, ...read(file, "esModule") });

/** The gate, as `npm run build` made it in the folder. */
export const gate = (name, vars, { objects, folder = "build" } = {}) => ({
  name,
  modules: [script(`${folder}/index.js`), { name: "index_bg.wasm", ...read(`${folder}/index_bg.wasm`, "wasm") }],
  vars: { ENVIRONMENT: "development", IDENTITY: "dev", PAGE: "off", ...vars },
  objects,
});

const SHARD = [["TICKET_SHARD", "TicketShard"]];

export const memory = (options) => gate("memory", { TICKET_STORE: "memory" }, options);
export const durable = (options) => gate("durable", { TICKET_STORE: "durable" }, { objects: SHARD, ...options });

const twin = (name, file, more) => ({ name, modules: [script(`bench/twins/${file}`)], ...more });
export const thin = () => twin("thin twin", "memory.js");
export const checked = () => twin("JavaScript with our checks and logs", "checked.js");
export const thinDurable = () =>
  twin("JavaScript with a Durable Object", "durable.js", { objects: [["TICKETS", "Tickets"]] });
