// A small site with a login, for development: `npm run login`. It shows what a gate with IDENTITY=forward needs of a site: one URL
// that says whose session a cookie is. There are no passwords: who asks is logged in, so it stays on this machine.
//
//   POST /login   user=alice, as a form or as JSON: sets the session's cookie
//   GET /auth     whose session it is, and until when: 200, or 401 without one
//   POST /logout  ends it, here and so for every ticket that is asked for from then on
//
// `--port` listens on another port than 8789.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const SESSION_SECONDS = 3600;
const BODY_MAX = 4096;
// With https add `Secure`, and `__Host-` before the name.
const COOKIE = "session";
const ATTRIBUTES = "Path=/; HttpOnly; SameSite=Lax";
const ROOMS = { alice: ["lobby", "staff"] };

const { port } = parseArgs({ options: { port: { type: "string", default: "8789" } } }).values;
const sessions = new Map();
const now = () => Math.floor(Date.now() / 1000);

/** The id in the request's cookie, and the session if there is one that has not ended. */
function current({ headers }) {
  const id = new RegExp(`(?:^|; *)${COOKIE}=([^;]*)`).exec(headers.cookie ?? "")?.[1];
  if (sessions.get(id)?.exp <= now()) sessions.delete(id);
  return { id, session: sessions.get(id) };
}

async function userName(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_MAX) return undefined;
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const json = /^application\/json(;|$)/i.test(request.headers["content-type"] ?? "");
  const { user } = json ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
  return typeof user === "string" && /^[a-z0-9-]{1,64}$/.test(user) ? user : undefined;
}

async function login(request) {
  const sub = await userName(request).catch(() => undefined);
  if (sub === undefined) return { status: 400, body: { error: "user is 1 to 64 of a-z, 0-9 and -" } };
  // A session always has a new id: one that an attacker planted before the login is of no use after it.
  const id = randomBytes(32).toString("base64url");
  const exp = now() + SESSION_SECONDS;
  sessions.set(id, { sub, exp, rooms: ROOMS[sub] ?? ["lobby"], email: `${sub}@example.com` });
  return { status: 200, cookie: `${COOKIE}=${id}; Max-Age=${SESSION_SECONDS}; ${ATTRIBUTES}`, body: { sub, exp } };
}

function logout(request) {
  sessions.delete(current(request).id);
  return { status: 200, cookie: `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`, body: {} };
}

function auth(request) {
  const { session } = current(request);
  return session ? { status: 200, body: session } : { status: 401, body: { error: "not logged in" } };
}

const routes = { "POST /login": login, "POST /logout": logout, "GET /auth": auth };
const server = createServer(async (request, response) => {
  const route = routes[`${request.method} ${request.url.split("?")[0]}`];
  const { status, cookie, body } = route ? await route(request) : { status: 404, body: { error: "no such route" } };
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    ...(cookie && { "Set-Cookie": cookie }),
  });
  response.end(JSON.stringify(body));
});
server.listen(Number(port), "127.0.0.1", () => console.log(`a login on http://127.0.0.1:${port}`));
