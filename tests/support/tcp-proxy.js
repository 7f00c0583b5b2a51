// A TCP proxy in front of a Redis, with the faults of a network: the only way to lose a reply after the command took effect.
//
// A fault holds for new connections, for `times` of them or until `heal()`:
//   refuse   the port is closed
//   hang     connections are taken, nothing is passed on or answered
//   cut      the command comes in and is not passed on; the connection ends
//   lose     the command takes effect, then the connection ends: the lost reply
//   mute     the command takes effect, and nothing is answered
//   half     the command takes effect, half of the reply comes, then the connection ends
//   slow     the reply comes after `ms` milliseconds
//   trickle  the reply comes byte by byte
//   answer   nothing is passed on; `bytes` are the answer
import net from "node:net";
import { Parser, RedisError } from "./resp.js";

const MODES = ["refuse", "hang", "cut", "lose", "mute", "half", "slow", "trickle", "answer"];
/** Said before a command, and no effect of their own. */
const BEFORE = ["AUTH", "SELECT"];

/** A proxy in front of the Redis that `url` names. Its own `url` has the same user, password and database. */
export async function startProxy(url) {
  const proxy = new TcpProxy(new URL(url));
  await proxy.listen();
  return proxy;
}

class TcpProxy {
  #open = new Set();
  #fault;

  constructor(target) {
    this.target = { host: target.hostname.replace(/[[\]]/g, ""), port: Number(target.port || 6379) };
    this.url = target;
    this.forget();
  }

  /** Connections and commands are counted from here on. */
  forget() {
    this.connections = 0;
    this.commands = [];
  }

  /** How many connections a client still holds open. */
  get open() {
    return this.#open.size;
  }

  async listen() {
    this.server = net.createServer({ noDelay: true }, (client) => this.#accept(client));
    await new Promise((resolve, reject) =>
      this.server.once("error", reject).listen(this.port ?? 0, "127.0.0.1", resolve),
    );
    this.port = this.server.address().port;
    const url = new URL(this.url);
    [url.hostname, url.port] = ["127.0.0.1", String(this.port)];
    this.url = url.href;
  }

  async fault(mode, { times = Number.POSITIVE_INFINITY, ms = 0, bytes = "" } = {}) {
    if (!MODES.includes(mode)) throw new Error(`no such fault: ${mode}`);
    await this.heal();
    this.#fault = { mode, times, ms, bytes };
    if (mode === "refuse") await this.#close();
  }

  async heal() {
    this.#fault = undefined;
    if (!this.server.listening) await this.listen();
  }

  async close() {
    await this.#close();
  }

  async #close() {
    for (const socket of this.#open) socket.destroy();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }

  #accept(client) {
    this.connections += 1;
    this.#open.add(client);
    client.on("error", () => {});
    client.on("close", () => this.#open.delete(client));
    const fault = this.#fault?.times > 0 ? this.#fault : { mode: "pass" };
    if (this.#fault) this.#fault.times -= 1;

    const asked = new Parser();
    const names = [];
    client.on("data", (chunk) => {
      const read = asked.push(chunk).map(([name]) => String(name).toUpperCase());
      names.push(...read);
      this.commands.push(...read);
    });
    if (fault.mode === "hang") return;
    if (fault.mode === "cut") return client.once("data", () => client.destroy());
    if (fault.mode === "answer") return client.once("data", () => client.write(fault.bytes));
    this.#forward(client, names, fault);
  }

  #forward(client, names, { mode, ms }) {
    const server = net.connect({ ...this.target, noDelay: true });
    server.on("error", () => client.destroy());
    server.on("close", () => mode !== "mute" && client.destroy());
    client.on("data", (chunk) => server.write(chunk));
    client.on("close", () => server.destroy());
    const answered = new Parser();
    let replies = 0;
    server.on("data", async (chunk) => {
      const values = answered.push(chunk);
      replies += values.length;
      // An error says that nothing was done, and is passed on.
      const done = replies === names.length && !BEFORE.includes(names.at(-1)) && !(values.at(-1) instanceof RedisError);
      if (mode === "slow") setTimeout(() => client.writable && client.write(chunk), ms);
      else if (mode === "trickle") await trickle(client, chunk);
      else if (!done || mode === "pass") client.write(chunk);
      else if (mode === "lose") client.destroy();
      else if (mode === "half") client.end(chunk.subarray(0, chunk.length / 2));
    });
  }
}

async function trickle(client, chunk) {
  for (const byte of chunk) {
    if (!client.writable) return;
    client.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
