// The older guide's design: a ticket in Workers KV; got, then deleted. KV is stood in for by a Map behind a timer of `LATENCY_MS`:
// 0, or what KV takes in production. It admits more than one where connections race.
const kept = new Map();
const kv = (ms) => {
  const late = (value) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms, value)) : Promise.resolve(value));
  return {
    get: (key) => late(kept.get(key)),
    put: (key, value) => late(void kept.set(key, value)),
    delete: (key) => late(void kept.delete(key)),
  };
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const tickets = kv(Number(env.LATENCY_MS));
    if (url.pathname === "/ws-ticket" && request.method === "POST") {
      const ticket = crypto.randomUUID();
      await tickets.put(ticket, JSON.stringify({ sub: "dev" }));
      return Response.json({ ticket, expires_in: 300, url: `wss://${url.host}/ws?ticket=${ticket}` });
    }
    if (url.pathname === "/ws") {
      const ticket = url.searchParams.get("ticket");
      const grant = await tickets.get(ticket);
      if (!grant) return new Response("unauthorized", { status: 401 });
      await tickets.delete(ticket);
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.send(JSON.stringify({ type: "welcome", ...JSON.parse(grant) }));
      server.addEventListener("message", ({ data }) => server.send(data));
      return new Response(null, { status: 101, webSocket: client });
    }
    return new Response("not found", { status: 404 });
  },
};
