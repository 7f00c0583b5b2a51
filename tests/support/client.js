// A client of the wire with nothing in between: requests exactly as written, upgrades that show the refusal too. Every answer of
// a gate is held to docs/openapi.yaml, and its welcome to docs/asyncapi.yaml: one that departs is an error.
import http from "node:http";
import zlib from "node:zlib";
import { departsAsWelcome } from "./asyncapi.js";
import { departs } from "./openapi.js";
import { PATIENCE_MS } from "./pace.js";

const HANDSHAKE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** One request. `body` may be a string, a Buffer, or an array of them, which is sent chunked, without a length. */
export function request(target, { method = "GET", path = "/", headers = {}, body, signal } = {}) {
  return new Promise((resolve, reject) => {
    const all = { ...target.headers, ...headers };
    const options = { method, agent: false, headers: all, timeout: PATIENCE_MS, signal };
    const sent = http.request(new URL(target.url).origin + path, options);
    sent.on("timeout", () => sent.destroy(new Error(`no answer to ${method} ${path} in ${PATIENCE_MS} ms`)));
    sent.on("error", reject);
    const answered = (answer) => {
      // These are the harness's own.
      if (!path.startsWith("/__edge")) departs(method, path, all, answer);
      resolve(answer);
    };
    sent.on("upgrade", (message, socket, head) => {
      try {
        answered(new Admitted(message, socket, head));
      } catch (error) {
        socket.destroy();
        reject(error);
      }
    });
    sent.on("response", async (message) => {
      try {
        const chunks = [];
        for await (const chunk of message) chunks.push(chunk);
        answered(new Answer(message, decoded(message, Buffer.concat(chunks))));
      } catch (error) {
        reject(error);
      }
    });
    if (Array.isArray(body)) {
      for (const chunk of body) sent.write(chunk);
      sent.end();
    } else if (body === undefined) sent.end();
    else sent.end(body);
  });
}

/** A request straight to a Worker, at a URL of any scheme and host. */
export async function direct(worker, url, { method = "GET", headers = {} } = {}) {
  const response = await worker.fetch(url, { method, headers });
  const head = { statusCode: response.status, headers: Object.fromEntries(response.headers) };
  const body = Buffer.from(await response.arrayBuffer());
  const answer = new Answer({ ...head, rawHeaders: [...response.headers].flat() }, body);
  departs(method, new URL(url).pathname, headers, answer);
  return answer;
}

/** The body as the gate wrote it: whoever accepts it gets it compressed by the server. */
function decoded({ headers: { "content-encoding": encoding } }, bytes) {
  if (bytes.length === 0) return bytes;
  if (encoding === "br") return zlib.brotliDecompressSync(bytes);
  return encoding === "gzip" ? zlib.gunzipSync(bytes) : bytes;
}

/** `GET /ws` with an upgrade. `query` replaces `ticket=…`; a header set to `undefined` is left out. */
export function upgrade(target, ticket, { query = `ticket=${ticket}`, path = "/ws", headers = {}, signal } = {}) {
  const all = Object.entries({ ...HANDSHAKE, ...headers }).filter(([, value]) => value !== undefined);
  return request(target, { path: query === "" ? path : `${path}?${query}`, headers: Object.fromEntries(all), signal });
}

/** `upgrade` that only says whether it was admitted, and leaves at once. */
export async function opens(target, ticket, options) {
  const answer = await upgrade(target, ticket, options);
  if (answer.status === 101) await answer.leave();
  return answer.status;
}

/** POST /ws-ticket, with a JSON body when `body` is given. */
export function post(target, body, headers = {}) {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  const text = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return request(target, { method: "POST", path: "/ws-ticket", headers: { ...json, ...headers }, body: text });
}

/** POST /ws-ticket/redeem, with a JSON body; `secret` may be left out. */
export function redeem(target, body, { secret, headers = {}, signal } = {}) {
  const login = secret === undefined ? {} : { Authorization: `Bearer ${secret}` };
  const all = { "Content-Type": "application/json", ...login, ...headers };
  const text = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return request(target, { method: "POST", path: "/ws-ticket/redeem", headers: all, body: text, signal });
}

/** A ticket and what was said with it; throws when it was refused. */
export async function issue(target, body, headers) {
  const answer = await post(target, body, headers);
  if (answer.status !== 200) throw new Error(`POST /ws-ticket answered ${answer.status}: ${answer.text}`);
  return answer.json;
}

class Answer {
  constructor(message, body) {
    this.status = message.statusCode;
    this.headers = message.headers;
    this.rawHeaders = message.rawHeaders;
    this.body = body;
  }
  get text() {
    return this.body.toString("utf8");
  }
  get json() {
    return JSON.parse(this.text);
  }
}

/** An admitted connection, down to its text frames: enough to read the welcome and to leave. */
class Admitted {
  constructor(message, socket, head) {
    this.status = message.statusCode;
    this.headers = message.headers;
    this.rawHeaders = message.rawHeaders;
    this.socket = socket;
    this.pending = head;
    this.closed = new Promise((resolve) => {
      socket.on("close", resolve);
      socket.on("error", resolve);
    });
    socket.on("data", (chunk) => {
      this.pending = Buffer.concat([this.pending, chunk]);
      this.wake?.();
    });
    socket.on("close", () => this.wake?.());
  }

  /** The text of the next frame, parsed as JSON. */
  async message() {
    for (;;) {
      const text = this.#frame();
      if (text !== undefined) return this.#held(JSON.parse(text));
      if (this.socket.destroyed) throw new Error("the socket closed before a frame came");
      const timer = setTimeout(() => this.socket.destroy(), PATIENCE_MS);
      await new Promise((resolve) => {
        this.wake = resolve;
      });
      clearTimeout(timer);
    }
  }

  /** The first is the welcome, and nothing else. */
  #held(message) {
    if (!this.welcomed) departsAsWelcome(message);
    this.welcomed = true;
    return message;
  }

  #frame() {
    const bytes = this.pending;
    if (bytes.length < 2) return undefined;
    if (bytes[0] !== 0x81) throw new Error(`not a whole text frame: 0x${bytes[0].toString(16)}`);
    const start = bytes[1] === 126 ? 4 : 2;
    if (bytes[1] > 126) throw new Error("a longer frame than this client reads");
    if (bytes.length < start) return undefined;
    const end = start + (bytes[1] === 126 ? bytes.readUInt16BE(2) : bytes[1]);
    if (bytes.length < end) return undefined;
    this.pending = bytes.subarray(end);
    return bytes.subarray(start, end).toString("utf8");
  }

  /** Sends an empty close frame and waits for the end, one second at most. */
  async leave() {
    this.socket.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    const timer = setTimeout(() => this.socket.destroy(), 1000);
    await this.closed;
    clearTimeout(timer);
  }
}
