// A WebSocket server in Node behind the gate, which hands it sockets: docs/behind-the-gate.md has it word for word.
import http from "node:http";
import { WebSocketServer } from "ws";
import { verifyAssertion } from "../server/index.js";

const { GATE_URL, UPSTREAM_SECRET, AUDIENCE, PORT = "3000" } = process.env;
const keys = { secret: UPSTREAM_SECRET, issuer: GATE_URL, audience: AUDIENCE };
const sockets = new WebSocketServer({ noServer: true });
const server = http.createServer((_, response) => response.writeHead(426).end());

server.on("upgrade", async (request, socket, head) => {
  socket.on("error", () => socket.destroy());
  const admitted = await verifyAssertion(request, keys);
  if (admitted instanceof Response)
    return socket.end(`HTTP/1.1 ${admitted.status} Refused\r\nConnection: close\r\n\r\n`);
  sockets.handleUpgrade(request, socket, head, (ws) => {
    ws.send(`welcome to ${request.url}, ${admitted.grant.subject}`);
    ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
  });
});

server.listen(Number(PORT), () => console.log(`ws://localhost:${server.address().port}`));
