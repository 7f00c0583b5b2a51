// The log of what happened, with the time that it took. No line has a ticket.
import { append, byId, make } from "./dom.js";
import { t, took } from "./i18n.js";

const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** Writes the text called `key` down. `tone` is `good` or `bad`, or neither. */
export function log(key, values, { ms, tone = "" } = {}) {
  const now = new Date();
  const item = make("li");
  item.append(
    make("time", clock.format(now), { dateTime: now.toISOString() }),
    make("span", t(key, values), { className: tone }),
    make("span", ms === undefined ? "" : took(ms), { className: "took" }),
  );
  append(byId("log"), item);
}
