// The log of what happened, with the time that it took. No line has a ticket.
import { append, byId, make } from "./dom.js";
import { clock, text, took } from "./i18n.js";

/** Writes the text called `key` down. `tone` is `good` or `bad`, or neither. */
export function log(key, values, { ms, tone = "" } = {}) {
  const at = new Date();
  const item = make("li");
  item.append(
    make("time", () => clock(at, { ms: true }), { dateTime: at.toISOString() }),
    make("span", text(key, values), { className: tone }),
    make("span", ms === undefined ? "" : () => took(ms), { className: "took" }),
  );
  append(byId("log"), item);
}
