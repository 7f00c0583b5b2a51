// How an outcome is shown: a notice, and for a refusal what to do about it, with the time to wait running down.
import { make, say } from "./dom.js";
import { has, text } from "./i18n.js";

const timers = new WeakMap();

/** Shows a notice in `place`, instead of the one that was there. `tone`: `good`, `bad`, `warn` or none. `content`: what makes texts. */
export function show(place, tone, title, ...content) {
  clear(place);
  const notice = make("div", undefined, { className: `notice ${tone}` });
  const head = make("p");
  head.append(make("strong", title));
  const shown = content.filter(Boolean);
  notice.append(head, ...shown.map((each) => make("p", each)));
  place.append(notice);
  say([title, ...shown].map((each) => (typeof each === "function" ? each() : each)).join(" "));
  return notice;
}

export function clear(place) {
  clearInterval(timers.get(place));
  place.replaceChildren();
}

/** Why, in the page's words where it has some, else in the gate's. */
export const reason = ({ status, code, detail }) => (has(`code.${code}`) ? text(`code.${code}`, { status }) : detail);

/** Shows a refusal. A status is shown where one was seen. */
export function showRefusal(place, refusal) {
  const { status, code, retryAfter } = refusal;
  const why = reason(refusal);
  const title = status ? text("refused.title", { status, code }) : text("refused.silent");
  const notice = show(place, status === 429 ? "warn" : "bad", title, why);
  const seconds = Number(retryAfter);
  if (seconds > 0) countDown(place, notice, seconds);
  return seconds > 0 ? seconds : 0;
}

/** A screen reader hears the time once, in `say`, and not every second. */
function countDown(place, notice, seconds) {
  const end = performance.now() + seconds * 1000;
  const left = () => Math.ceil((end - performance.now()) / 1000);
  const line = make("p", text("refused.wait", { seconds: left }), { role: "timer" });
  const bar = make("div", undefined, { className: "bar" });
  notice.append(line, bar);
  bar.animate({ transform: ["scaleX(1)", "scaleX(0)"] }, { duration: seconds * 1000, fill: "forwards" });
  say(`${notice.querySelector("strong").textContent}. ${line.textContent}`);
  const tick = () => {
    if (left() > 0) line.textContent = text("refused.wait", { seconds: left })();
    else clear(place);
  };
  timers.set(place, setInterval(tick, 250));
}
