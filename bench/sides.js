// What is compared.
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startRedis } from "../tests/support/redis-server.js";
import { startBridge } from "../tests/support/upstash-bridge.js";
import { PROJECT } from "./process.js";

const read = (file, kind) => ({ kind, content: readFileSync(join(PROJECT, file)) });
const script = (file, name = "index.js") => ({ name, ...read(file, "esModule") });

const SHARD = { objects: [["TICKET_SHARD", "TicketShard"]] };
const SECRET = "a secret for the bench, of 32 bytes or more";

/** Workers KV, each call of which takes so long. */
const namespace = (binding, ms) => ({
  kv: [[binding, "namespace"]],
  services: [
    {
      name: "namespace",
      worker: {
        modules: [script("bench/twins/namespace.js", "namespace.js")],
        vars: { LATENCY_MS: String(ms) },
      },
    },
  ],
});

/** The gate, as `npm run build` made it in the folder. */
export const gate = (name, vars, { folder = "build", ...more } = {}) => ({
  name,
  modules: [script(`${folder}/index.js`), { name: "index_bg.wasm", ...read(`${folder}/index_bg.wasm`, "wasm") }],
  vars: { ENVIRONMENT: "development", IDENTITY: "dev", PAGE: "off", ...vars },
  ...more,
});

/** The same side behind `wrap.js`. */
export function wrapped(side, name, vars) {
  const [index, wasm] = side.modules;
  const front = [script("bench/twins/wrap.js"), script("bench/twins/asked.js", "asked.js")];
  return { ...side, name, modules: [...front, { ...index, name: "gate.js" }, wasm], vars: { ...side.vars, ...vars } };
}

export const memory = (options) => gate("memory", { TICKET_STORE: "memory" }, options);
export const durable = (options) => gate("durable", { TICKET_STORE: "durable" }, { ...SHARD, ...options });
export const sealed = (options) =>
  gate("sealed", { TICKET_STORE: "sealed", SEAL_KEY: SECRET }, { ...SHARD, ...options });
export const kvLedger = (options) =>
  gate("kv+ledger", { TICKET_STORE: "kv" }, { ...SHARD, ...namespace("WS_TICKETS_KV", 0), ...options });

/** With a Redis of its own. */
const withRedis = {
  async before() {
    const server = await startRedis();
    return { vars: { REDIS_URL: server.url }, stop: () => server.stop() };
  },
};
const withUpstash = {
  async before() {
    const server = await startRedis();
    const bridge = await startBridge(server.url);
    const stop = async () => {
      await bridge.close();
      await server.stop();
    };
    return { vars: bridge.vars, stop };
  },
};
export const redis = (options) => gate("redis", { TICKET_STORE: "redis" }, { ...withRedis, ...options });
export const upstash = (options) => gate("upstash", { TICKET_STORE: "upstash" }, { ...withUpstash, ...options });

/** Without what it logs. */
export const quiet = (options) => wrapped(memory(options), "memory, logs off", { QUIET: "yes" });
/** Each trip to a shard as long as one to KV. */
export const sealedFar = (ms, options) =>
  wrapped(sealed(options), `sealed, ${ms} ms a trip`, { TRIP_MS: String(ms), QUIET: "no" });

const twin = (name, file, more) => ({ name, modules: [script(`bench/twins/${file}`)], ...more });
export const thin = () => twin("thin twin", "memory.js");
export const checked = () => twin("JavaScript with our checks and logs", "checked.js");
export const checkedQuiet = () =>
  twin("JavaScript with our checks, logs off", "checked.js", { vars: { QUIET: "yes" } });
export const thinDurable = () =>
  twin("JavaScript with a Durable Object", "durable.js", { objects: [["TICKETS", "Tickets"]] });
export const kvTwin = (ms) => twin(`the guide's design on KV, ${ms} ms a call`, "kv.js", namespace("TICKETS", ms));
export const nodeTwin = () => ({ name: "Node with ws and Redis", script: "bench/twins/node.js", ...withRedis });
export const hello = () => twin("hello in JavaScript", "hello.js");
/** What no gate can go below, whatever it is written in: what is seen of it, and nothing decided. */
export const frame = () => twin("the frame in JavaScript", "frame.js");
/** The same in wasm, as `compile` makes it in the folder `FRAME`. */
export const frameWasm = () => ({ ...memory({ folder: FRAME }), name: "the frame in wasm" });
export const FRAME = "build/frame";
const frameShards = (name, vars) => ({
  ...twin(name, "frame-shards.js", { objects: [["TICKETS", "Tickets"]], vars }),
  modules: [script("bench/twins/frame-shards.js"), script("bench/twins/frame.js", "frame.js")],
});
export const frameDurable = () => frameShards("the frame in JavaScript, a ticket put and taken", {});
export const frameSealed = () => frameShards("the frame in JavaScript, a ticket claimed", { CLAIM_ONLY: "yes" });
export const accept = () => twin("a bare accept in JavaScript", "accept.js");

/** Hello, by one crossing into the wasm and one out. */
export const helloWasm = () => ({ ...frameWasm(), name: "hello in wasm" });

/** A Worker that sends messages back, by itself, and behind the gate in the same workerd. */
export const echo = () => twin("a Worker's echo, asked directly", "echo.js");
export const upstream = (options) =>
  gate(
    "the same behind the gate",
    { TICKET_STORE: "memory", SESSION: "upstream" },
    { bound: [["UPSTREAM", "upstream"]], services: [{ name: "upstream", worker: echo() }], ...options },
  );

export const keyed = (options) =>
  gate("memory, with TICKET_KEY", { TICKET_STORE: "memory", TICKET_KEY: SECRET }, options);

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const CLAIMS = { sub: "alice", exp: Math.floor(Date.now() / 1000) + 86_400 };
const login = (name, vars, signed, signature, options) => ({
  ...gate(name, { TICKET_STORE: "memory", IDENTITY: "jwt", ...vars }, options),
  headers: { Authorization: `Bearer ${signed}.${signature.toString("base64url")}` },
});

/** With a login by HS256. */
export function hs256(options) {
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(CLAIMS)}`;
  const signature = createHmac("sha256", SECRET).update(signed).digest();
  return login("memory, jwt HS256", { JWT_SECRET: SECRET }, signed, signature, options);
}

/** With a login by ES256. */
export function es256(options) {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signed = `${part({ alg: "ES256", typ: "JWT" })}.${part(CLAIMS)}`;
  const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
  const JWT_PUBLIC_KEY = publicKey.export({ type: "spki", format: "pem" });
  return login("memory, jwt ES256", { JWT_PUBLIC_KEY, JWT_AUDIENCE: "*" }, signed, signature, options);
}
