// How an outcome is shown: a notice, and for a refusal what to do about it, with the time to wait running down.
import { make, say } from "./dom.js";
import { has, t } from "./i18n.js";

const timers = new WeakMap();

/** Shows a notice in `place`, instead of the one that was there. `tone`: `good`, `bad` or `warn`. */
export function show(place, tone, title, ...texts) {
  clear(place);
  const notice = make("div", undefined, { className: `notice ${tone}` });
  const head = make("p");
  head.append(make("strong", title));
  notice.append(head, ...texts.filter(Boolean).map((text) => make("p", text)));
  place.append(notice);
  say([title, ...texts].filter(Boolean).join(" "));
  return notice;
}

export function clear(place) {
  clearInterval(timers.get(place));
  place.replaceChildren();
}

/** Shows a refusal: in the page's words where it has some, else in the gate's. */
export function showRefusal(place, { status, code, detail, retryAfter }) {
  const text = has(`code.${code}`) ? t(`code.${code}`) : detail;
  const title = status ? t("refused.title", { status, code }) : t("refused.silent");
  const notice = show(place, status === 429 ? "warn" : "bad", title, text);
  const seconds = Number(retryAfter);
  if (seconds > 0) countDown(place, notice, seconds);
  return seconds > 0 ? seconds : 0;
}

/** A screen reader hears the time once, in `say`, and not every second. */
function countDown(place, notice, seconds) {
  const end = performance.now() + seconds * 1000;
  const line = make("p", "", { role: "timer" });
  const bar = make("div", undefined, { className: "bar" });
  notice.append(line, bar);
  bar.animate({ transform: ["scaleX(1)", "scaleX(0)"] }, { duration: seconds * 1000, fill: "forwards" });
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (left > 0) line.textContent = t("refused.wait", { seconds: left });
    else clear(place);
  };
  tick();
  say(`${notice.querySelector("strong").textContent}. ${line.textContent}`);
  timers.set(place, setInterval(tick, 250));
}
