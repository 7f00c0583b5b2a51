// The edge under our thumb: the built artifact, with real bindings behind it that can be made to fail.
//
// This entry runs in workerd in place of `build/index.js` and hands the artifact an `env` whose KV namespace, Durable Object
// namespace and rate limits are the real ones with a fault in front. Nothing of the gate is replaced. Only a test can reach the
// controls: `POST /__edge` sets a plan, `GET /__edge` tells how often each binding was called and what the artifact holds on to,
// `/__edge/alarm?id=` shows (GET) or runs (POST) the alarm of a shard, or of the object `of` another binding.
//
// A plan: `{ kv: { get, put, delete }, shard: { fetch }, room: { fetch, ask }, issue_limit: { limit }, refusal_limit: { limit }, clock, tick, log, platform }`.
// A fault: `{ how, only?, times?, ms?, status?, body?, value?, says?, error? }` where `how` is `throw` (fails, nothing happened), `lost`
// (happened, then fails), `late` (after `ms`), `hang` (no answer for a minute), `never` (none at all) or `answer` (shard: this
// status and body; a limit: this `value`; nothing happened); `only` is the one shard that has it; `times` is how many calls it lasts, else
// all; `says` is what a failure says besides; `error` are properties that it has. What each shard did in SQL since the last plan stands in `statements`, and how many asks of shards were
// aborted in `aborted`. `clock` is
// the time in milliseconds at which every clock stands still, or goes on by `tick` each time that it is looked at; `log` is a line
// that is logged at once; `platform` lists what else of the platform fails: the `body` of a request as it is read, a `socket` as it
// is opened, a file of the `page`, one `answer` as it is made.

// First, since the artifact makes its instance as it is loaded.
import "./wasm-spy.js";

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import * as artifact from "../../build/index.js";
import { counting, holding } from "./wasm-spy.js";

const HANG_MS = 60_000;
const RealDate = Date;
let plan = {};
let calls = {};
let statements = [];
let aborted = 0;

class EdgeDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(EdgeDate.now());
    else super(...args);
  }
  static now() {
    const now = plan.clock ?? RealDate.now();
    if (plan.tick) plan.clock = now + plan.tick;
    return now;
  }
}
globalThis.Date = EdgeDate;

/** Throws, or answers an error to throw later, where `platform` has it. */
const lost = (what) => (plan.platform?.includes(what) ? new Error("Network connection lost.") : undefined);
function unlessLost(what) {
  const error = lost(what);
  if (error) throw error;
}

const RealPair = globalThis.WebSocketPair;
globalThis.WebSocketPair = function WebSocketPair() {
  unlessLost("socket");
  return new RealPair();
};

globalThis.Response = new Proxy(globalThis.Response, {
  construct(target, args, newTarget) {
    const error = lost("answer");
    if (error) {
      plan.platform = plan.platform.filter((what) => what !== "answer");
      throw error;
    }
    return Reflect.construct(target, args, newTarget);
  },
});

/** Calls `real` through the fault planned for `binding.operation`, and counts the call. */
async function through(binding, operation, error, real, target) {
  const name = `${binding}.${operation}`;
  calls[name] = (calls[name] ?? 0) + 1;
  const fault = plan[binding]?.[operation];
  if (fault === undefined || fault.times === 0 || (fault.only !== undefined && fault.only !== target)) return real();
  if (fault.times !== undefined) fault.times -= 1;
  const failure = () => Object.assign(error, fault.says && { message: `${error.message} ${fault.says}` }, fault.error);
  if (fault.how === "throw") throw failure();
  if (fault.how === "answer" && "value" in fault) return fault.value;
  if (fault.how === "answer") return new Response(fault.body ?? null, { status: fault.status });
  if (fault.how === "lost") {
    await real();
    throw failure();
  }
  if (fault.how === "never") return new Promise(() => {});
  await scheduler.wait(fault.how === "hang" ? HANG_MS : fault.ms);
  if (fault.how === "hang") throw failure();
  return real();
}

function edgeKv(real) {
  const operation =
    (name) =>
    (...args) => {
      const error = new Error(`KV ${name.toUpperCase()} failed: 500 Internal Server Error`);
      return through("kv", name, error, () => real[name](...args));
    };
  return Object.fromEntries(["get", "getWithMetadata", "put", "list", "delete"].map((name) => [name, operation(name)]));
}

// The Rust side knows these bindings by the names of their classes.
const shardFailure = () => Object.assign(new Error("Network connection lost."), { retryable: true, remote: false });
class DurableObjectStub {
  constructor(real, name) {
    Object.assign(this, { real, name });
  }
  // Asks by RPC and by fetch count as one thing, and meet the same faults.
  fetch(request, ...args) {
    const signal = args[0]?.signal ?? request.signal;
    signal?.addEventListener("abort", () => (aborted += 1));
    return through("shard", "fetch", shardFailure(), () => this.real.fetch(request, ...args), this.name);
  }
  ask(path, body) {
    const word = async () => {
      const answer = await through("shard", "fetch", shardFailure(), () => this.real.ask(path, body), this.name);
      return answer instanceof Response ? `${answer.status}${await answer.text()}` : answer;
    };
    return Object.assign(word(), { [Symbol.dispose]: () => (aborted += 1) });
  }
}
class DurableObjectNamespace {
  constructor(real) {
    this.real = real;
  }
  idFromName(name) {
    return this.real.idFromName(name);
  }
  idFromString(hex) {
    return this.real.idFromString(hex);
  }
  newUniqueId(options) {
    return this.real.newUniqueId(options);
  }
  get(id, options) {
    return new DurableObjectStub(this.real.get(id, options));
  }
  getByName(name, options) {
    return new DurableObjectStub(this.real.getByName(name, options), name);
  }
}
// wrangler's bundler may rename a class; the name is what counts here.
Object.defineProperty(DurableObjectNamespace, "name", { value: "DurableObjectNamespace" });

