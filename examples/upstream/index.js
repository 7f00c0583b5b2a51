// A Worker that stands behind the gate (`SESSION=upstream`): an echo at `/`, and a room in a Durable Object at each `/room/<name>`.
//
// The gate says who comes in the headers X-Ticket-…, and takes out whatever the client writes there. They are believed because nobody else
// can reach this entrypoint: a named one has no address, and only who may deploy to the account can bind it.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

/** The most people in a room, the most characters of a message, and the form of a room's name. */
const MEMBERS_MAX = 100;
const TEXT_MAX = 2000;
const NAME = /^[\p{L}\p{N}_.-]{1,64}$/u;
/** What the page and ws-ticket-client ask to find out whether a connection still leads anywhere. */
const [PING, PONG] = ["ws-ticket:ping", "ws-ticket:pong"];

/** Who comes, as the gate says; nothing where nobody did. */
function visitorOf({ headers }) {
  const text = (name) => (headers.has(name) ? decodeURIComponent(headers.get(name)) : null);
  const subject = text("X-Ticket-Subject");
  return subject && { subject, room: text("X-Ticket-Room"), session: headers.get("X-Ticket-Session") };
}

/** Only the gate can reach it: `"services": [{ "binding": "UPSTREAM", "service": "ws-ticket-upstream", "entrypoint": "Upstream" }]`. */
export class Upstream extends WorkerEntrypoint {
  fetch(request) {
    const visitor = visitorOf(request);
    if (!visitor) return new Response("come through the gate", { status: 401 });
    const { pathname } = new URL(request.url);
    if (pathname === "/") return echo(visitor);
    const name = nameOf(pathname);
    if (name === undefined) return new Response("no such room", { status: 404 });
    // A ticket that was asked for one room opens no other.
    if (visitor.room && visitor.room !== name) return new Response("another room's ticket", { status: 403 });
    return this.env.ROOM.getByName(name).fetch(request);
  }
}

/** The name of a room, of its path. */
function nameOf(pathname) {
  try {
    const name = decodeURIComponent(/^\/room\/([^/]+)$/.exec(pathname)?.[1] ?? "");
    return NAME.test(name) ? name : undefined;
  } catch {
    // Percent signs that mean nothing.
  }
}

/** Nothing for anybody who comes another way. */
export default { fetch: () => new Response("not found", { status: 404 }) };

function echo({ subject, room, session }) {
  const { 0: client, 1: server } = new WebSocketPair();
  server.binaryType = "arraybuffer";
  server.accept();
  server.send(JSON.stringify({ type: "welcome", session, subject, room }));
  server.addEventListener("message", ({ data }) => server.send(data === PING ? PONG : data));
  return new Response(null, { status: 101, webSocket: client });
}

/** Everybody in it hears what each says, and who comes and goes. It sleeps while nobody speaks, and keeps nothing. */
export class Room extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  fetch(request) {
    const members = this.ctx.getWebSockets();
    if (members.length >= MEMBERS_MAX) return new Response("the room is full", { status: 503 });
    const { subject } = visitorOf(request);
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(subject);
    server.send(JSON.stringify({ type: "room", you: subject, members: this.#names() }));
    this.#tell({ type: "joined", who: subject, members: this.#names() }, server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, message) {
    const text = textOf(message);
    if (text === undefined) {
      const expected = `{"type":"say","text":"…"} with 1 to ${TEXT_MAX} characters`;
      return socket.send(JSON.stringify({ type: "refused", expected }));
    }
    this.#tell({ type: "said", who: socket.deserializeAttachment(), text, at: Date.now() });
  }

  webSocketClose(socket, code) {
    // Codes that only stand for something that happened can't be sent.
    socket.close([1005, 1006, 1015].includes(code) ? 1000 : code);
    this.#left(socket);
  }

  webSocketError(socket) {
    this.#left(socket);
  }

  #left(socket) {
    const members = this.#names(socket);
    this.#tell({ type: "left", who: socket.deserializeAttachment(), members }, socket);
  }

  /** Who is here, each once: somebody may have several tabs. */
  #names(except) {
    const here = this.ctx.getWebSockets().filter((socket) => socket !== except && socket.readyState === WebSocket.OPEN);
    return [...new Set(here.map((socket) => socket.deserializeAttachment()))].sort();
  }

  #tell(event, except) {
    const text = JSON.stringify(event);
    for (const socket of this.ctx.getWebSockets()) {
      try {
        if (socket !== except) socket.send(text);
      } catch {
        // It is going: its close comes by itself.
      }
    }
  }
}

function textOf(message) {
  try {
    const { type, text } = JSON.parse(message);
    const good = type === "say" && typeof text === "string" && text.trim() !== "" && text.length <= TEXT_MAX;
    return good ? text : undefined;
  } catch {
    return undefined;
  }
}
