// Tickets in Durable Objects, by RPC: one statement takes a ticket and answers with what it was good for.
import { DurableObject } from "cloudflare:workers";

const SHARDS = 4;

export class Tickets extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS tickets (ticket TEXT PRIMARY KEY, what TEXT, expires INTEGER) WITHOUT ROWID",
    );
  }
  put(ticket, grant, expires) {
    this.ctx.storage.sql.exec("INSERT INTO tickets VALUES (?, ?, ?)", ticket, grant, expires);
  }
  take(ticket) {
    const [row] = this.ctx.storage.sql.exec("DELETE FROM tickets WHERE ticket = ? RETURNING what, expires", ticket);
    return row;
  }
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/ws-ticket" && request.method === "POST") {
      const shard = Math.floor(Math.random() * SHARDS);
      const ticket = `${shard}-${crypto.randomUUID()}`;
      await env.TICKETS.getByName(`shard-${shard}`).put(ticket, JSON.stringify({ sub: "dev" }), Date.now() + 300_000);
      return Response.json({ ticket, expires_in: 300, url: `wss://${url.host}/ws?ticket=${ticket}` });
    }
    if (url.pathname === "/ws") {
      const ticket = url.searchParams.get("ticket") ?? "";
      const row = await env.TICKETS.getByName(`shard-${Number.parseInt(ticket, 10) % SHARDS}`).take(ticket);
      if (!row || row.expires <= Date.now()) return new Response("unauthorized", { status: 401 });
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.send(JSON.stringify({ type: "welcome", ...JSON.parse(row.what) }));
      server.addEventListener("message", ({ data }) => server.send(data));
      return new Response(null, { status: 101, webSocket: client });
    }
    return new Response("not found", { status: 404 });
  },
};
