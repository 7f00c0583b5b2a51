// What people write on a server of their own: Node, `ws`, and a Redis that takes a ticket away as it gives it.
import { randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import http from "node:http";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";

const redis = new Redis(process.env.REDIS_URL);
const sockets = new WebSocketServer({ noServer: true });

const server = http.createServer(async (request, response) => {
  if (request.url !== "/ws-ticket" || request.method !== "POST") return response.writeHead(404).end("not found");
  const ticket = randomUUID();
  await redis.set(`ticket:${ticket}`, JSON.stringify({ sub: "dev" }), "EX", 300);
  const body = JSON.stringify({ ticket, expires_in: 300, url: `wss://${request.headers.host}/ws?ticket=${ticket}` });
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length }).end(body);
});

server.on("upgrade", async (request, socket, head) => {
  const url = new URL(request.url, "http://localhost");
  const grant = await redis.getdel(`ticket:${url.searchParams.get("ticket")}`);
  if (!grant) return socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
  sockets.handleUpgrade(request, socket, head, (ws) => {
    ws.send(JSON.stringify({ type: "welcome", ...JSON.parse(grant) }));
    ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
    ws.on("error", () => undefined);
  });
});

server.listen(0, "127.0.0.1", () => writeSync(3, JSON.stringify({ event: "listen", port: server.address().port })));
