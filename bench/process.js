// One side of a comparison: a workerd of its own, with nothing in front, and what it has cost so far.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const WORKERD = join(PROJECT, "node_modules/.bin/workerd");
/** As wrangler.jsonc has them; every side gets the same. */
export const COMPATIBILITY_DATE = /"compatibility_date": "([^"]+)"/.exec(
  readFileSync(join(PROJECT, "wrangler.jsonc"), "utf8"),
)[1];

/** JSON's escapes are a subset of those of Cap'n Proto's texts. */
const quoted = (text) => JSON.stringify(String(text));

/** A Worker of the configuration. `objects` are on disk, `kv` pairs of a binding and the service that holds the namespace, `bound` of one and a service. */
function worker({ modules, vars = {}, objects = [], kv = [], bound = [] }) {
  const module = ({ name, kind }) => `(name = ${quoted(name)}, ${kind} = embed ${quoted(name)})`;
  const bindings = [
    ...Object.entries(vars).map(([name, value]) => `(name = ${quoted(name)}, text = ${quoted(value)})`),
    ...objects.map(([name, type]) => `(name = ${quoted(name)}, durableObjectNamespace = ${quoted(type)})`),
    ...bound.map(([name, service]) => `(name = ${quoted(name)}, service = ${quoted(service)})`),
    ...kv.map(([name, service]) => `(name = ${quoted(name)}, kvNamespace = ${quoted(service)})`),
  ];
  const namespaces = objects.map(
    ([, type]) => `(className = ${quoted(type)}, uniqueKey = ${quoted(type)}, enableSql = true)`,
  );
  return `(
  modules = [${modules.map(module).join(", ")}],
  bindings = [${bindings.join(", ")}],
  durableObjectNamespaces = [${namespaces.join(", ")}],
  ${objects.length > 0 ? `durableObjectStorage = (localDisk = "disk"),` : ""}
  compatibilityDate = ${quoted(COMPATIBILITY_DATE)},
  compatibilityFlags = ["global_fetch_strictly_public"]
)`;
}

/** The side, with the services beside it. It may ask servers on this machine. */
function configuration({ services = [], ...side }) {
  const all = [{ name: "side", worker: side }, ...services];
  const lines = all.map(({ name, worker: it }) => `(name = ${quoted(name)}, worker = ${worker(it)})`);
  if (side.objects) lines.push(`(name = "disk", disk = (path = "objects", writable = true))`);
  lines.push(`(name = "internet", network = (allow = ["public", "private"]))`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${lines.join(",\n")}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "side")]
);
`;
}

/** Nanoseconds that the threads of a process have run on a processor, as the kernel counts them. */
export function cpuOf(pid) {
  let sum = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      // The thread has ended meanwhile.
    }
  }
  return sum;
}

export const memoryOf = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;

/**
 * Starts it. `modules`: `{ name, kind: "esModule" | "wasm", content }`, the first one is the Worker; `objects`: pairs of a binding
 * and the class of its Durable Objects; `services`: Workers beside it; `before` starts what it needs and answers `{ vars, stop }`;
 * `script`: a file that Node runs instead.
 */
export async function start(side) {
  const needed = await side.before?.();
  const vars = { ...side.vars, ...needed?.vars };
  const began = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "ws-ticket-bench-"));
  const child = side.script === undefined ? serve(folder, { ...side, vars }) : node(side.script, vars);
  const leave = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", leave);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors = (errors + text).slice(-4000);
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const port = await new Promise((resolve, reject) => {
    let events = "";
    child.stdio[3].setEncoding("utf8").on("data", (text) => {
      events += text;
      const found = /"event":"listen".*?"port":(\d+)/.exec(events);
      if (found) resolve(Number(found[1]));
    });
    ended.then(() => reject(new Error(`${side.name} did not start:\n${errors}`)));
  });
  return {
    name: side.name,
    headers: side.headers ?? {},
    port,
    pid: child.pid,
    startedIn: performance.now() - began,
    cpu: () => cpuOf(child.pid),
    memory: () => memoryOf(child.pid),
    errors: () => errors,
    async stop() {
      process.off("exit", leave);
      leave();
      await ended;
      await needed?.stop();
    },
  };
}

const PIPES = ["ignore", "ignore", "pipe", "pipe"];

function serve(folder, side) {
  for (const { modules } of [side, ...(side.services ?? []).map(({ worker }) => worker)])
    for (const { name, content } of modules) writeFileSync(join(folder, name), content);
  if (side.objects) mkdirSync(join(folder, "objects"));
  writeFileSync(join(folder, "side.capnp"), configuration(side));
  return spawn(WORKERD, ["serve", "side.capnp", "--control-fd=3"], { cwd: folder, stdio: PIPES });
}

const node = (script, vars) =>
  spawn(process.execPath, [join(PROJECT, script)], { env: { ...process.env, ...vars }, stdio: PIPES });
