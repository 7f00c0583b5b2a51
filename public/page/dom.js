// Small helpers around the document.
import { write } from "./i18n.js";

export const byId = (id) => document.getElementById(id);

/** An element with a text, or what makes one, in it; `properties` are set as they are. Text is never markup. */
export function make(tag, content, properties = {}) {
  const element = document.createElement(tag);
  if (content !== undefined) write(element, content);
  return Object.assign(element, properties);
}

/** Something that people have written: its direction is its own, whatever the page's. */
export const makeForeign = (tag, content, properties) => make(tag, content, { dir: "auto", ...properties });

/** Says to a screen reader what has happened. One sentence at a time: the last one counts. */
export function say(sentence) {
  byId("say").textContent = sentence;
}

/** A button that can't be used now keeps its focus, and says so. */
export function allow(button, allowed) {
  button.ariaDisabled = allowed ? null : "true";
}

/** Calls `action` on a click, unless the button can't be used now. */
export function onPress(button, action) {
  button.addEventListener("click", () => button.ariaDisabled !== "true" && action());
}

/** Where several lines are, and the last is the newest: it is seen, unless the reader has scrolled up. */
export function append(list, item, most = 300) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
  list.append(item);
  if (list.children.length > most) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}
