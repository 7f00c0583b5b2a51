// The older guide's design: a ticket in Workers KV; got, then deleted. It admits more than one where connections race.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/ws-ticket" && request.method === "POST") {
      const ticket = crypto.randomUUID();
      await env.TICKETS.put(ticket, JSON.stringify({ sub: "dev" }), { expirationTtl: 300 });
      return Response.json({ ticket, expires_in: 300, url: `wss://${url.host}/ws?ticket=${ticket}` });
    }
    if (url.pathname === "/ws") {
      const ticket = url.searchParams.get("ticket");
      const grant = await env.TICKETS.get(ticket);
      if (!grant) return new Response("unauthorized", { status: 401 });
      await env.TICKETS.delete(ticket);
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.send(JSON.stringify({ type: "welcome", ...JSON.parse(grant) }));
      server.addEventListener("message", ({ data }) => server.send(data));
      return new Response(null, { status: 101, webSocket: client });
    }
    return new Response("not found", { status: 404 });
  },
};
