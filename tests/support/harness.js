// Starts gates in real workerd from the built artifact and shows what a test may see of them.
//
// Configuration is the project's own `wrangler.jsonc`, without its build step, with a test's settings over it. Workers of
// one call run side by side, an isolate each: a Worker of its own is how two isolates are had. The working directory of
// wrangler is an empty one, because `.dev.vars` of the project would otherwise win over a test's settings.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createTestHarness, experimental_readRawConfig } from "wrangler";
import { direct, issue, opens, post, redeem, request, upgrade } from "./client.js";
import { HOSTS } from "./hosts.js";
import { askDirectly } from "./outbound.js";
import { TIMEOUT_MAX_MS, until } from "./pace.js";

process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= "false";
process.env.WRANGLER_SEND_METRICS ??= "false";
process.env.WRANGLER_WRITE_LOGS ??= "false";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const ARTIFACT = path.join(PROJECT, "build/index.js");
const FAULTY = fileURLToPath(new URL("./faulty-entry.js", import.meta.url));
/** A rate limit that no test reaches by accident: many ask for thousands of tickets, all from one address. */
const OUT_OF_REACH = 1_000_000_000;

/** A gate waits as long as it can be told to, so that a busy machine is no outage. A test of outages says what it needs. */
const PATIENT = { STORE_TIMEOUT_MS: String(TIMEOUT_MAX_MS), IDENTITY_TIMEOUT_MS: String(TIMEOUT_MAX_MS) };

/** Settings of a gate for development: anyone is who they say they are. Without the page, which would stand at `/`. */
export const DEVELOPMENT = { ENVIRONMENT: "development", IDENTITY: "dev", PAGE: "off" };

/** The project's `wrangler.jsonc`, as it is written. */
export async function projectConfig() {
  const { rawConfig } = await experimental_readRawConfig({ config: path.join(PROJECT, "wrangler.jsonc") });
  return rawConfig;
}

/**
 * One gate. `vars` go over those of `wrangler.jsonc` (`undefined` takes one away), `without` names bindings that are
 * taken away, `edge` puts `faulty-entry.js` in front, `limits` are the rate limits that a test wants to reach
 * (`{ ISSUE_LIMIT: 5 }`; the others are out of reach). `behind` is the place in the list of the Worker that stands behind this gate, by
 * the binding `UPSTREAM`; or `{ at, entrypoint }`. `main` is another Worker's script instead of the gate's, with the first gate's
 * named entrypoints bound as `binds` says (`{ GATE: "Redeem" }`), and its own `objects` (`{ ROOM: "Room" }`).
 */
export async function startGate(options = {}) {
  const [gate] = await startGates([options]);
  return gate;
}

