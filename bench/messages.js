// Messages through an open socket: each comes back as it went. Processor time of the server for each, and how many a second.
import net from "node:net";
import { issueOne } from "./load.js";
import { start } from "./process.js";

/** On one socket: what the gate's echo takes at once. */
const COUNT = 4000;
const SOCKETS = 15;
const IN_FLIGHT = 200;
const TEXT = "x".repeat(64);
/** A text frame of a client, masked with zeros. */
const FRAME = Buffer.concat([Buffer.from([0x81, 0x80 | TEXT.length, 0, 0, 0, 0]), Buffer.from(TEXT)]);
const BACK = 2 + TEXT.length;

/** In turns, on `count` sockets of each side: the medians, and of the ratios, theirs ÷ ours for the processor and ours ÷ theirs a second. */
export async function messagePairs(ours, theirs, count) {
  const all = [];
  for (let pair = 0; pair < count; pair += 1) all.push([await messages(ours), await messages(theirs)]);
  const median = (of) => all.map(of).sort((a, b) => a - b)[Math.floor(count / 2)];
  const side = (at) => ({ cpu: median((pair) => pair[at].cpu), rate: median((pair) => pair[at].rate) });
  const ratio = {
    cpu: median(([mine, other]) => other.cpu / mine.cpu),
    rate: median(([mine, other]) => mine.rate / other.rate),
  };
  return { ours: side(0), theirs: side(1), ratio };
}

/** On sockets of the side, one after another. */
export async function messages(side) {
  const server = await start(side);
  try {
    const all = [];
    for (let count = 0; count < SOCKETS; count += 1) all.push(await throughOne(server));
    const mean = (of) => all.reduce((sum, each) => sum + of(each), 0) / SOCKETS / COUNT;
    return { cpu: mean(({ cpu }) => cpu) / 1000, rate: 1 / mean(({ seconds }) => seconds) };
  } finally {
    await server.stop();
  }
}

/** Sends `COUNT` through one socket: the processor time of it all, and how long it took. */
async function throughOne(server) {
  const socket = await open(server);
  const before = { cpu: server.cpu(), at: performance.now() };
  await new Promise((resolve, reject) => {
    let [sent, bytes] = [0, 0];
    const send = () => {
      while (sent < COUNT && sent - bytes / BACK < IN_FLIGHT) {
        socket.write(FRAME);
        sent += 1;
      }
    };
    socket.on("data", (data) => {
      bytes += data.length;
      if (bytes >= COUNT * BACK) resolve();
      else send();
    });
    socket.on("error", reject);
    send();
  });
  const result = { cpu: server.cpu() - before.cpu, seconds: (performance.now() - before.at) / 1000 };
  socket.destroy();
  return result;
}

/** A socket whose welcome has come. */
async function open(server) {
  const ticket = await issueOne(server);
  const socket = net.connect({ port: server.port, host: "127.0.0.1", noDelay: true });
  const lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
  socket.write(
    `GET /ws?ticket=${ticket} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nOrigin: http://127.0.0.1:${server.port}\r\n${lines.join("\r\n")}\r\n${key}\r\n\r\n`,
  );
  // The head and the welcome come first; nothing else does.
  await new Promise((resolve, reject) => {
    let text = "";
    const look = (data) => {
      text += data.toString("latin1");
      if (!text.startsWith("HTTP/1.1 101") && text.length > 12) reject(new Error(text));
      if (text.includes('"welcome"')) {
        socket.off("data", look);
        resolve();
      }
    };
    socket.on("data", look);
  });
  return socket;
}
