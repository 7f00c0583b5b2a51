// The stores that the laws are tried on, as data. A new store is a new row; no law knows a row by name.
//
// Every row says all of ROW_MEMBERS: what `/health` shows; its settings (`vars`); servers of its own (`back`, see
// `backing.js`); settings it may be redeployed with while tickets are in flight (`changed`); how its edges can fail so that no
// ticket is issued (`issueOutages`), so that another store of a list issues it (`stepsDown`), and so that a ticket can't be
// consumed, without effect (`consumeOutages`); and how an answer can be lost after the effect (`lostReplies`). A fault has a `plan`
// of `faulty-entry.js`, or is on the `wire` to a server: the arguments of its proxy's `fault()`. `retried: true` means that the
// gate may ask again by itself, so that a connection may be admitted in spite of the fault.
import { oldRedis, redis, upstash } from "./backing.js";
import { DEVELOPMENT } from "./harness.js";
import { deadline } from "./pace.js";

const throws = { how: "throw" };
const hangs = { how: "hang" };
/** How long a store is waited for; `hang` takes longer, and so does `late` where it says so. */
const TIMEOUT_MS = deadline(600);
const tooLate = { how: "late", ms: 2.5 * TIMEOUT_MS };
const settings = (stores) => ({ ...DEVELOPMENT, TICKET_STORE: stores, STORE_TIMEOUT_MS: String(TIMEOUT_MS) });
/** What tickets are sealed with. */
export const SEAL_KEY = "a key to seal tickets with, of 32 bytes or more";
/** With the longest life there is; the lists have the usual one. */
const forAnHour = (stores) => ({ ...settings(stores), TICKET_TTL_SECONDS: "3600" });

const shardOutages = [
  { name: "the shard hangs", plan: { shard: { fetch: hangs } } },
  { name: "the shard can't be reached", plan: { shard: { fetch: throws } } },
  { name: "the shard can't be reached once", plan: { shard: { fetch: { ...throws, times: 1 } } }, retried: true },
  { name: "the shard answers 500", plan: { shard: { fetch: { how: "answer", status: 500 } } } },
  { name: "the shard answers HTML", plan: { shard: { fetch: { how: "answer", status: 200, body: "<html>" } } } },
];
const shardLostReplies = [
  { name: "the shard's answer is lost once", plan: { shard: { fetch: { how: "lost", times: 1 } } }, retried: true },
  { name: "the shard's every answer is lost", plan: { shard: { fetch: { how: "lost" } } } },
  { name: "the shard does it after all hope is lost", plan: { shard: { fetch: tooLate } } },
];
const kvOutages = [
  { name: "KV get fails", plan: { kv: { get: throws, getWithMetadata: throws } } },
  { name: "KV get hangs", plan: { kv: { get: hangs, getWithMetadata: hangs } } },
];

const noise = Buffer.from("00ff17c0ffee0d0a", "hex");
const redisOutages = [
  { name: "Redis refuses connections", wire: ["refuse"] },
  { name: "Redis hangs", wire: ["hang"] },
  { name: "Redis is cut off before the command", wire: ["cut"] },
  { name: "Redis answers noise", wire: ["answer", { bytes: noise }] },
];
const redisLostReplies = [
  { name: "Redis is cut off after the command", wire: ["lose"] },
  { name: "one connection to Redis is cut off after the command", wire: ["lose", { times: 1 }] },
  { name: "Redis does it and says nothing", wire: ["mute"] },
  { name: "Redis is cut off in the middle of its reply", wire: ["half"] },
  { name: "Redis answers after all hope is lost", wire: ["slow", { ms: 2.5 * TIMEOUT_MS }] },
];

const html = ["answer", { status: 502, headers: { "Content-Type": "text/html" }, body: "<html>Bad Gateway</html>" }];
const errorWith200 = ["answer", { status: 200, body: '{"error":"ERR something"}' }];
const upstashOutages = [
  { name: "Upstash refuses connections", wire: ["refuse"] },
  { name: "Upstash hangs", wire: ["hang"] },
  { name: "Upstash answers 502 with HTML", wire: html },
  { name: "Upstash answers 200 with an error", wire: errorWith200 },
  { name: "Upstash answers 429", wire: ["answer", { status: 429, body: '{"error":"too many requests"}' }] },
  { name: "Upstash answers half a body", wire: ["answer", { status: 200, body: '{"result":' }] },
];
const upstashLostReplies = [
  { name: "Upstash is cut off after the command", wire: ["lose"] },
  { name: "Upstash does it and says nothing", wire: ["mute"] },
  { name: "Upstash is cut off in the middle of its answer", wire: ["half"] },
  { name: "Upstash answers after all hope is lost", wire: ["slow", { ms: 2.5 * TIMEOUT_MS }] },
];

