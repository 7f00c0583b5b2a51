// What most people write: ten lines of tickets in the memory of the isolate, and an echo behind them.
const tickets = new Map();

export default {
  fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/ws-ticket" && request.method === "POST") {
      const ticket = crypto.randomUUID();
      tickets.set(ticket, { sub: "dev", expires: Date.now() + 300_000 });
      return Response.json({ ticket, expires_in: 300, url: `wss://${url.host}/ws?ticket=${ticket}` });
    }
    if (url.pathname === "/ws") {
      const ticket = url.searchParams.get("ticket");
      const grant = tickets.get(ticket);
      tickets.delete(ticket);
      if (!grant || grant.expires <= Date.now()) return new Response("unauthorized", { status: 401 });
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.send(JSON.stringify({ type: "welcome", sub: grant.sub }));
      server.addEventListener("message", ({ data }) => server.send(data));
      return new Response(null, { status: 101, webSocket: client });
    }
    return new Response("not found", { status: 404 });
  },
};
