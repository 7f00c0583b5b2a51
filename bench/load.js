// The load: tickets asked for and sockets opened, over plain TCP connections, so that the generator costs little. It tells what
// it cost itself, and so whether it was the bottleneck.
import net from "node:net";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** A close frame with code 1000, masked with zeros. */
const CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

const lines = (headers) =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");

/** A connection that is kept and asked one thing at a time. */
class Connection {
  #buffer = "";
  #waiting;

  constructor(port) {
    this.socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.setEncoding("latin1");
    this.socket.on("data", (text) => {
      this.#buffer += text;
      this.#look();
    });
    this.socket.on("error", (error) => this.#waiting?.reject(error));
    this.socket.on("close", () => this.#waiting?.reject(new Error(`closed after: ${this.#buffer.slice(0, 200)}`)));
  }

  #look() {
    if (!this.#waiting) return;
    const end = this.#buffer.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#buffer.slice(0, end);
    const length = /^HTTP\/1.1 101/.test(head) ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#buffer.length < end + 4 + length) return;
    const body = this.#buffer.slice(end + 4, end + 4 + length);
    this.#buffer = this.#buffer.slice(end + 4 + length);
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve({ status: Number(head.slice(9, 12)), body });
  }

  ask(text) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.socket.write(text, "latin1");
    });
  }
}

function issueText(side) {
  return `POST /ws-ticket HTTP/1.1\r\nHost: 127.0.0.1:${side.port}\r\nOrigin: http://127.0.0.1:${side.port}\r\nSec-Fetch-Mode: same-origin\r\n${lines(side.headers)}Content-Length: 0\r\n\r\n`;
}

const upgradeText = (side, ticket) =>
  `GET /ws?ticket=${ticket} HTTP/1.1\r\nHost: 127.0.0.1:${side.port}\r\nOrigin: http://127.0.0.1:${side.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`;

async function issue(connection, side, text) {
  const { status, body } = await connection.ask(text);
  if (status !== 200 && status !== 201) throw new Error(`${side.name}: POST /ws-ticket answered ${status}: ${body}`);
  return /"ticket":"([^"]+)"/.exec(body)[1];
}

/** Opens a socket with each ticket, one after the other. */
export async function openAll(side, tickets) {
  for (const ticket of tickets) await open(side, ticket);
}

async function open(side, ticket) {
  const connection = new Connection(side.port);
  const { status, body } = await connection.ask(upgradeText(side, ticket));
  if (status !== 101) throw new Error(`${side.name}: GET /ws answered ${status}: ${body}`);
  connection.socket.write(CLOSE);
  connection.socket.destroySoon();
}

async function plain(connection, side) {
  const { status } = await connection.ask(`GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:${side.port}\r\n\r\n`);
  if (status !== 200 && status !== 404) throw new Error(`${side.name}: GET /nowhere answered ${status}`);
}

/** A ticket, alone. */
export async function issueOne(side) {
  const connection = new Connection(side.port);
  const ticket = await issue(connection, side, issueText(side));
  connection.socket.destroy();
  return ticket;
}

/** What one operation is, by name. */
const OPERATIONS = {
  plain: (connection, side) => plain(connection, side),
  accept: (_, side) => open(side, "x"),
  issue: (connection, side, text) => issue(connection, side, text),
  lifecycle: async (connection, side, text) => open(side, await issue(connection, side, text)),
};

/**
 * Does `count` operations, `width` at a time. Answers with microseconds of the server's processor time for each, operations a
 * second, milliseconds at p50 and p99, which part of a processor the load itself took, and what each operation came to.
 */
export async function load(side, { operation, count, width }) {
  const [times, results] = [[], []];
  let left = count;
  const text = issueText(side);
  const before = { cpu: side.cpu(), own: process.cpuUsage(), at: performance.now() };
  const worker = async () => {
    const connection = new Connection(side.port);
    while (left-- > 0) {
      const began = performance.now();
      results.push(await OPERATIONS[operation](connection, side, text));
      times.push(performance.now() - began);
    }
    connection.socket.destroy();
  };
  await Promise.all(Array.from({ length: width }, worker));
  const ms = performance.now() - before.at;
  const { user, system } = process.cpuUsage(before.own);
  times.sort((a, b) => a - b);
  return {
    cpu: (side.cpu() - before.cpu) / count / 1000,
    rate: count / (ms / 1000),
    p50: times[Math.floor(times.length * 0.5)],
    p99: times[Math.floor(times.length * 0.99)],
    own: (user + system) / 1000 / ms,
    results,
  };
}