export const rows = [
  {
    name: "memory",
    shows: "memory",
    vars: settings("memory"),
    back: undefined,
    changed: { TICKET_TTL_SECONDS: "120" },
    issueOutages: [],
    stepsDown: [],
    consumeOutages: [],
    lostReplies: [],
  },
  {
    name: "kv+ledger",
    shows: "kv+ledger",
    vars: forAnHour("kv"),
    back: undefined,
    changed: { TICKET_SHARDS: "7" },
    issueOutages: [
      { name: "KV put fails", plan: { kv: { put: throws } } },
      { name: "KV put happens, and then fails", plan: { kv: { put: { how: "lost" } } } },
      { name: "KV put hangs", plan: { kv: { put: hangs } } },
    ],
    stepsDown: [],
    consumeOutages: [...kvOutages, ...shardOutages],
    lostReplies: shardLostReplies,
  },
  {
    name: "durable",
    shows: "durable",
    vars: forAnHour("durable"),
    back: undefined,
    changed: { TICKET_SHARDS: "7", TICKET_STORE: "kv" },
    issueOutages: [
      { name: "the shard can't be reached", plan: { shard: { fetch: throws } } },
      { name: "the shard puts it, and its answer is lost", plan: { shard: { fetch: { how: "lost" } } } },
      { name: "the shard hangs", plan: { shard: { fetch: hangs } } },
    ],
    stepsDown: [],
    consumeOutages: shardOutages,
    lostReplies: shardLostReplies,
  },
  {
    name: "sealed+ledger",
    shows: "sealed+ledger",
    vars: { ...forAnHour("sealed"), SEAL_KEY },
    back: undefined,
    changed: { TICKET_SHARDS: "7", TICKET_STORE: "durable" },
    // To issue a ticket nobody is asked.
    issueOutages: [],
    stepsDown: [],
    consumeOutages: shardOutages,
    lostReplies: shardLostReplies,
  },
  {
    name: "redis",
    shows: "redis",
    vars: settings("redis"),
    back: redis,
    changed: { TICKET_STORE: "memory" },
    issueOutages: [...redisOutages, { name: "Redis sets it, and its reply is lost", wire: ["lose"] }],
    stepsDown: [],
    consumeOutages: redisOutages,
    lostReplies: redisLostReplies,
  },
  {
    name: "redis without GETDEL",
    shows: "redis",
    vars: settings("redis"),
    back: oldRedis,
    changed: { TICKET_STORE: "memory" },
    issueOutages: redisOutages,
    stepsDown: [],
    consumeOutages: redisOutages,
    lostReplies: redisLostReplies,
  },
  {
    name: "upstash",
    shows: "upstash",
    vars: settings("upstash"),
    back: upstash,
    changed: { TICKET_STORE: "durable" },
    issueOutages: [...upstashOutages, { name: "Upstash sets it, and its answer is lost", wire: ["lose"] }],
    stepsDown: [],
    consumeOutages: upstashOutages,
    lostReplies: upstashLostReplies,
  },
  {
    name: "fallback(kv, durable)",
    shows: "fallback(kv+ledger, durable)",
    vars: settings("kv,durable"),
    back: undefined,
    changed: { TICKET_STORE: "durable", TICKET_SHARDS: "7" },
    issueOutages: [{ name: "KV and the shard fail", plan: { kv: { put: throws }, shard: { fetch: throws } } }],
    stepsDown: [
      { name: "KV put fails", plan: { kv: { put: throws } } },
      { name: "KV put happens, and then fails", plan: { kv: { put: { how: "lost" } } } },
      { name: "KV put hangs", plan: { kv: { put: hangs } } },
    ],
    consumeOutages: [...kvOutages, ...shardOutages],
    lostReplies: shardLostReplies,
  },
  {
    name: "fallback(sealed, durable)",
    shows: "fallback(sealed+ledger, durable)",
    vars: { ...settings("sealed,durable"), SEAL_KEY },
    back: undefined,
    changed: { TICKET_STORE: "durable", TICKET_SHARDS: "7" },
    issueOutages: [],
    // The first never fails. What doesn't fit into its tickets steps down: `sealed.test.js`.
    stepsDown: [],
    consumeOutages: shardOutages,
    lostReplies: shardLostReplies,
  },
  {
    name: "fallback(redis, memory)",
    shows: "fallback(redis, memory)",
    vars: settings("redis,memory"),
    back: redis,
    changed: { TICKET_STORE: "memory,redis" },
    issueOutages: [],
    stepsDown: [...redisOutages, { name: "Redis sets it, and its reply is lost", wire: ["lose"] }],
    consumeOutages: redisOutages,
    lostReplies: redisLostReplies,
  },
];

/** Every binding fails at once. A store that needs none of them does not notice. */
export const EVERYTHING_BROKEN = {
  kv: { get: throws, getWithMetadata: throws, put: throws, delete: throws, list: throws },
  shard: { fetch: throws },
};

export const ROW_MEMBERS = Object.keys(rows[0]);

/** Makes the fault, at the edge or on the wire. */
export async function fail({ gates, backing }, { plan, wire }) {
  if (plan) for (const gate of gates) await gate.edge(plan);
  if (wire) await backing.fault(...wire);
}

/** All is well again. */
export async function heal({ gates, backing }) {
  for (const gate of gates) await gate.edge();
  await backing?.heal();
}
