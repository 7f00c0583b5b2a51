// A gate in workerd itself, with nothing in front: what a client sends is what the gate's platform gets, and what it answers is
// what goes over the wire. In the harness, the gate stands behind miniflare's own Worker even without wrangler's proxy (see outbound.js).
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { experimental_readRawConfig } from "wrangler";
import { issue, opens, post, request, upgrade } from "./client.js";
import { HOSTS } from "./hosts.js";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const WORKERD = path.join(PROJECT, "node_modules/.bin/workerd");

/** JSON's escapes are a subset of those of Cap'n Proto's texts. */
const quoted = (text) => JSON.stringify(String(text));

const SHARDS = `bindings = [(name = "TICKET_SHARD", durableObjectNamespace = "TicketShard")`;
const DISK = `(name = "disk", disk = (path = "objects", writable = true)), `;
const NAMESPACES = `
  durableObjectNamespaces = [(className = "TicketShard", uniqueKey = "shards", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),`;

async function configuration(vars, shards) {
  const { rawConfig } = await experimental_readRawConfig({ config: path.join(PROJECT, "wrangler.jsonc") });
  const own = vars.ENVIRONMENT === "development" ? { DEVELOPMENT_HOSTS: HOSTS.join() } : {};
  const bindings = Object.entries({ ...rawConfig.vars, ...own, ...vars })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `(name = ${quoted(name)}, text = ${quoted(value)})`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${shards ? DISK : ""}(name = "gate", worker = .gate), (name = "internet", network = (allow = ["public", "private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "gate")]
);
const gate :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm")
  ],
  ${shards ? SHARDS : "bindings = ["}${shards ? ", " : ""}${bindings.join(", ")}],${shards ? NAMESPACES : ""}
  compatibilityDate = ${quoted(rawConfig.compatibility_date)},
  compatibilityFlags = [${(rawConfig.compatibility_flags ?? []).map(quoted).join(", ")}]
);
`;
}

/**
 * Starts one with these settings, of what was built into `folder`. It has no bindings, so its store is `memory` (or a Redis), but
 * with `shards`: those.
 */
export async function startBare(vars = {}, { folder: built = "build", shards = false } = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-bare-"));
  for (const name of ["index.js", "index_bg.wasm"])
    copyFileSync(path.join(PROJECT, built, name), path.join(folder, name));
  mkdirSync(path.join(folder, "objects"));
  writeFileSync(path.join(folder, "gate.capnp"), await configuration({ TICKET_STORE: "memory", ...vars }, shards));
  const stdio = ["ignore", "pipe", "pipe", "pipe"];
  const child = spawn(WORKERD, ["serve", "gate.capnp", "--control-fd=3"], { cwd: folder, stdio });
  const gate = new Bare(child, folder);
  try {
    await gate.listening();
  } catch (error) {
    await gate.close();
    throw error;
  }
  return gate;
}

class Bare {
  #output = "";
  #leave = () => {
    this.child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  };

  constructor(child, folder) {
    Object.assign(this, { child, folder, headers: {} });
    // Whoever started it may be told to stop, and then nobody closes it.
    process.once("exit", this.#leave);
    this.ended = new Promise((resolve) => child.once("close", resolve));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.#output += text;
      });
    }
  }

  // The client, bound to this gate.
  request = (options) => request(this, options);
  post = (body, headers) => post(this, body, headers);
  issue = (body, headers) => issue(this, body, headers);
  upgrade = (ticket, options) => upgrade(this, ticket, options);
  opens = (ticket, options) => opens(this, ticket, options);

  /** Its port, from the events that workerd writes for whoever started it. */
  async listening() {
    this.port = await new Promise((resolve, reject) => {
      let events = "";
      this.child.stdio[3].setEncoding("utf8").on("data", (text) => {
        events += text;
        const found = /"event":"listen".*?"port":(\d+)/.exec(events);
        if (found) resolve(Number(found[1]));
      });
      this.child.once("error", reject);
      this.ended.then(() => reject(new Error(`workerd did not start:\n${this.#output}`)));
    });
    this.url = `http://127.0.0.1:${this.port}/`;
  }

  /** All that it has written. */
  get output() {
    return this.#output;
  }

  /** The lines that are events of telemetry. */
  events() {
    return this.#output.split("\n").flatMap((line) => {
      try {
        const event = JSON.parse(line);
        return typeof event?.event === "string" ? [event] : [];
      } catch {
        return [];
      }
    });
  }

  /** The answer to a request as it is written here, byte for byte: its head, its headers by lower-case name, its body. */
  exchange(lines) {
    return new Promise((resolve, reject) => {
      let text = "";
      const socket = net.connect(this.port, "127.0.0.1");
      const answered = () => {
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        const [first, ...rest] = text.slice(0, end).split("\r\n");
        const headers = new Map(
          rest.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
        );
        const status = Number(first.split(" ")[1]);
        const length = status === 101 ? 0 : Number(headers.get("content-length") ?? 0);
        const body = text.slice(end + 4);
        if (body.length < length) return;
        socket.destroy();
        resolve({ status, headers, body });
      };
      socket.setEncoding("latin1").on("data", (chunk) => {
        text += chunk;
        answered();
      });
      socket.on("error", reject).on("end", () => reject(new Error(`the connection ended after: ${text}`)));
      socket.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    });
  }

  async close() {
    process.off("exit", this.#leave);
    this.child.kill("SIGKILL");
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
