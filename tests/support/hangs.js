// Everything that the gate gives up at its deadline, as data: what hangs, and a request that waits for it. And what such requests
// may leave behind in the wasm's memory, which is nothing.
//
// Every kind says `start()`, which gives `vars` (the settings of its gate), `fail(gate)` (from here on it hangs), `call(gate)` (a
// request, answered with `status`), `hung()` (how many calls hung since then) and `close()`.
import assert from "node:assert/strict";
import net from "node:net";
import { DEVELOPMENT } from "./harness.js";
import { makeKey, startIssuer } from "./issuer.js";
import { bearer, inSeconds } from "./jwt.js";
import { WebServer } from "./web-server.js";

/** Milliseconds: long enough for what is to succeed before something hangs. */
const TIMEOUT_MS = 40;
const DAY_MS = 86_400_000;
const never = { how: "never" };
/** Longer than any rest of the gate's after a failure, so that each call is one that hangs. */
const tick = 61_000;
/** It never goes back, however far it has ticked before: what failed in the future would rest until then. */
let ahead = 0;
const clock = () => {
  ahead += 30 * DAY_MS;
  return inSeconds(0) * 1000 + ahead;
};
const nothing = async () => {};

const store = (name, more = {}) => ({
  ...DEVELOPMENT,
  TICKET_STORE: name,
  STORE_TIMEOUT_MS: String(TIMEOUT_MS),
  // KV goes by real time.
  TICKET_TTL_SECONDS: "3600",
  ...more,
});

/** A binding of the platform's that never answers. */
function edge(name, vars, plan, call, prepare = nothing) {
  const [[binding, operations]] = Object.entries(plan);
  const counted = `${binding}.${Object.keys(operations)[0]}`;
  const start = async () => {
    let prepared;
    return {
      vars,
      async fail(gate) {
        prepared ??= await prepare(gate);
        await gate.edge({ ...plan, clock: clock(), tick });
      },
      call: (gate) => call(gate, prepared),
      hung: async (gate) => ({ ...(await gate.calls()), ...(await gate.asked()) })[counted] ?? 0,
      close: nothing,
    };
  };
  return { name, start, status: binding.endsWith("_limit") && binding !== "issue_limit" ? 401 : 503 };
}

const issue = (gate) => gate.post();
/** One ticket for all: a store that doesn't answer doesn't use it up. */
const ticket = async (gate) => (await gate.issue()).ticket;
const present = (gate, ticket) => gate.upgrade(ticket);
const presentFrom = (gate, ticket) => gate.upgrade(ticket, { headers: { "CF-Connecting-IP": "192.0.2.1" } });
async function usedTicket(gate) {
  const { ticket } = await gate.issue();
  assert.equal(await gate.opens(ticket), 101);
  return ticket;
}

