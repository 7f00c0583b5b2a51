// Real Redis servers for the tests: Debian's `redis-server` on a free port, nothing written to disk but its settings, in a folder
// that goes with it. `REDIS_URL` may name a running one, which then serves wherever a plain one will do.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PATIENCE_MS } from "./pace.js";
import { connectRedis } from "./resp.js";

/** The Redis of `REDIS_URL`, or else one of our own, without a password. */
export async function plainRedis() {
  const url = process.env.REDIS_URL;
  if (!url) return startRedis();
  if (!url.startsWith("redis://"))
    throw new Error("for tests REDIS_URL has to be redis://, since proxies stand between");
  const redis = new Redis(url);
  await redis.flush();
  return redis;
}

/**
 * A server of our own. `password` is the default user's; `users` are ACL rules (`alice on >secret ~* +@all`); `without` are
 * commands that it doesn't know, as an older one wouldn't; `tls` is `{ cert, key }` as files, for TLS and nothing else; `settings`
 * are further lines of its configuration.
 */
export async function startRedis({ host = "127.0.0.1", password, users = [], without = [], tls, settings = [] } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(host);
    const folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-redis-"));
    const lines = [
      `bind ${host}`,
      ...(tls ? ["port 0", `tls-port ${port}`, "tls-auth-clients no"] : [`port ${port}`]),
      ...(tls ? [`tls-cert-file ${tls.cert}`, `tls-key-file ${tls.key}`, `tls-ca-cert-file ${tls.cert}`] : []),
      `dir ${folder}`,
      'save ""',
      "appendonly no",
      "daemonize no",
      ...(password ? [`requirepass ${password}`] : []),
      ...users.map((rules) => `user ${rules}`),
      ...without.map((command) => `rename-command ${command} ""`),
      ...settings,
    ];
    const file = path.join(folder, "redis.conf");
    writeFileSync(file, `${lines.join("\n")}\n`);
    const name = host.includes(":") ? `[${host}]` : tls ? "localhost" : host;
    const url = `${tls ? "rediss" : "redis"}://${password ? `:${encodeURIComponent(password)}@` : ""}${name}:${port}`;
    const redis = new OwnRedis(url, file, tls);
    try {
      await redis.start();
      return redis;
    } catch (error) {
      await redis.stop();
      // Somebody else may have taken the port.
      if (attempt >= 3) throw error;
    }
  }
}

async function freePort(host) {
  const server = net.createServer();
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, host, resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

class Redis {
  /** What is ours in a server that others may use as well. */
  pattern = "wst:*";

  constructor(url) {
    this.url = url;
  }

  /** The URL, for another user, password or database. */
  urlFor({ user = "", password = "", database }) {
    const url = new URL(this.url);
    // Characters that mean something in a URL, which its own setters would leave as they are.
    [url.username, url.password] = [user, password].map(encodeURIComponent);
    url.pathname = database === undefined ? "" : `/${database}`;
    return url.href;
  }

  async connect(url = this.url) {
    return connectRedis(url, { ca: this.ca });
  }

  async command(...words) {
    const client = await this.connect();
    try {
      return await client.command(...words);
    } finally {
      client.close();
    }
  }

  /** What the URL's database, or another one, holds: `[{ key, value, ttl }]`, the seconds as Redis counts them. */
  async entries(database) {
    const client = await this.connect();
    try {
      if (database !== undefined) await client.command("SELECT", database);
      const keys = (await client.command("KEYS", this.pattern)).map(String);
      const entry = async (key) => {
        const [value, ttl] = await client.all([
          ["GET", key],
          ["TTL", key],
        ]);
        return { key, value: String(value), ttl };
      };
      return await Promise.all(keys.map(entry));
    } finally {
      client.close();
    }
  }

  /** Forgets all of them. */
  async flush() {
    const keys = await this.command("KEYS", this.pattern);
    if (keys.length > 0) await this.command("DEL", ...keys);
  }

  async stop() {
    await this.flush();
  }
}

/** Ends the server when this process ends without having done so, by a signal above all: a pipe closes, whatever happens. */
function guard(server, folder) {
  const shell = 'read _; kill -9 "$0"; rm -rf "$1"';
  const options = { stdio: ["pipe", "ignore", "ignore"], detached: true };
  const watch = spawn("sh", ["-c", shell, String(server.pid), folder], options);
  watch.unref();
  server.once("exit", () => watch.kill("SIGKILL"));
}

class OwnRedis extends Redis {
  pattern = "*";

  constructor(url, file, tls) {
    super(url);
    Object.assign(this, { file, ca: tls?.ca });
  }

  /** Starts it, the first time or after `kill()`; ready when it answers. */
  async start() {
    const child = spawn("redis-server", [this.file], { stdio: ["ignore", "pipe", "pipe"] });
    Object.assign(this, { child, gone: false, log: "" });
    if (child.pid) guard(child, path.dirname(this.file));
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => {
        this.log += error.code === "ENOENT" ? "redis-server is not installed: see scripts/redis.js" : error.message;
        resolve();
      });
      child.once("exit", resolve);
    }).then(() => {
      this.gone = true;
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text) => {
        this.log += text;
      });
    }
    await this.#ready();
  }

  async #ready() {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      if (this.gone || Date.now() > deadline) throw new Error(`redis-server did not start:\n${this.log}`);
      try {
        await this.command("PING");
        return;
      } catch {
        await sleep(20);
      }
    }
  }

  /** It stands still: connections are taken by the kernel, and nothing is answered. */
  pause() {
    this.child.kill("SIGSTOP");
  }

  resume() {
    this.child.kill("SIGCONT");
  }

  /** Its end without a goodbye. What it had not written to its folder is lost. */
  async kill() {
    if (!this.gone) this.child.kill("SIGKILL");
    await this.ended;
  }

  async stop() {
    await this.kill();
    rmSync(path.dirname(this.file), { recursive: true, force: true });
  }
}
