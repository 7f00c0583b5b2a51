// What things cost, by the pages of those who sell them. One table: who changes a price changes it here, with the date, and the documents'
// tables are made of it (`npm run fix`).

/** When the pages were read. */
export const DATED = "2026-11-27";

/** Days of a month, as the sums have it. */
export const DAYS = 30;

/** The Workers plan that is paid for, in dollars a month. */
export const PLAN = { dollars: 5, source: "https://developers.cloudflare.com/workers/platform/pricing/" };

const KV = "https://developers.cloudflare.com/kv/platform/pricing/";
const OBJECTS = "https://developers.cloudflare.com/durable-objects/platform/pricing/";
const UPSTASH = "https://upstash.com/pricing/redis";

/**
 * By what is counted: how much of it a month is included, and what so many more cost. `free`: how much of it a day the free plan allows (a
 * month, where it says so).
 */
export const PRICES = {
  requests: { name: "requests", included: 10e6, per: 1e6, dollars: 0.3, free: 100_000, source: PLAN.source },
  cpuMs: { name: "ms of CPU", included: 30e6, per: 1e6, dollars: 0.02, source: PLAN.source },
  kvReads: { name: "KV reads", included: 10e6, per: 1e6, dollars: 0.5, free: 100_000, source: KV },
  kvWrites: { name: "KV writes", included: 1e6, per: 1e6, dollars: 5, free: 1_000, source: KV },
  kvDeletes: { name: "KV deletes", included: 1e6, per: 1e6, dollars: 5, free: 1_000, source: KV },
  objectRequests: { name: "object requests", included: 1e6, per: 1e6, dollars: 0.15, free: 100_000, source: OBJECTS },
  rowsWritten: { name: "rows written", included: 50e6, per: 1e6, dollars: 1, free: 100_000, source: OBJECTS },
  // How long objects are in memory. Only the monitor's is counted: shards and rooms sleep between asks.
  objectSeconds: { name: "GB-s of objects", included: 400e3, per: 1e6, dollars: 12.5, free: 13_000, source: OBJECTS },
  commands: { name: "Redis commands", included: 0, per: 100_000, dollars: 0.2, freeMonth: 500_000, source: UPSTASH },
  // From 2026-12-01, in place of a price by the event. What is kept of them for longer costs more, and isn't counted here.
  logBytes: {
    name: "bytes of logs",
    included: 50e9,
    per: 1e9,
    dollars: 0.25,
    source: "https://developers.cloudflare.com/workers/observability/logs/workers-logs/",
  },
};
