// The race client: many raw TCP connections present one ticket at the same moment.
//
// Sockets rather than `WebSocket`, because the moment matters: all connections stand open before the first byte is
// written, and then every upgrade request is written in one turn of the event loop. Works against one gate or several
// (`targets`).
import net from "node:net";
import { PATIENCE_MS } from "./pace.js";

const HANDSHAKE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};
// A masked, empty close frame: an admitted connection leaves politely.
const CLOSE_FRAME = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);

/**
 * One round. `targets` are `{ url, headers? }`; connections are dealt to them in turn.
 * Answers `{ admitted, refused, other, took }`: how many got 101, how many 401, every other status (or error) by count.
 */
export async function race({ targets, ticket, connections = 100 }) {
  // Behind another door (`doors.js`) there is no upgrade to race for.
  if (targets[0].asked) {
    const began = performance.now();
    const asked = Array.from({ length: connections }, (_, i) => targets[i % targets.length].opens(ticket));
    return tally((await Promise.all(asked)).map(String), performance.now() - began);
  }
  const racers = Array.from({ length: connections }, (_, i) => new Racer(targets[i % targets.length], ticket));
  const timer = setTimeout(() => {
    for (const racer of racers) racer.finish("deadline");
  }, PATIENCE_MS);
  try {
    await Promise.all(racers.map((racer) => racer.open));
    const began = performance.now();
    for (const racer of racers) racer.go();
    const outcomes = await Promise.all(racers.map((racer) => racer.outcome));
    return tally(outcomes, performance.now() - began);
  } finally {
    clearTimeout(timer);
    for (const racer of racers) racer.finish("abandoned");
  }
}

/** Many rounds, a fresh ticket each. `issue` gets the round's number. */
export async function rounds({ count, issue, ...options }) {
  const total = { rounds: 0, one: 0, none: 0, several: 0, worst: 0, other: {}, connections: 0, seconds: 0 };
  const began = performance.now();
  for (let round = 0; round < count; round += 1) {
    const result = await race({ ...options, ticket: await issue(round) });
    total.rounds += 1;
    total.connections += result.admitted + result.refused + sum(Object.values(result.other));
    total[result.admitted === 1 ? "one" : result.admitted === 0 ? "none" : "several"] += 1;
    total.worst = Math.max(total.worst, result.admitted);
    for (const [what, times] of Object.entries(result.other)) total.other[what] = (total.other[what] ?? 0) + times;
    total.seconds = (performance.now() - began) / 1000;
  }
  return total;
}

class Racer {
  constructor(target, ticket) {
    const url = new URL(target.url);
    const headers = Object.entries({ Host: url.host, ...HANDSHAKE, ...target.headers });
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
    this.request = `GET /ws?ticket=${ticket} HTTP/1.1\r\n${lines.join("")}\r\n`;
    this.head = "";
    this.outcome = new Promise((resolve) => {
      this.resolve = resolve;
    });
    this.socket = net.connect({ host: url.hostname, port: url.port, noDelay: true });
    this.open = new Promise((resolve) => {
      this.socket.once("connect", resolve);
      this.outcome.then(resolve);
    });
    this.socket.on("data", (chunk) => this.read(chunk));
    this.socket.on("error", (error) => this.finish(error.code ?? "error"));
    this.socket.on("close", () => this.finish("closed"));
  }

  go() {
    if (this.socket.writable) this.socket.write(this.request);
  }

  read(chunk) {
    if (this.done) return;
    this.head += chunk.toString("latin1");
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(this.head)?.[1];
    if (status !== undefined) this.finish(status);
  }

  // The first outcome stands; everything after it is clean-up.
  finish(outcome) {
    if (this.done) return;
    this.done = true;
    this.resolve(outcome);
    if (outcome === "101") this.socket.end(CLOSE_FRAME);
    else this.socket.destroy();
    setTimeout(() => this.socket.destroy(), 1000).unref();
  }
}

function tally(outcomes, took) {
  const result = { admitted: 0, refused: 0, other: {}, took };
  for (const outcome of outcomes) {
    if (outcome === "101") result.admitted += 1;
    else if (outcome === "401") result.refused += 1;
    else result.other[outcome] = (result.other[outcome] ?? 0) + 1;
  }
  return result;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
