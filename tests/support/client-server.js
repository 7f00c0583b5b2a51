// A gate of our own making for the client's tests: real HTTP and real WebSockets, and every failure that a client can meet.
// It issues tickets and takes each once. What it does with a request is said by two functions that a test may set:
//
//   onTicket(n, request)   of the nth request for a ticket (from 1); `request` has its method, headers and body
//   onUpgrade(n, ticket)   of the nth upgrade that came with a good ticket
//
// They return nothing for "as a gate does", or one of
//   "hang"       nothing is ever answered
//   "cut"        the connection is reset
//   { status, headers, body }   this answer; `body` is a string, or JSON
//   { wait: ms }  as a gate does, but late; onUpgrade's may also have `protocol`, the subprotocol to choose
// and may be async. `ping` is the answer's member of that name. `onConnection(connection, n)` is told of each connection; without it, messages are echoed.
import { randomBytes } from "node:crypto";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { accept, Connection } from "./frames.js";

const echo = (connection) => {
  connection.onmessage = (message) => connection.send(message);
};

export async function startServer(options) {
  const server = new ClientServer(options);
  await server.listen();
  return server;
}

class ClientServer {
  #sockets = new Set();
  #tickets = new Map();
  /** `carriage: "subprotocol"` answers as a gate with `TICKET_CARRIAGE=subprotocol`. */
  constructor({ carriage = "query" } = {}) {
    this.carriage = carriage;
    this.forget();
  }

  /** As new: nothing has come, and nothing fails. */
  forget() {
    Object.assign(this, { onTicket: () => {}, onUpgrade: () => {}, onConnection: echo, ping: undefined });
    this.requests = [];
    this.upgrades = [];
    this.connections = [];
    this.refusals = [];
  }

  async listen() {
    this.server = http.createServer((request, response) => this.#answer(request, response));
    this.server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await new Promise((resolve) => this.server.listen(this.port ?? 0, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    this.issue = `${this.url}/ws-ticket`;
  }

  /** Everything is cut, and the port is closed until `listen()`. */
  async close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** The last connection. */
  get connection() {
    return this.connections.at(-1);
  }

  get open() {
    return this.connections.filter(({ open }) => open).length;
  }

  async #answer(request, response) {
    // A socket that is kept for the next request would hide that this one was cut off.
    response.setHeader("Connection", "close");
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, headers, url } = request;
    const seen = { at: Date.now(), method, url, headers, body: Buffer.concat(chunks).toString("utf8"), ended: false };
    this.requests.push(seen);
    response.on("close", () => {
      seen.ended = true;
      seen.aborted = !response.writableFinished;
    });
    const how = (await this.onTicket(this.requests.length, seen)) ?? {};
    if (how === "hang") return;
    if (how === "cut") return request.socket.destroy();
    if (how.wait) await sleep(how.wait);
    const body = how.status === undefined ? this.#ticket() : (how.body ?? "");
    const text = typeof body === "string" ? body : JSON.stringify(body);
    // Problem details where a gate refuses (RFC 9457).
    const type = body.code === undefined ? "application/json" : "application/problem+json";
    response.writeHead(how.status ?? 200, { "Content-Type": type, ...how.headers }).end(text);
  }

  #ticket() {
    const ticket = `wst_t_${randomBytes(32).toString("base64url")}`;
    this.#tickets.set(ticket, "fresh");
    const url = `${this.url.replace("http", "ws")}/ws`;
    const more = this.ping === undefined ? {} : { ping: this.ping };
    if (this.carriage === "query") return { ticket, url: `${url}?ticket=${ticket}`, ...more };
    return { ticket, url, protocols: ["ws-ticket.v1", ticket], ...more };
  }

  async #upgrade(request, socket, head) {
    // Node's HTTP keeps sockets half open, and reads none after an upgrade: a peer that has gone would seem to be there.
    socket.on("end", () => socket.end()).resume();
    const offers = (request.headers["sec-websocket-protocol"] ?? "").split(/, */).filter(Boolean);
    const { searchParams } = new URL(request.url, this.url);
    const inQuery = searchParams.get("ticket");
    const ticket = inQuery ?? offers.find((offer) => offer.startsWith("wst_"));
    const own = offers.filter((offer) => offer !== ticket && offer !== "ws-ticket.v1");
    const seen = { at: Date.now(), ticket, offers, query: request.url.split("?")[1] ?? "", ended: false };
    this.upgrades.push(seen);
    socket.on("close", () => {
      seen.ended = true;
    });
    // Only the carriage that is on is looked at, as by a gate.
    const allowed = (inQuery === null) === (this.carriage === "subprotocol");
    const state = this.#tickets.get(ticket);
    if (!allowed || state !== "fresh") {
      this.refusals.push({ ticket, state });
      return socket.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    this.#tickets.set(ticket, "used");
    const how = (await this.onUpgrade(this.upgrades.length, ticket)) ?? {};
    if (how === "hang") return;
    if (how === "cut") return socket.destroy();
    if (how.status !== undefined) {
      return socket.end(`HTTP/1.1 ${how.status} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    }
    if (how.wait) await sleep(how.wait);
    if (!socket.writable) return;
    const protocol = how.protocol ?? own[0] ?? offers.find((offer) => offer === "ws-ticket.v1");
    socket.setNoDelay(true);
    socket.write(accept(request.headers["sec-websocket-key"], protocol));
    const about = { at: Date.now(), ticket, protocol };
    const connection = new Connection(socket, head, about);
    this.connections.push(connection);
    this.onConnection(connection, this.connections.length);
  }
}
