// The socket on the page, by the client that apps use: it gets a fresh ticket for every attempt, and comes back by itself.
import { TicketSocket } from "../ws-ticket-client.js";
import { append, byId, make, say } from "./dom.js";
import { t, took } from "./i18n.js";
import { log } from "./log.js";

/** What is said aloud of a session. */
const whom = ({ subject, room }) => [subject, room].filter(Boolean).join(" · ");

/** Opens sockets and talks. `nextTicket(signal)` gives the ticket of each attempt, `onTorn(ticket)` hears of a used one. */
export class Talk {
  #socket;
  #session;
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

  connect({ nextTicket, carriage, onTorn }) {
    let ticket;
    let began;
    const issue = async ({ signal } = {}) => {
      this.#state("connecting", "connection.connecting");
      ticket = await nextTicket(signal);
      began = performance.now();
      return ticket.present(carriage);
    };
    const socket = new TicketSocket(issue, { queue: 0 });
    this.#socket = socket;
    socket.addEventListener("open", () => {
      onTorn(ticket);
      this.#sent = [];
      log("log.open", { carriage: t(`value.${carriage}`) }, { ms: performance.now() - began, tone: "good" });
    });
    socket.addEventListener("message", ({ data }) => this.#heard(data));
    socket.addEventListener("close", (event) => this.#closed(socket, event));
    this.#change();
  }

  #closed(socket, { code, willReconnect }) {
    const had = this.#session !== undefined;
    this.#session = undefined;
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
    if (this.#session === undefined) {
      this.#session = JSON.parse(data);
      const { session } = this.#session;
      log("log.welcome", { session: session.slice(0, 8) });
      this.#state("open", "connection.open", { whom: whom(this.#session) });
      return;
    }
    const sent = this.#sent.shift();
    const ms = sent === undefined ? 0 : performance.now() - sent;
    const item = make("li", data);
    item.append(make("span", took(ms)));
    append(byId("talk"), item);
    log("log.echo", { length: data.length }, { ms });
    say(t("talk.heard", { text: data }));
  }

  say(text) {
    this.#sent.push(performance.now());
    this.#socket.send(text);
    append(byId("talk"), make("li", text, { className: "mine" }));
  }

  leave() {
    this.#socket?.close(1000);
  }

  #state(state, key, values) {
    const line = byId("connection");
    const text = t(key, values);
    const changed = line.dataset.state !== state;
    line.dataset.state = state;
    byId("connection-text").textContent = text;
    if (changed) say(text);
    this.#change();
  }
}

/** Presents a ticket as any script could, once and without the client: how it ended, and after how long. */
export function tryOnce({ url, protocols }) {
  const began = performance.now();
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    const end = (admitted, code) => resolve({ admitted, code, ms: performance.now() - began });
    socket.onopen = () => {
      end(true);
      socket.close(1000);
    };
    socket.onclose = ({ code }) => end(false, code);
  });
}
