// The page's language: Chinese or English, whichever the browser names first. The English text also stands in index.html.
import en from "./en.js";
import zh from "./zh.js";

const LANGUAGES = { en, zh };

/** The first of the browser's languages that there is. */
function chosen(languages) {
  const primary = languages.map((tag) => tag.toLowerCase().split("-")[0]);
  return primary.find((tag) => tag in LANGUAGES) ?? "en";
}

const name = chosen(navigator.languages ?? [navigator.language]);
const texts = LANGUAGES[name];
const tag = name === "zh" ? "zh-Hans" : "en";

/** The text called `key`, with `{name}` replaced by `values.name`. */
export function t(key, values = {}) {
  const text = texts[key];
  if (text === undefined) throw new Error(`no text ${key} in ${name}`);
  return text.replace(/\{(\w+)\}/g, (_, value) => String(values[value]));
}

/** Whether there is a text called `key`: codes and values come from the gate, which may know more than this page. */
export const has = (key) => key in texts;

const whole = new Intl.NumberFormat(tag, { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat(tag, { maximumFractionDigits: 1 });

const clock = new Intl.DateTimeFormat(tag, { timeStyle: "medium" });

/** Now, as the time of day. */
export const timeOfDay = () => clock.format(new Date());

/** A time that passed: `0.8 ms`, `12 ms`, `3.4 s`. */
export function took(ms) {
  if (ms >= 1000) return `${exact.format(ms / 1000)} s`;
  return `${(ms < 10 ? exact : whole).format(ms)} ms`;
}

/** Puts the language's texts into the document. */
export function translatePage() {
  document.documentElement.lang = tag;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-aria-label]"))
    element.ariaLabel = t(element.dataset.tAriaLabel);
  for (const element of document.querySelectorAll("[data-t-placeholder]"))
    element.placeholder = t(element.dataset.tPlaceholder);
  for (const element of document.querySelectorAll("[data-t-empty]")) element.dataset.empty = t(element.dataset.tEmpty);
}
