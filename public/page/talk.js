// The socket on the page, by the client that apps use: it gets a fresh ticket for every attempt, and comes back by itself.
import { TicketSocket } from "../ws-ticket-client.js";
import * as attempts from "./attempts.js";
import { append, byId, make, makeForeign, say } from "./dom.js";
import { isolated, t, text, took, write } from "./i18n.js";
import { log } from "./log.js";

// A browser holds back what opens many sockets at once, for some seconds each.
const DEADLINE_MS = 30_000;
// Of those that apps may use. The client comes back after it, as after any loss of a connection.
const CUT = 4000;

/** What is said aloud of a session. */
const whom = ({ subject, room }) => [subject, room].filter(Boolean).map(isolated).join(" · ");

/**
 * Opens sockets and talks. `nextTicket(signal)` gives the ticket of each attempt; `onTorn(ticket)` hears of a used one,
 * `onTurnedAway()` of an upgrade that failed.
 */
export class Talk {
  #socket;
  #session;
  #line;
  #sent = [];
  #change;

  constructor(onChange) {
    this.#change = onChange;
  }

  get connected() {
    return this.#socket !== undefined;
  }

  /** Whether a message can go out now. */
  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** `welcomes`: whether what stands behind the gate is known to begin with a welcome. */
  connect({ nextTicket, carriage, welcomes, onTorn, onTurnedAway }) {
    let ticket;
    let began;
    const issue = async ({ signal } = {}) => {
      ticket = undefined;
      attempts.asking();
      this.#state("connecting", "connection.connecting");
      ticket = await nextTicket(signal);
      attempts.presenting(ticket);
      began = performance.now();
      return ticket.present(carriage);
    };
    const socket = new TicketSocket(issue, { queue: 0, WebSocket: this.#lines() });
    this.#socket = socket;
    attempts.start();
    socket.addEventListener("open", () => {
      onTorn(ticket);
      attempts.opened();
      this.#sent = [];
      const way = text(`value.${carriage}`);
      log("log.open", { carriage: way }, { ms: performance.now() - began, tone: "good" });
      if (!welcomes) {
        this.#session = {};
        this.#state("open", "connection.opened");
      }
    });
    socket.addEventListener("message", ({ data }) => this.#heard(data));
    socket.addEventListener("close", (event) => {
      const turnedAway = this.#session === undefined && ticket !== undefined && event.willReconnect;
      this.#closed(socket, event);
      if (turnedAway) onTurnedAway();
    });
    this.#change();
  }

  /** The class of each attempt's own socket, which is the line to cut. */
  #lines() {
    const hold = (line) => {
      this.#line = line;
    };
    return class extends WebSocket {
      constructor(...given) {
        super(...given);
        hold(this);
      }
    };
  }

  #closed(socket, { code, willReconnect }) {
    const had = this.#session !== undefined;
    this.#session = undefined;
    attempts.ended({ code, again: willReconnect });
    if (willReconnect) {
      log(had ? "log.lost" : "log.failed", { code }, { tone: "bad" });
      this.#state("connecting", "connection.waiting");
      return;
    }
    if (socket === this.#socket) this.#socket = undefined;
    log("log.closed", { code });
    this.#state("closed", "connection.closed", { code });
  }

  #heard(data) {
    if (this.#session?.session === undefined) {
      const welcome = welcomeOf(data);
      if (welcome) {
        this.#session = welcome;
        log("log.welcome", { session: welcome.session.slice(0, 8) });
        this.#state("open", "connection.open", { whom: whom(welcome) });
        return;
      }
    }
    const sent = this.#sent.shift();
    const ms = sent === undefined ? 0 : performance.now() - sent;
    const item = makeForeign("li", data);
    item.append(make("span", () => took(ms), { dir: "ltr" }));
    append(byId("talk"), item);
    log("log.echo", { length: data.length }, { ms });
    say(t("talk.heard", { text: data }));
  }

  say(message) {
    this.#sent.push(performance.now());
    this.#socket.send(message);
    append(byId("talk"), makeForeign("li", message, { className: "mine" }));
  }

  /** Closes the connection under the client, which knows nothing of it and comes back as after any loss. */
  cut() {
    log("log.cut");
    this.#line.close(CUT, "cut on the page");
  }

  leave() {
    this.#socket?.close(1000);
  }

  #state(state, key, values) {
    const line = byId("connection");
    const changed = line.dataset.state !== state;
    line.dataset.state = state;
    write(byId("connection-text"), text(key, values));
    if (changed) say(t(key, values));
    this.#change();
  }
}

/** The welcome that a message is; nothing where it is something else, for a server behind the gate may begin as it likes. */
function welcomeOf(data) {
  try {
    const { type, session, subject, room } = JSON.parse(data);
    return type === "welcome" && typeof session === "string" ? { session, subject, room } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Presents a ticket as any script could, once and without the client. How it ended: `admitted`, `closed` with its code, or `silent`
 * when neither came; and after how long.
 */
export function tryOnce({ url, protocols }) {
  const began = performance.now();
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    const end = (outcome, code) => {
      clearTimeout(deadline);
      resolve({ outcome, code, ms: performance.now() - began });
    };
    const deadline = setTimeout(() => {
      end("silent");
      socket.close();
    }, DEADLINE_MS);
    socket.onopen = () => {
      end("admitted");
      socket.close(1000);
    };
    socket.onclose = ({ code }) => end("closed", code);
  });
}