class Ratelimit {
  constructor(binding, real) {
    Object.assign(this, { binding, real });
  }
  limit(...args) {
    const error = new Error("internal error; reference = 0123456789abcdef");
    return through(this.binding, "limit", error, () => this.real.limit(...args));
  }
}
Object.defineProperty(Ratelimit, "name", { value: "Ratelimit" });

class Fetcher {
  constructor(real) {
    this.real = real;
  }
  async fetch(...args) {
    unlessLost("page");
    return this.real.fetch(...args);
  }
}
Object.defineProperty(Fetcher, "name", { value: "Fetcher" });

function edgeRooms(real) {
  const stub = (name) => ({
    fetch: (...args) => through("room", "fetch", shardFailure(), () => real.getByName(name).fetch(...args)),
    ...Object.fromEntries(
      ["end", "extend", "list"].map((method) => [
        method,
        (asked) => through("room", "ask", shardFailure(), () => real.getByName(name)[method](asked)),
      ]),
    ),
  });
  return { getByName: stub };
}

function edgeEnv(env) {
  const edge = { ...env };
  if (env.ASSETS !== undefined) edge.ASSETS = new Fetcher(env.ASSETS);
  if (env.WS_TICKETS_KV !== undefined) edge.WS_TICKETS_KV = edgeKv(env.WS_TICKETS_KV);
  if (env.TICKET_SHARD !== undefined) edge.TICKET_SHARD = new DurableObjectNamespace(env.TICKET_SHARD);
  if (env.TICKET_ROOM !== undefined) edge.TICKET_ROOM = edgeRooms(env.TICKET_ROOM);
  for (const name of ["ISSUE_LIMIT", "REFUSAL_LIMIT"]) {
    if (env[name] !== undefined) edge[name] = new Ratelimit(name.toLowerCase(), env[name]);
  }
  return edge;
}

/** Headers of a handshake, as a client sent them: each proxy before workerd writes its own (`x-edge-headers`, JSON). */
function asSent(request) {
  const changes = JSON.parse(request.headers.get("x-edge-headers") ?? "{}");
  const headers = new Headers(request.headers);
  headers.delete("x-edge-headers");
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  const error = request.body && lost("body");
  const body = error && new ReadableStream({ start: (controller) => controller.error(error) });
  return new Request(request, body ? { headers, body } : { headers });
}

/** workerd's server drops the `Upgrade` header of an answer, so it is shown under another name. */
function asAnswered(response) {
  const upgrade = response.headers.get("upgrade");
  if (upgrade === null || response.status === 101) return response;
  const headers = new Headers(response.headers);
  headers.set("x-edge-upgrade", upgrade);
  return new Response(response.body, { status: response.status, headers });
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/__edge") {
      if (request.method === "POST") {
        plan = await request.json();
        calls = {};
        [statements, aborted] = [[], 0];
        if (plan.log !== undefined) console.log(plan.log);
      }
      return Response.json({ plan, calls, statements, aborted, holding: holding() });
    }
    if (url.pathname === "/__edge/alarm") {
      const namespace = this.env[url.searchParams.get("of") ?? "TICKET_SHARD"];
      const object = namespace.get(namespace.idFromString(url.searchParams.get("id")));
      if (request.method === "POST") await object.edgeRunAlarm();
      return Response.json({ at: await object.edgeAlarmTime() });
    }
    return asAnswered(await artifact.default.fetch(asSent(request), edgeEnv(this.env), counting(this.ctx)));
  }
}

// The real entrypoint, with the same bindings.
export class Redeem extends WorkerEntrypoint {
  redeem(presented) {
    return artifact.Redeem.prototype.redeem.call({ env: edgeEnv(this.env), ctx: this.ctx }, presented);
  }
}

/** The real `exec`, which also tells what it was given. */
function telling(sql) {
  const exec = sql.exec.bind(sql);
  sql.exec = (statement, ...bindings) => {
    statements.push(statement);
    return exec(statement, ...bindings);
  };
}

// The real shard. It only gains the base class that lets a test read its tables and its alarm, and tells its statements.
export class TicketShard extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    telling(ctx.storage.sql);
    this.shard = new artifact.TicketShard(ctx, env);
  }
  fetch(request) {
    return this.shard.fetch(request);
  }
  ask(path, body) {
    return this.shard.ask(path, body);
  }
  alarm() {
    return this.shard.alarm();
  }
  edgeAlarmTime() {
    return this.ctx.storage.getAlarm();
  }
  edgeRunAlarm() {
    return this.shard.alarm();
  }
}

// The real room, with the same bindings.
export class TicketRoom extends artifact.TicketRoom {
  constructor(ctx, env) {
    super(ctx, edgeEnv(env));
  }
  edgeAlarmTime() {
    return this.ctx.storage.getAlarm();
  }
  edgeRunAlarm() {
    return this.alarm();
  }
}
export class TicketMonitor extends artifact.TicketMonitor {}