/** Several gates in one runtime. Those with `shares: true` use the first one's KV namespace and shards. */
export async function startGates(list) {
  if (!existsSync(ARTIFACT)) throw new Error("build/index.js is missing: run `npm run build` first");
  const base = await projectConfig();
  const root = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-tests-"));
  const workers = list.map((options, index) => ({ config: workerConfig(base, options, index) }));
  askDirectly();
  const server = createTestHarness({ root, workers });
  const runtime = new Runtime(server, workers, root);
  try {
    const { url } = await server.listen();
    return workers.map(({ config }, index) => new Gate(runtime, config, list[index], url, index));
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

function workerConfig(base, options, index) {
  const { vars = {}, without = [], edge = false, shares = false, limits = {}, monitor } = options;
  const { main, behind, binds = {}, objects = {} } = options;
  const config = structuredClone(base);
  delete config.$schema;
  delete config.build;
  // The harness sets secrets as variables; the runtime shows both alike.
  delete config.secrets;
  config.main = edge ? FAULTY : ARTIFACT;
  config.name = index === 0 ? base.name : `${base.name}-${index}`;
  if (main !== undefined) {
    for (const member of ["assets", "durable_objects", "kv_namespaces", "migrations", "ratelimits"])
      delete config[member];
    config.main = path.join(PROJECT, main);
    config.durable_objects = { bindings: Object.entries(objects).map(([name, class_name]) => ({ name, class_name })) };
    config.migrations = [{ tag: "v1", new_sqlite_classes: Object.values(objects) }];
    config.services = Object.entries(binds).map(([binding, entrypoint]) => ({
      binding,
      service: base.name,
      entrypoint,
    }));
    config.routes = [`${config.name}.test/*`];
    config.vars = vars;
    return config;
  }
  // Requests are dealt to Workers by host; the first has all that is left.
  if (index > 0) config.routes = [`${config.name}.test/*`];
  if (behind !== undefined) {
    const { at, entrypoint } = typeof behind === "number" ? { at: behind } : behind;
    config.services = [{ binding: "UPSTREAM", service: `${base.name}-${at}`, ...(entrypoint && { entrypoint }) }];
  }
  const set = Object.entries({ ...config.vars, ...PATIENT, ...vars }).filter(([, value]) => value !== undefined);
  config.vars = Object.fromEntries(set);
  // Tests ask gates of development under names that no developer's machine has.
  if (config.vars.ENVIRONMENT === "development")
    config.vars.DEVELOPMENT_HOSTS ||= [`${config.name}.test`, ...HOSTS].join();
  // Two more Workers stand before every request where there are files to serve.
  if (config.vars.PAGE === "off") delete config.assets;
  else config.assets.directory = path.join(PROJECT, config.assets.directory);
  const owner = shares ? 0 : index;
  config.kv_namespaces = config.kv_namespaces
    .filter(({ binding }) => !without.includes(binding))
    .map((namespace) => ({ ...namespace, id: `${namespace.binding}-${owner}` }));
  if (monitor !== undefined) config.durable_objects.bindings.push({ name: "TICKET_MONITOR", class_name: monitor });
  config.durable_objects.bindings = config.durable_objects.bindings
    .filter(({ name }) => !without.includes(name))
    .map((binding) => (owner === index ? binding : { ...binding, script_name: base.name }));
  // Each gate counts for itself: limits of one namespace are counted together.
  config.ratelimits = (config.ratelimits ?? [])
    .filter(({ name }) => !without.includes(name))
    .map(({ name, namespace_id, simple }) => ({
      name,
      namespace_id: `${namespace_id}${String(owner).padStart(3, "0")}`,
      simple: { ...simple, limit: limits[name] ?? OUT_OF_REACH },
    }));
  if (owner !== index || config.durable_objects.bindings.length === 0) delete config.migrations;
  return config;
}

class Runtime {
  constructor(server, workers, root) {
    Object.assign(this, { server, workers, root });
  }
  async close() {
    await this.server.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

class Gate {
  constructor(runtime, config, options, url, index) {
    Object.assign(this, { runtime, config, options, url, index });
    this.headers = index === 0 ? {} : { Host: `${config.name}.test` };
    this.worker = runtime.server.getWorker(config.name);
  }

  // The client, bound to this gate.
  request = (options) => request(this, options);
  direct = (url, options) => direct(this.worker, url, options);
  post = (body, headers) => post(this, body, headers);
  issue = (body, headers) => issue(this, body, headers);
  redeem = (body, options) => redeem(this, body, options);
  upgrade = (ticket, options) => upgrade(this, ticket, options);
  opens = (ticket, options) => opens(this, ticket, options);
  health = async () => (await this.request({ path: "/health" })).json;

  /** Sets the faults of `faulty-entry.js`; without a plan, heals everything. Calls are counted from here on. */
  async edge(plan = {}) {
    const answer = await this.request({ method: "POST", path: "/__edge", body: JSON.stringify(plan) });
    if (answer.status !== 200) throw new Error("this gate was started without `edge: true`");
  }

  /** How often each store's binding was called since `edge()`: `{ "kv.get": 1 }`. */
  async calls() {
    return (await this.#called()).stores;
  }

  /** How often each rate limit was asked since `edge()`: `{ "issue_limit.limit": 1 }`. */
  async asked() {
    return (await this.#called()).limits;
  }

  /** The SQL statements of the shards in this gate's Worker since `edge()`, in their order. */
  async statements() {
    const { statements } = (await this.request({ path: "/__edge" })).json;
    // The harness keeps a name in each object, too.
    return statements.filter((statement) => !statement.includes("__miniflare"));
  }

  /** How many asks of shards were aborted since `edge()`. */
  async aborted() {
    return (await this.request({ path: "/__edge" })).json.aborted;
  }

  /** What the artifact holds on to: see `wasm-spy.js`. Needs `edge: true`. */
  async holding() {
    return (await this.request({ path: "/__edge" })).json.holding;
  }

  /** Until nothing that the gate asked has a deadline any more: what goes on behind answers has ended too. */
  async quiet() {
    while ((await this.holding()).timers > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async #called() {
    const { calls } = (await this.request({ path: "/__edge" })).json;
    const { limits = [], stores = [] } = Object.groupBy(Object.entries(calls), ([name]) =>
      name.endsWith("_limit.limit") ? "limits" : "stores",
    );
    return { limits: Object.fromEntries(limits), stores: Object.fromEntries(stores) };
  }

  /** Every line that the runtime logged, as written. */
  lines() {
    return this.runtime.server.getLogs().map(({ message }) => String(message));
  }

  /** The lines that are events of telemetry. */
  events() {
    return this.lines().flatMap((line) => {
      try {
        const event = JSON.parse(line);
        return typeof event?.event === "string" ? [event] : [];
      } catch {
        return [];
      }
    });
  }

  /** The events that `match` accepts, once there are `count`: a log line may come a moment after the answer. */
  async eventually(match, count = 1) {
    const missing = () => {
      const all = this.events().map((event) => JSON.stringify(event));
      return `${count} such events came; the log has:\n${all.join("\n")}`;
    };
    return until(() => {
      const found = this.events().filter(match);
      return found.length >= count && found;
    }, missing);
  }

  forgetLines() {
    this.runtime.server.clearLogs();
  }

  async kv() {
    return (await this.worker.getEnv()).WS_TICKETS_KV;
  }

  /** What the KV namespace holds: `[{ name, expiration, metadata, value }]`. */
  async kvEntries() {
    const kv = await this.kv();
    const { keys } = await kv.list();
    return Promise.all(keys.map(async (key) => ({ ...key, value: await kv.get(key.name) })));
  }

  /** Ids of the Durable Objects that have stored something. */
  async shardIds() {
    return this.worker.listDurableObjectIds("TICKET_SHARD");
  }

  /** Rows of every table of every shard, `[{ shard, table, row }]`. Needs `edge: true`. */
  async shardRows() {
    const found = [];
    for (const { shard, name, exec } of await this.shardTables()) {
      for (const row of await exec(`SELECT * FROM "${name}"`)) found.push({ shard, table: name, row });
    }
    return found;
  }

  /** Every table of every shard, `[{ shard, name, exec }]`, with what runs SQL there. Needs `edge: true`. */
  async shardTables() {
    const found = [];
    for (const id of await this.shardIds()) {
      const storage = await this.worker.getDurableObjectStorage("TICKET_SHARD", { id });
      const exec = (sql) => storage.exec(sql);
      for (const { name } of await exec("SELECT name FROM sqlite_schema WHERE type = 'table'")) {
        if (!/^(_cf_|__miniflare_|sqlite_)/.test(name)) found.push({ shard: id, name, exec });
      }
    }
    return found;
  }

  /** When each shard will wake to clean up: milliseconds, or null. `run: true` wakes it now. Needs `edge: true`. */
  async shardAlarms({ run = false } = {}) {
    const ids = await this.shardIds();
    const method = run ? "POST" : "GET";
    const ask = async (id) => (await this.request({ method, path: `/__edge/alarm?id=${id}` })).json.at;
    return Promise.all(ids.map(ask));
  }

  /** When each room will wake: milliseconds, or null. `run: true` wakes it now. Needs `edge: true`. */
  async roomAlarms({ run = false } = {}) {
    const ids = await this.worker.listDurableObjectIds("TICKET_ROOM");
    const method = run ? "POST" : "GET";
    const ask = async (id) => (await this.request({ method, path: `/__edge/alarm?of=TICKET_ROOM&id=${id}` })).json.at;
    return Promise.all(ids.map(ask));
  }

  /** Every shard, or every object of another binding, is thrown out of memory (those that are in it); its storage and its sockets stay. */
  async evict(of = "TICKET_SHARD") {
    for (const id of await this.worker.listDurableObjectIds(of)) {
      try {
        await this.worker.evictDurableObject(of, { id });
      } catch (error) {
        if (!/not currently running/.test(error.message)) throw error;
      }
    }
  }

  /** A new deploy with other settings: isolates start afresh, storage stays. */
  async redeploy(vars = {}) {
    this.config = { ...this.config, vars: { ...this.config.vars, ...vars } };
    this.runtime.workers[this.index] = { config: this.config };
    await this.runtime.server.update({ root: this.runtime.root, workers: this.runtime.workers });
    this.url = (await this.runtime.server.listen()).url;
  }

  async close() {
    await this.runtime.close();
  }
}
