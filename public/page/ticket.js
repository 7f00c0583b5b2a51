// The ticket on the page. Its secret is kept in here; what is shown of it is masked.
import { byId, say } from "./dom.js";
import { opening } from "./gate.js";
import { clock, t, text, took, write } from "./i18n.js";

const MASKED = "•".repeat(6);

/** `wst_m_••••••ddo4`: the store's tag and the last characters, which let nobody in. */
export const mask = (ticket) => ticket.replace(/^(wst_[a-z0-9]+_).*(.{4})$/, `$1${MASKED}$2`);

/** One ticket, and whether it can still be used: `fresh`, `presented`, `used`, `expired`. */
export class Ticket {
  #answer;
  constructor({ answer, ms, until }, { name, room }) {
    this.#answer = answer;
    Object.assign(this, { ms, until, name, room, seconds: answer.expires_in, masked: mask(answer.ticket) });
    this.presented = false;
  }
  get fresh() {
    return !this.presented && this.leftMs > 0;
  }
  get leftMs() {
    return Math.max(0, this.until - performance.now());
  }
  /** How to open a socket with it, and at which path below the gate's own. */
  present(carriage, below) {
    this.presented = true;
    return opening(this.#answer, carriage, below);
  }
}

let shown;
let life;

/** `4:32` with minutes, `32` with the unit below. */
function left(ms) {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return [String(seconds), text("ticket.seconds")];
  return [`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`, text("ticket.minutes")];
}

function ring(value, unit) {
  write(byId("ring-value"), value);
  write(byId("ring-unit"), unit);
}

/** A name or a room, which may be longer than there is space: all of it is in the tip. */
function words(id, content) {
  const element = byId(id);
  write(element, content);
  element.title = element.textContent;
}

/** Puts a ticket on the page, in place of the one that is there. */
export function showTicket(ticket) {
  shown = ticket;
  const card = byId("ticket");
  card.dataset.state = "fresh";
  card.classList.remove("new");
  // Reading a size makes the browser see the class go, so that the motion begins again.
  void card.offsetWidth;
  card.classList.add("new");
  words("ticket-name", ticket.name || text("ticket.you"));
  words("ticket-room", ticket.room);
  byId("ticket-room").parentElement.hidden = ticket.room === "";
  write(byId("ticket-text"), ticket.masked);
  write(byId("ticket-note"), text("ticket.note", { ms: () => took(ticket.ms), seconds: ticket.seconds }));
  life?.cancel();
  life = byId("ring").animate({ strokeDashoffset: [0, 100] }, { duration: ticket.seconds * 1000, fill: "forwards" });
  life.currentTime = ticket.seconds * 1000 - ticket.leftMs;
  tick();
}

/** Marks the ticket on the page as torn, when it is the one shown. */
export function showUsed(ticket) {
  if (ticket !== shown) return;
  const at = new Date();
  byId("ticket").dataset.state = "used";
  write(byId("ticket-note"), text("ticket.used.note", { time: () => clock(at) }));
  life?.pause();
  ring("✓", text("ticket.used"));
}

function tick() {
  if (!shown || byId("ticket").dataset.state !== "fresh") return;
  if (shown.leftMs > 0) {
    ring(...left(shown.leftMs));
    return;
  }
  byId("ticket").dataset.state = "expired";
  write(byId("ticket-note"), text("ticket.expired.note"));
  ring("0", text("ticket.expired"));
  say(t("ticket.expired.note"));
}
setInterval(tick, 200);