/** A server that takes connections and says nothing. */
async function startSilence() {
  const sockets = new Set();
  let count = 0;
  const server = net.createServer((socket) => {
    count += 1;
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
    socket.resume();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise((resolve) => server.close(resolve));
  return { port: server.address().port, count: () => count, open: () => sockets.size, close };
}

function silentRedis(name, scheme) {
  const start = async () => {
    const silence = await startSilence();
    let before = 0;
    return {
      vars: store("redis", { REDIS_URL: `${scheme}://127.0.0.1:${silence.port}` }),
      async fail(gate) {
        before = silence.count();
        await gate.edge({ clock: clock(), tick });
      },
      call: issue,
      hung: async () => silence.count() - before,
      open: silence.open,
      close: silence.close,
    };
  };
  return { name, start, status: 503 };
}

/** A web server that hangs in this way. */
function web(name, fault, settings, call) {
  const start = async () => {
    const server = await new WebServer(() => ({ status: 200, headers: {}, body: "" })).listen();
    let calls = 0;
    return {
      vars: settings(server.url),
      async fail(gate) {
        [server.asked, calls] = [[], 0];
        await server.fault(...fault);
        await gate.edge({ clock: clock(), tick });
      },
      call(gate) {
        calls += 1;
        return call(gate);
      },
      // A call that is given up before it has arrived hangs too.
      hung: async () => (server.asked.length > 0 ? calls : 0),
      close: () => server.close(),
    };
  };
  return { name, start, status: 503 };
}

const forward = (url) => ({
  ...DEVELOPMENT,
  TICKET_STORE: "memory",
  IDENTITY: "forward",
  AUTH_URL: url,
  IDENTITY_TIMEOUT_MS: String(TIMEOUT_MS),
});
const login = (gate) => gate.post(undefined, bearer("a-session"));
const upstash = (url) => store("upstash", { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: "token" });

/** An issuer whose keys can't be had, and there are none yet: whoever comes asks, and waits. */
function coldIssuer(name) {
  const start = async () => {
    const { issuer, headers, vars } = await issuerWith(TIMEOUT_MS);
    let calls = 0;
    return {
      vars,
      async fail(gate) {
        calls = 0;
        issuer.forget();
        await issuer.fault("hang");
        await gate.edge({ clock: clock(), tick });
      },
      call(gate) {
        calls += 1;
        return gate.post(undefined, headers);
      },
      hung: async () => (issuer.fetches > 0 ? calls : 0),
      close: () => issuer.close(),
    };
  };
  return { name, start, status: 503 };
}

/** The same with keys that are no longer fresh: it is asked behind the answer, by one login in several. */
function staleIssuer(name) {
  const start = async () => {
    // Nobody waits for it, so that each ask may take its time to arrive.
    const { issuer, headers, vars } = await issuerWith(300);
    let now = clock();
    return {
      vars,
      async fail(gate) {
        await issuer.heal();
        // On a slow machine the keys may take longer than they are waited for.
        do {
          // Later than the clock has come by its ticks, and than keys are kept: it never goes back.
          now += 100_000_000;
          await gate.edge({ clock: now });
        } while ((await gate.post(undefined, headers)).status !== 200);
        await issuer.fault("hang");
        gate.forgetLines();
        await gate.edge({ clock: now + 601_000, tick: 1000 });
      },
      call: (gate) => gate.post(undefined, headers),
      // As the gate tells it: on a busy machine an ask is given up before it has arrived.
      hung: async (gate) =>
        gate.events().filter(({ event, reason }) => event === "identity_failed" && reason === "timed_out").length,
      close: () => issuer.close(),
    };
  };
  // Each look at the clock is a second, and keys are kept for a day: 86,400 looks.
  return { name, start, status: 200, batch: 250 };
}

async function issuerWith(timeout) {
  const issuer = await startIssuer([await makeKey("RS256")]);
  const headers = bearer(await issuer.token({ exp: inSeconds(100 * 365 * 86_400) }));
  // Such short lives that what is issued doesn't pile up in the store.
  const short = { TICKET_STORE: "memory", TICKET_TTL_SECONDS: "60" };
  return { issuer, headers, vars: issuer.vars({ ...short, IDENTITY_TIMEOUT_MS: String(timeout) }) };
}

export const kinds = [
  web("a login that hangs", ["hang"], forward, login),
  web("a login that stops in the middle of its answer", ["stall"], forward, login),
  coldIssuer("an issuer that hangs"),
  staleIssuer("an issuer that hangs behind the answer"),
  edge("KV put", store("kv"), { kv: { put: never } }, issue),
  edge("KV get", store("kv"), { kv: { get: never } }, present, ticket),
  edge("a shard's put", store("durable"), { shard: { fetch: never } }, issue),
  edge("a shard's take", store("durable"), { shard: { fetch: never } }, present, ticket),
  edge("a shard's claim", store("kv"), { shard: { fetch: never } }, present, ticket),
  silentRedis("Redis", "redis"),
  silentRedis("Redis, in the TLS handshake", "rediss"),
  web("Upstash", ["hang"], upstash, issue),
  web("Upstash, in the middle of its answer", ["stall"], upstash, issue),
  edge("the limit on tickets", store("memory"), { issue_limit: { limit: never } }, issue),
  edge("the limit on refusals", store("memory"), { refusal_limit: { limit: never } }, presentFrom, usedTicket),
];

/** Calls until this many have hung, so many at a time. */
export async function hang(kind, { gate, started }, calls, width) {
  let total = 0;
  for (let barren = 0; total < calls; ) {
    // Afresh now and then, and when a busy machine lets none hang for a while: a clock that ticks runs far ahead.
    await started.fail(gate);
    const wanted = Math.min(calls - total, kind.batch ?? 2000);
    let hung = 0;
    for (let idle = 0; hung < wanted && idle < 10; ) {
      const answers = await Promise.all(Array.from({ length: width }, () => started.call(gate)));
      for (const { status } of answers) assert.equal(status, kind.status, kind.name);
      const now = await started.hung(gate);
      idle = now > hung ? 0 : idle + 1;
      hung = now;
    }
    barren = hung > 0 ? 0 : barren + 1;
    assert.ok(barren < 20, `${kind.name}: ${total} of ${calls} calls hung, and no more do`);
    total += hung;
  }
  return total;
}

/**
 * What the artifact holds when all is done that goes on behind answers: when it is no more than `least`, or doesn't fall in
 * this many looks.
 */
export async function atRest(gate, least = undefined, looks = 100) {
  let held = await gate.holding();
  for (let same = 0; same < looks && !(held.live <= least?.live && held.timers === 0); ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = await gate.holding();
    same = now.live < held.live || now.timers < held.timers ? 0 : same + 1;
    held = now;
  }
  return held;
}
