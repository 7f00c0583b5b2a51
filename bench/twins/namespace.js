// A namespace of Workers KV, as workerd asks for one: over HTTP, by key. Held in a Map, and answered after `LATENCY_MS`.
const kept = new Map();

export default {
  async fetch(request, env) {
    const key = new URL(request.url).pathname;
    const ms = Number(env.LATENCY_MS);
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    if (request.method === "PUT") kept.set(key, await request.text());
    if (request.method === "DELETE") kept.delete(key);
    if (request.method !== "GET") return new Response(null, { status: 204 });
    const value = kept.get(key);
    return value === undefined ? new Response(null, { status: 404 }) : new Response(value);
  },
};
