// A room behind the gate, of the example that `npm run dev` starts: people see who is there and hear each other. Every way in takes a
// ticket of its own, which is for this room alone.
import { TicketSocket } from "../ws-ticket-client.js";
import { append, byId, make, say } from "./dom.js";
import { isolated, t, text, write } from "./i18n.js";
import { log } from "./log.js";

/** What the example takes for the name of a room. */
const NAME = /^[\p{L}\p{N}_.-]{1,64}$/u;

/** Who is there, as one text. */
const names = (members) => members.map(isolated).join(", ");

/**
 * `nextTicket(name, signal)` gives the ticket of each attempt, `carriage()` says how it travels, `onTurnedAway()` hears of an upgrade that
 * failed, `onChange()` of everything.
 */
export class Room {
  #socket;
  #you;
  #given;

  constructor(given) {
    this.#given = given;
  }

  get entered() {
    return this.#socket !== undefined;
  }

  /** Whether a message can go out now. */
  get open() {
    return this.#you !== undefined;
  }

  /** Whether it can be the name of a room. */
  static takes(name) {
    return NAME.test(name) && name !== "." && name !== "..";
  }

  enter(name) {
    const { nextTicket, carriage, onTurnedAway } = this.#given;
    let presented = false;
    const issue = async ({ signal } = {}) => {
      presented = false;
      this.#state("connecting", "room.entering");
      const ticket = await nextTicket(name, signal);
      presented = true;
      return ticket.present(carriage(), `/room/${encodeURIComponent(name)}`);
    };
    byId("room-talk").replaceChildren();
    const socket = new TicketSocket(issue, { queue: 0 });
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#heard(name, data));
    socket.addEventListener("close", ({ code, willReconnect }) => {
      const turnedAway = this.#you === undefined && presented && willReconnect;
      this.#you = undefined;
      this.#members([]);
      if (willReconnect) this.#state("connecting", "room.waiting");
      else {
        if (socket === this.#socket) this.#socket = undefined;
        log("log.room.left", { code });
        this.#state("closed", "room.none");
      }
      if (turnedAway) onTurnedAway();
    });
    this.#given.onChange();
  }

  say(message) {
    this.#socket.send(JSON.stringify({ type: "say", text: message }));
  }

  leave() {
    this.#socket?.close(1000);
  }

  #heard(name, data) {
    const event = read(data);
    if (event.type === "room") {
      this.#you = event.you;
      log("log.room.entered", { room: name }, { tone: "good" });
      this.#state("open", "room.open", { room: isolated(name) });
    }
    if (event.members) this.#members(event.members);
    if (event.type === "said") this.#said(event);
    if (event.type === "joined") this.#told(text("room.joined", { who: isolated(event.who) }));
    if (event.type === "left") this.#told(text("room.left", { who: isolated(event.who) }));
    if (event.type === "refused") this.#told(text("room.refused"));
  }

  #said({ who, text: message }) {
    const mine = who === this.#you;
    const item = make("li", undefined, { className: mine ? "mine" : "" });
    item.append(make("b", who, { dir: "auto" }), make("bdi", message));
    append(byId("room-talk"), item);
    if (!mine) say(t("room.heard", { who: isolated(who), text: message }));
  }

  #told(what) {
    append(byId("room-talk"), make("li", what, { className: "event" }));
  }

  #members(members) {
    const line = byId("room-members");
    line.parentElement.hidden = members.length === 0;
    write(line, names(members));
  }

  #state(state, key, values) {
    const line = byId("room-line");
    const changed = line.dataset.state !== state;
    line.dataset.state = state;
    write(byId("room-state"), text(key, values));
    if (changed) say(t(key, values));
    this.#given.onChange();
  }
}

/** What the room says; nothing where something else stands behind the gate. */
function read(data) {
  try {
    const event = JSON.parse(data);
    return typeof event === "object" && event !== null ? event : {};
  } catch {
    return {};
  }
}
