// What a ticket takes that is issued and used once, in each store. tests/cost.test.js counts it where a gate calls its bindings.

/** For every ticket: the request for it, and the upgrade. CPU is generous: docs/benchmarks.md has less. */
export const TICKET = { requests: 2, cpuMs: 2 * 2 };

/** By store, as `/health` names it. */
export const STORES = {
  kv: { kvWrites: 1, kvReads: 1, kvDeletes: 1 },
  "kv+ledger": { kvWrites: 1, kvReads: 1, objectRequests: 1, rowsWritten: 1 },
  durable: { objectRequests: 2, rowsWritten: 2 },
  "sealed+ledger": { objectRequests: 1, rowsWritten: 1 },
  upstash: { commands: 2 },
  redis: {},
  memory: {},
};

/** What the gate writes to its log for such a ticket, in bytes of JSON; what the platform adds isn't known. */
export const LOG_BYTES = 460;

/**
 * The monitor, a second: each isolate that is at work tells it every 5 s what it has counted; it writes a row every 10 s at most
 * (`src/objects/counting.js`, `monitor.js`), and is awake for as long as there is anything to count, with 128 MB.
 */
export const MONITOR = { tells: 1 / 5, rowsWritten: 1 / 10, objectSeconds: 0.128 };

/** Of a session in a room: its connection, and one for every so many messages that it sends (of which the bill counts one). */
export const ROOM = { connection: 1, messagesPerRequest: 20 };
