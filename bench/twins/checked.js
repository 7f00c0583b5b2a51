// The same with what the gate checks, answers and logs, as one would write it in JavaScript: origin, how it was fetched, handshake,
// the ticket's form, headers that keep answers out of caches, problem details, and as many log lines.
const tickets = new Map();
const FORM = /^wst_m_[A-Za-z0-9_-]{43}$/;
const NO_STORE = { "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff" };

function problem(status, code) {
  console.log(JSON.stringify({ event: "refused", level: "info", reason: code, status }));
  const headers = { ...NO_STORE, "Content-Type": "application/problem+json" };
  return new Response(JSON.stringify({ type: "about:blank", status, code }), { status, headers });
}

function secret() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

async function issue(request, url, env) {
  const origin = request.headers.get("Origin");
  if (origin !== null && origin !== url.origin) return problem(403, "origin_refused");
  const mode = request.headers.get("Sec-Fetch-Mode");
  if (mode !== null && mode !== "cors" && mode !== "same-origin") return problem(403, "fetch_mode_refused");
  let asked = {};
  if (request.body !== null) {
    const text = await request.text();
    if (text !== "") {
      if (!request.headers.get("Content-Type")?.startsWith("application/json")) return problem(415, "media_type");
      if (text.length > 4096) return problem(413, "body_too_large");
      try {
        asked = JSON.parse(text);
      } catch {
        return problem(400, "body_malformed");
      }
    }
  }
  const began = Date.now();
  const id = crypto.randomUUID();
  const ticket = `wst_m_${secret()}`;
  const grant = {
    id,
    sub: asked.sub ?? "dev",
    room: asked.room ?? null,
    origin,
    issued: began,
    expires: began + 300_000,
  };
  tickets.set(ticket, grant);
  if (env.QUIET !== "yes") {
    console.log(
      JSON.stringify({ event: "store", level: "info", operation: "issue", store: "memory", ms: Date.now() - began }),
    );
    console.log(JSON.stringify({ event: "issued", level: "info", ticket_id: id, expires_in: 300 }));
  }
  const body = {
    ticket,
    expires_in: 300,
    expires_at: new Date(grant.expires).toISOString(),
    url: `ws://${url.host}/ws?ticket=${ticket}`,
    ping: "ws-ticket:ping",
  };
  const headers = { ...NO_STORE, "Content-Type": "application/json", Vary: "Origin" };
  if (origin !== null) {
    headers["Access-Control-Allow-Origin"] = origin;
    headers["Access-Control-Expose-Headers"] = "Retry-After";
  }
  return new Response(JSON.stringify(body), { headers });
}

function open(request, url, env) {
  const { headers } = request;
  if (headers.get("Upgrade")?.toLowerCase() !== "websocket") return problem(426, "upgrade_required");
  const key = headers.get("Sec-WebSocket-Key");
  if (headers.get("Sec-WebSocket-Version") !== "13" || key?.length !== 24) return problem(400, "handshake_invalid");
  const origin = headers.get("Origin");
  if (origin !== null && origin !== url.origin) return problem(403, "origin_refused");
  const found = url.searchParams.getAll("ticket");
  if (found.length !== 1) return problem(400, found.length === 0 ? "ticket_missing" : "ticket_repeated");
  const [ticket] = found;
  if (!FORM.test(ticket)) return problem(400, "ticket_malformed");
  const began = Date.now();
  const grant = tickets.get(ticket);
  tickets.delete(ticket);
  if (!grant || grant.expires <= Date.now() || grant.origin !== origin) return problem(401, "ticket_refused");
  const session = crypto.randomUUID();
  const [client, server] = Object.values(new WebSocketPair());
  server.binaryType = "arraybuffer";
  server.accept();
  server.send(JSON.stringify({ type: "welcome", session, subject: grant.sub, room: grant.room }));
  server.addEventListener("message", ({ data }) => server.send(data === "ws-ticket:ping" ? "ws-ticket:pong" : data));
  if (env.QUIET !== "yes") {
    console.log(
      JSON.stringify({ event: "store", level: "info", operation: "consume", store: "memory", ms: Date.now() - began }),
    );
    console.log(
      JSON.stringify({ event: "consumed", level: "info", ticket_id: grant.id, session, age_ms: began - grant.issued }),
    );
  }
  return new Response(null, { status: 101, webSocket: client });
}

export default {
  fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/ws-ticket") {
      return request.method === "POST" ? issue(request, url, env) : problem(405, "method_not_allowed");
    }
    if (url.pathname === "/ws")
      return request.method === "GET" ? open(request, url, env) : problem(405, "method_not_allowed");
    return problem(404, "not_found");
  },
};
