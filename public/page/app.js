// From here to the reader's own app: code to copy, the client to take along, and where to read on.
import { byId, onPress, say } from "./dom.js";
import { facts } from "./facts.js";
import { language, t, text, write } from "./i18n.js";
import { snippet } from "./snippets.js";

const BACK_MS = 3000;
/** What there is in Chinese, too. */
const TRANSLATED = ["identity", "operations"];

/** The gate's URL, with the path that it stands under. */
const HERE = new URL(".", location.href).href.replace(/\/$/, "");

let back;
const kind = () => document.querySelector("[name=code]:checked").value;

/** Shows the code that was chosen, for what is known of the gate by now. */
export function showCode() {
  byId("code").textContent = snippet(kind(), HERE, facts());
  for (const note of document.querySelectorAll("[data-code]"))
    note.hidden = !note.dataset.code.split(" ").includes(kind());
  const jwt = facts().identity === "jwt";
  byId("code-token").hidden = !jwt;
  for (const link of document.querySelectorAll("[data-document]")) {
    const { document: name } = link.dataset;
    const chinese = language() === "zh" && TRANSLATED.includes(name);
    link.href = `docs/${chinese ? "zh-CN/" : ""}${name}.txt`;
    link.hreflang = chinese ? "zh-Hans" : "en";
  }
  ready();
}

function ready() {
  clearTimeout(back);
  write(byId("copy"), text("app.copy"));
}

/** Copies the code; where a browser forbids that (it wants https), selects it, so that the keyboard can. */
async function copy() {
  const code = byId("code");
  let done = "app.copied";
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    getSelection().selectAllChildren(code);
    done = "app.selected";
  }
  write(byId("copy"), text(done));
  say(t(done));
  clearTimeout(back);
  back = setTimeout(ready, BACK_MS);
}

for (const radio of document.querySelectorAll("[name=code]")) radio.addEventListener("change", showCode);
onPress(byId("copy"), copy);
