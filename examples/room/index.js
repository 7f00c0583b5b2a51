// A Worker with rooms in Durable Objects, behind the gate: docs/behind-the-gate.md has it word for word.
import { DurableObject } from "cloudflare:workers";

/** Everybody in a room hears what the others say. */
export class Room extends DurableObject {
  fetch(request) {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(request.headers.get("X-Subject"));
    return new Response(null, { status: 101, webSocket: client });
  }
  webSocketMessage(from, message) {
    const who = decodeURIComponent(from.deserializeAttachment());
    for (const socket of this.ctx.getWebSockets()) if (socket !== from) socket.send(`${who}: ${message}`);
  }
}

export default {
  async fetch(request, env) {
    const { headers } = request;
    const grant = await env.GATE.redeem({
      ticket: new URL(request.url).searchParams.get("ticket") ?? "",
      attempt: crypto.randomUUID(),
      origin: headers.get("Origin"),
      cookie: headers.get("Cookie"),
      address: headers.get("CF-Connecting-IP"),
    });
    if (!grant.active) return new Response("no", { status: 401 });
    const inside = new Request(request);
    inside.headers.set("X-Subject", encodeURIComponent(grant.sub));
    return env.ROOM.getByName(grant.room ?? "lobby").fetch(inside);
  },
};
