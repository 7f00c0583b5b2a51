// RESP, the language of Redis, for the tests: words to bytes, bytes to values, and a client that does no more than that. Written
// once for the client, the proxy that counts commands and the bridge that speaks for Upstash.
import net from "node:net";
import tls from "node:tls";

/** An error that Redis answered with. */
export class RedisError extends Error {}

/** A command's bytes. */
export function encode(words) {
  const parts = words.flatMap((word) => {
    const bytes = Buffer.from(String(word));
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")];
  });
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}

/**
 * Values out of bytes as they come, in either direction. A bulk string is a Buffer, a simple one a string, an integer a number,
 * and an error a `RedisError`.
 */
export class Parser {
  bytes = Buffer.alloc(0);

  /** The values that are whole now. */
  push(chunk) {
    this.bytes = Buffer.concat([this.bytes, chunk]);
    const values = [];
    for (;;) {
      this.at = 0;
      const value = this.#value();
      if (value === undefined) return values;
      this.bytes = this.bytes.subarray(this.at);
      values.push(value);
    }
  }

  #line() {
    const end = this.bytes.indexOf("\r\n", this.at);
    if (end < 0) return undefined;
    const line = this.bytes.toString("utf8", this.at, end);
    this.at = end + 2;
    return line;
  }

  #value() {
    const line = this.#line();
    if (line === undefined) return undefined;
    const [kind, text] = [line[0], line.slice(1)];
    if (kind === "+") return text;
    if (kind === "-") return new RedisError(text);
    if (kind === ":") return Number(text);
    if (kind !== "$" && kind !== "*") throw new Error(`not RESP: ${JSON.stringify(line.slice(0, 40))}`);
    const length = Number(text);
    if (length < 0) return null;
    if (kind === "*") {
      const values = [];
      for (let i = 0; i < length; i += 1) {
        const value = this.#value();
        if (value === undefined) return undefined;
        values.push(value);
      }
      return values;
    }
    const value = this.bytes.subarray(this.at, this.at + length);
    this.at += length + 2;
    return this.at > this.bytes.length ? undefined : value;
  }
}

/** A connection to the Redis that a `redis:` or `rediss:` URL names, logged in. */
export async function connectRedis(url, { ca } = {}) {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const address = { host: hostname.replace(/[[\]]/g, ""), port: Number(port || 6379), ca };
  const socket = protocol === "rediss:" ? tls.connect(address) : net.connect(address);
  await new Promise((resolve, reject) => {
    socket.once(protocol === "rediss:" ? "secureConnect" : "connect", resolve);
    socket.once("error", reject);
  });
  const client = new Client(socket);
  const login = [username, password].filter(Boolean).map(decodeURIComponent);
  if (login.length > 0) await client.command("AUTH", ...login);
  if (pathname.length > 1) await client.command("SELECT", pathname.slice(1));
  return client;
}

class Client {
  #waiting = [];
  #parser = new Parser();

  constructor(socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      for (const value of this.#parser.push(chunk)) this.#waiting.shift()?.resolve(value);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("the connection to Redis has ended"));
    });
  }

  /** Values of several commands that are written in one go; errors are among them. */
  all(commands) {
    const values = commands.map(() => new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })));
    this.socket.write(Buffer.concat(commands.map(encode)));
    return Promise.all(values);
  }

  /** The value of one; an error is thrown. */
  async command(...words) {
    const [value] = await this.all([words]);
    if (value instanceof RedisError) throw value;
    return value;
  }

  close() {
    this.socket.destroy();
  }
}
