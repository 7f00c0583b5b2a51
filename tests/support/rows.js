// The stores that the laws are tried on, as data. A new store is a new row; no law knows a row by name.
//
// Every row says all of: its settings (`vars`); settings it may be redeployed with while tickets are in flight
// (`changed`); how its edges can fail without effect at issue (`issueOutages`) and at consume (`consumeOutages`); and how
// an answer can be lost after the effect (`lostReplies`). `retried: true` means that the gate may ask again by itself, so that a
// connection may be admitted in spite of the fault. `plan` is a plan of `faulty-entry.js`. A store without edges has none.
import { DEVELOPMENT } from "./harness.js";

const throws = { how: "throw" };
const hangs = { how: "hang" };
// How long a store is waited for; `hang` takes longer, and so does `late` where it says so.
const STORE_TIMEOUT_MS = "1000";

export const rows = [
  {
    name: "memory",
    vars: { ...DEVELOPMENT, TICKET_STORE: "memory" },
    changed: { TICKET_TTL_SECONDS: "120" },
    issueOutages: [],
    consumeOutages: [],
    lostReplies: [],
  },
  {
    name: "kv+ledger",
    vars: { ...DEVELOPMENT, TICKET_STORE: "kv", STORE_TIMEOUT_MS },
    changed: { TICKET_SHARDS: "7" },
    issueOutages: [
      { name: "KV put fails", plan: { kv: { put: throws } } },
      { name: "KV put happens, and then fails", plan: { kv: { put: { how: "lost" } } } },
      { name: "KV put hangs", plan: { kv: { put: hangs } } },
    ],
    consumeOutages: [
      { name: "KV get fails", plan: { kv: { get: throws, getWithMetadata: throws } } },
      { name: "KV get hangs", plan: { kv: { get: hangs, getWithMetadata: hangs } } },
      { name: "the shard hangs", plan: { shard: { fetch: hangs } } },
      { name: "the shard can't be reached", plan: { shard: { fetch: throws } } },
      { name: "the shard can't be reached once", plan: { shard: { fetch: { ...throws, times: 1 } } }, retried: true },
      { name: "the shard answers 500", plan: { shard: { fetch: { how: "answer", status: 500 } } } },
      { name: "the shard answers HTML", plan: { shard: { fetch: { how: "answer", status: 200, body: "<html>" } } } },
    ],
    lostReplies: [
      { name: "the shard's answer is lost once", plan: { shard: { fetch: { how: "lost", times: 1 } } }, retried: true },
      { name: "the shard's every answer is lost", plan: { shard: { fetch: { how: "lost" } } } },
      { name: "the shard does it after all hope is lost", plan: { shard: { fetch: { how: "late", ms: 2500 } } } },
    ],
  },
];

/** Every binding fails at once. A store that needs none of them does not notice. */
export const EVERYTHING_BROKEN = {
  kv: { get: throws, getWithMetadata: throws, put: throws, delete: throws, list: throws },
  shard: { fetch: throws },
};

export const ROW_MEMBERS = ["name", "vars", "changed", "issueOutages", "consumeOutages", "lostReplies"];
