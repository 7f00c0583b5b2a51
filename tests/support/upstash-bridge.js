// Upstash's REST API (https://upstash.com/docs/redis/features/restapi) in front of a real Redis, with the faults of an edge.
// `upstash-bridge.test.js` holds it to the official client, so that it can't drift into a mock.
//
// A fault holds for `times` requests or until `heal()`:
//   refuse  the port is closed
//   hang    nothing is passed on or answered
//   lose    the command takes effect, then the connection ends: the lost reply
//   mute    the command takes effect, and nothing is answered
//   half    the command takes effect, half of the body comes, then the connection ends
//   slow    the answer comes after `ms` milliseconds
//   answer  nothing is passed on; `status`, `headers` and `body` are the answer
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { connectRedis, RedisError } from "./resp.js";

const MODES = ["refuse", "hang", "lose", "mute", "half", "slow", "answer"];
const JSON_TYPE = { "Content-Type": "application/json" };

/** A bridge to the Redis that `url` names. */
export async function startBridge(url, { token = "bridge-token" } = {}) {
  const bridge = new Bridge(await connectRedis(url), token);
  await bridge.listen();
  return bridge;
}

class Bridge {
  #fault;

  constructor(redis, token) {
    Object.assign(this, { redis, token });
    this.forget();
  }

  /** The settings of a gate that uses it. */
  get vars() {
    return { UPSTASH_REDIS_REST_URL: this.url, UPSTASH_REDIS_REST_TOKEN: this.token };
  }

  /** Requests and commands are counted from here on. */
  forget() {
    this.requests = 0;
    this.commands = [];
  }

  async listen() {
    this.server = http.createServer((request, response) => this.#answer(request, response));
    await new Promise((resolve, reject) =>
      this.server.once("error", reject).listen(this.port ?? 0, "127.0.0.1", resolve),
    );
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
  }

  async fault(mode, { times = Number.POSITIVE_INFINITY, ms = 0, status = 200, headers = {}, body = "" } = {}) {
    if (!MODES.includes(mode)) throw new Error(`no such fault: ${mode}`);
    await this.heal();
    this.#fault = { mode, times, ms, status, headers, body };
    if (mode === "refuse") await this.#close();
  }

  async heal() {
    this.#fault = undefined;
    if (!this.server.listening) await this.listen();
  }

  async close() {
    await this.#close();
    this.redis.close();
  }

  async #close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  async #answer(request, response) {
    this.requests += 1;
    const fault = this.#fault?.times > 0 ? this.#fault : { mode: "pass" };
    if (this.#fault) this.#fault.times -= 1;
    // One request a connection: what is kept open would outlive a refusal.
    response.setHeader("Connection", "close");
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (fault.mode === "hang") return;
    if (fault.mode === "answer") return response.writeHead(fault.status, fault.headers).end(fault.body);
    const { status, value } = await this.#result(request, Buffer.concat(chunks));
    if (fault.mode === "mute") return;
    if (fault.mode === "lose") return request.socket.destroy();
    if (fault.mode === "slow") await sleep(fault.ms);
    const body = JSON.stringify(value);
    response.writeHead(status, { ...JSON_TYPE, "Content-Length": Buffer.byteLength(body) });
    if (fault.mode !== "half") return response.end(body);
    response.write(body.slice(0, body.length / 2), () => request.socket.destroy());
  }

  async #result({ method, url, headers }, bytes) {
    const refused = (status, error) => ({ status, value: { error } });
    if (headers.authorization !== `Bearer ${this.token}`)
      return refused(401, "WRONGPASS invalid or missing auth token");
    if (method !== "POST") return refused(405, "ERR only POST is bridged");
    let asked;
    try {
      asked = JSON.parse(bytes);
    } catch {
      return refused(400, "ERR failed to parse command");
    }
    const commands = url === "/" ? [asked] : asked;
    if (!Array.isArray(commands) || !commands.every((words) => Array.isArray(words) && words.length > 0)) {
      return refused(400, "ERR failed to parse command");
    }
    const shown = (value) => show(value, headers["upstash-encoding"] === "base64");
    this.commands.push(...commands.map(([name]) => String(name).toUpperCase()));
    if (url === "/multi-exec") {
      // In one go, on the one connection: nothing comes in between.
      const values = await this.redis.all([["MULTI"], ...commands, ["EXEC"]]);
      const done = values.at(-1);
      return done instanceof RedisError ? refused(400, done.message) : { status: 200, value: done.map(shown) };
    }
    if (url === "/pipeline") return { status: 200, value: (await this.redis.all(commands)).map(shown) };
    if (url !== "/") return refused(404, "ERR only /, /pipeline and /multi-exec are bridged");
    const [value] = await this.redis.all(commands);
    return { status: value instanceof RedisError ? 400 : 200, value: shown(value) };
  }
}

/** A value as the API gives it. Only what is stored is encoded: not `OK`, not a number, not an error. */
function show(value, base64) {
  if (value instanceof RedisError) return { error: value.message };
  const plain = (part) => {
    if (Array.isArray(part)) return part.map(plain);
    return Buffer.isBuffer(part) ? part.toString(base64 ? "base64" : "utf8") : part;
  };
  return { result: plain(value) };
}
