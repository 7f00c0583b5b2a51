// A WebSocket server in Node, behind the gate: docs/behind-the-gate.md has it word for word.
import { randomUUID } from "node:crypto";
import http from "node:http";
import { WebSocketServer } from "ws";

const { GATE_URL, REDEEM_SECRET, PORT = "8080" } = process.env;
const sockets = new WebSocketServer({ noServer: true });
const server = http.createServer((_, response) => response.writeHead(426).end());

/** Whose ticket it is; throws where the gate has no answer. */
async function redeem({ url, headers, socket }) {
  const { searchParams } = new URL(url, "http://localhost");
  const presented = {
    ticket: searchParams.get("ticket") ?? "",
    attempt: randomUUID(),
    origin: headers.origin,
    cookie: headers.cookie,
    address: socket.remoteAddress,
  };
  const answer = await fetch(`${GATE_URL}/ws-ticket/redeem`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${REDEEM_SECRET}` },
    body: JSON.stringify(presented),
    signal: AbortSignal.timeout(5000),
  });
  if (!answer.ok) throw new Error(`the gate answered ${answer.status}`);
  return answer.json();
}

server.on("upgrade", async (request, socket, head) => {
  const refuse = (status) => socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.on("error", () => socket.destroy());
  try {
    const grant = await redeem(request);
    if (!grant.active) return refuse("401 Unauthorized");
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.send(`welcome, ${grant.sub}`);
      ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
    });
  } catch {
    refuse("503 Service Unavailable");
  }
});

server.listen(Number(PORT), () => console.log(`ws://localhost:${server.address().port}`));
