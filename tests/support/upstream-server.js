// A server behind the gate: HTTP by Node and sockets by `ws`, on 127.0.0.1. What it does is in the path's last part.
import { once } from "node:events";
import http from "node:http";
import { WebSocketServer } from "ws";

/** A message of 32 MiB, the largest that Workers take, and what surrounds it. */
const LARGEST = 40 * 2 ** 20;

/**
 * Starts it. `handshakes` has every upgrade that came, `{ url, headers }`, `sockets` those that are open, and `ended` what became of
 * those that were: `{ code, reason }`. By the path's last part:
 *
 * | `answer-<status>` | an answer of that status to the upgrade, with a `Location` where it is a redirect |
 * | `silent`          | no answer at all |
 * | `late-<ms>`       | a socket after so long |
 * | `cut`             | the connection ends in place of an answer |
 * | `speaks-<name>`   | a socket with that subprotocol, whatever was offered |
 * | `chooses-<name>`  | with that one, if it was offered |
 * | `cookie`          | a socket, and headers of the server's own on the 101 |
 * | `ends-<code>`     | a socket that is closed with that code as soon as it is open |
 * | anything else     | a socket that sends every message back |
 */
export async function startUpstream({ subprotocol } = {}) {
  const handshakes = [];
  const ended = [];
  const raw = new Set();
  const wss = new WebSocketServer({ noServer: true, maxPayload: LARGEST, handleProtocols: () => false });
  const server = http.createServer((_, response) => response.writeHead(200).end("no socket here"));
  server.on("connection", (socket) => {
    raw.add(socket);
    socket.on("close", () => raw.delete(socket));
  });
  server.on("upgrade", (request, socket, head) => {
    const { url, headers, rawHeaders } = request;
    handshakes.push({ url, headers, rawHeaders });
    socket.on("error", () => socket.destroy());
    const [, word, value] = /([a-z]+)(?:-([^/?]*))?\/?(?:\?.*)?$/.exec(url.replace(/\?.*/, "")) ?? [];
    const offered = (headers["sec-websocket-protocol"] ?? "").split(/, */);
    const open = (protocol, more = []) => {
      const says = (lines) => lines.push(...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []), ...more);
      wss.once("headers", says);
      wss.handleUpgrade(request, socket, head, (ws) => {
        ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
        ws.on("error", () => {});
        ws.on("close", (code, reason) => ended.push({ url, code, reason: String(reason) }));
        if (word === "ends") ws.close(Number(value), `with ${value}`);
      });
    };
    if (word === "silent") return;
    if (word === "cut") return socket.destroy();
    if (word === "answer") {
      const location = value.startsWith("3") ? "Location: /elsewhere\r\n" : "";
      const secret = "the server's own words, for nobody else";
      const length = Buffer.byteLength(secret);
      return socket.end(
        `HTTP/1.1 ${value} Because\r\n${location}X-Own: ${secret}\r\nContent-Length: ${length}\r\n\r\n${secret}`,
      );
    }
    if (word === "late") return setTimeout(open, Number(value));
    if (word === "speaks") return open(value);
    if (word === "cookie") return open(undefined, ["Set-Cookie: a=b", "X-Own: 1"]);
    if (word === "chooses") return open(offered.includes(value) ? value : undefined);
    open(offered.includes(subprotocol) ? subprotocol : undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: server.address().port,
    handshakes,
    ended,
    sockets: wss.clients,
    async close() {
      for (const socket of raw) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
