// What is compared.
import { createHmac } from "node:crypto";
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
export const kvTwin = (ms) =>
  twin(`the guide's design on KV, ${ms} ms a call`, "kv.js", { vars: { LATENCY_MS: String(ms) } });
export const hello = () => twin("hello in JavaScript", "hello.js");
export const accept = () => twin("accept in JavaScript", "accept.js");

const SECRET = "a secret for the bench, of 32 bytes or more";
export const keyed = () => gate("memory, with TICKET_KEY", { TICKET_STORE: "memory", TICKET_KEY: SECRET });

/** With a login by HS256. */
export function tokens() {
  const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: "alice", exp: Math.floor(Date.now() / 1000) + 86_400 })}`;
  const token = `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
  const side = gate("memory, jwt HS256", { TICKET_STORE: "memory", IDENTITY: "jwt", JWT_SECRET: SECRET });
  return { ...side, headers: { Authorization: `Bearer ${token}` } };
}
