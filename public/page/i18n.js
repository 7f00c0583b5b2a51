// The page's language: the one that was chosen here, else Chinese or English, whichever the browser names first. It can change at any
// time, so what is written down is how a text is made, and not the text. The English also stands in index.html.
import en from "./en.js";
import zh from "./zh.js";

const LANGUAGES = { en: { texts: en, tag: "en" }, zh: { texts: zh, tag: "zh-Hans" } };
// The only thing that this page ever stores, and only when somebody chooses.
const KEPT = "ws-ticket.language";

/** What was chosen before. A browser may forbid storage, with an exception. */
function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

/** The first of these that there is: what was chosen, then the browser's languages. */
function first(tags) {
  const primary = tags.map((tag) => tag.toLowerCase().split("-")[0]);
  return primary.find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? "en";
}

let name = first([kept(), ...(navigator.languages ?? [navigator.language])].filter(Boolean));

/** `en` or `zh`. */
export const language = () => name;

/** The text called `key`, with `{name}` replaced by `values.name`; a value that is a function is asked for it. */
export function t(key, values = {}) {
  const found = LANGUAGES[name].texts[key];
  if (found === undefined) throw new Error(`no text ${key} in ${name}`);
  return found.replace(/\{(\w+)\}/g, (_, value) => String(now(values[value])));
}

const now = (value) => (typeof value === "function" ? value() : value);

/** The same, to be asked for whenever the language has changed. */
export const text = (key, values) => () => t(key, values);

/** Something that people have written, in a sentence: its direction does not turn the words around it. */
export const isolated = (words) => `\u2068${words}\u2069`;

/** Whether there is a text called `key`: codes and values come from the gate, which may know more than this page. */
export const has = (key) => Object.hasOwn(en, key);

const made = new WeakMap();

/** Writes a text, or what makes one, into an element, which then follows the language. */
export function write(element, content) {
  // What stood there first is over.
  delete element.dataset.t;
  if (typeof content === "function") made.set(element, content);
  else made.delete(element);
  element.textContent = now(content);
}

/** A time of day, on a clock of 24 hours, as the gate's log has it; `ms` shows milliseconds. */
export function clock(date, { ms = false } = {}) {
  const form = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  if (ms) form.fractionalSecondDigits = 3;
  return new Intl.DateTimeFormat(LANGUAGES[name].tag, form).format(date);
}

/** A time that passed: `0.8 ms`, `12 ms`, `3.4 s`. */
export function took(ms) {
  const [unit, amount] = ms >= 1000 ? ["unit.s", ms / 1000] : ["unit.ms", ms];
  const digits = ms >= 1000 || ms < 10 ? 1 : 0;
  return t(unit, {
    amount: new Intl.NumberFormat(LANGUAGES[name].tag, { maximumFractionDigits: digits }).format(amount),
  });
}

/** Puts the language's texts into the document. */
export function translatePage() {
  document.documentElement.lang = LANGUAGES[name].tag;
  for (const element of document.querySelectorAll("*")) {
    if (made.has(element)) element.textContent = now(made.get(element));
    const { t: content, tAriaLabel, tPlaceholder, tEmpty } = element.dataset;
    if (content) element.textContent = t(content);
    if (tAriaLabel) element.ariaLabel = t(tAriaLabel);
    if (tPlaceholder) element.placeholder = t(tPlaceholder);
    if (tEmpty) element.dataset.empty = t(tEmpty);
  }
}

/** Changes the language, and remembers it where the browser lets it. */
export function speak(chosen) {
  name = first([chosen]);
  try {
    localStorage.setItem(KEPT, name);
  } catch {
    // Then it lasts until the page is left.
  }
  translatePage();
}
