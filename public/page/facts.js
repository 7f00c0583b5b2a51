// What the gate says of itself, in plain words: its store and its rules, or all that is wrong with its settings, or that it is gone.
import { reason } from "./answer.js";
import { byId, make, say } from "./dom.js";
import { asRefusal, health } from "./gate.js";
import { has, text, write } from "./i18n.js";
import { ask } from "./who.js";

// A gate that is gone is asked again, at first soon.
const SOON_MS = 2000;
const SELDOM_MS = 30_000;

let known;
/** Whether it was unfolded here, because something is wrong. */
let unfolded = false;
let again;
let wait = SOON_MS;

/** What `/health` said last. */
export const facts = () => known ?? {};

/** What makes the word for a value of `/health`, or for the value itself where this page has none. */
export const word = (value) => (has(`value.${value}`) ? text(`value.${value}`) : String(value));

/** Asks `/health` and shows it. `onFacts` is called when there are some. */
export async function refresh() {
  clearTimeout(again);
  const before = byId("facts").dataset.status;
  let answer;
  let refusal;
  try {
    answer = await health();
  } catch (error) {
    refusal = asRefusal(error);
  }
  const status = answer?.status ?? "silent";
  byId("facts").dataset.status = status;
  const onlyEcho = answer?.degraded_by?.join() === "SESSION" && !answer.trouble;
  const said = onlyEcho ? "status.echo" : `status.${status}`;
  write(byId("facts-status"), has(said) ? text(said) : status);
  if (answer) known = answer;
  if (answer?.version) byId("version").textContent = `v${answer.version}`;
  showTrouble(status, answer?.problems, refusal);
  if (answer?.store) showFacts(answer);
  if (before !== "asking" && before !== status) say(byId("facts-status").textContent);
  wait = refusal ? Math.min(wait * 2, SELDOM_MS) : SOON_MS;
  if (refusal) again = setTimeout(() => (document.hidden ? undefined : refresh()), wait);
}

function showFacts(answer) {
  ask(answer.identity);
  for (const radio of document.querySelectorAll("[name=carriage]")) {
    radio.disabled = !answer.carriage.includes(radio.value);
  }
  byId("rooms").hidden = answer.session !== "upstream";
  const usable = document.querySelector("[name=carriage]:not(:disabled)");
  if (document.querySelector("[name=carriage]:checked:disabled")) usable.click();
  const limits = answer.limits.length === 1 ? answer.limits[0] : `limits-${answer.limits.length}`;
  const rows = [
    ["store", answer.store],
    ["guarantee", answer.guarantee, answer.guarantee === "single-use" ? "good" : "warn"],
    ["reach", answer.reach, answer.reach === "global" ? "" : "warn"],
    ["identity", answer.identity],
    ["session", `session-${answer.session}`, answer.degraded_by?.includes("SESSION") ? "warn" : ""],
    ["carriage", [...answer.carriage].sort().join("-")],
    ["bind", `bind-${answer.bind}`],
    ["check", `check-${answer.ticket_check}`],
    ["limits", limits],
  ];
  byId("facts-list").replaceChildren(...rows.map(fact));
}

function fact([name, value, tone = ""]) {
  const row = make("div");
  const shown = make("dd", word(value), { className: tone });
  Object.assign(shown.dataset, { fact: name, value });
  row.append(make("dt", text(`fact.${name}`)), shown);
  return row;
}

/** Why it doesn't serve, and what helps. It is open then, also on a phone. */
function showTrouble(status, problems = [], refusal = undefined) {
  const place = byId("facts-problems");
  const trouble = problems.length > 0 || refusal !== undefined;
  place.hidden = !trouble;
  byId("facts-list").hidden = trouble;
  const folded = !byId("facts").open;
  if (trouble ? folded : unfolded) byId("facts").open = unfolded = trouble;
  if (!trouble) {
    place.replaceChildren();
    return;
  }
  const items = make("ol");
  items.append(
    ...problems.map(({ name, problem, expected }) => {
      const item = make("li");
      item.append(make("code", name), make("span", text("facts.problem", { problem, expected })));
      return item;
    }),
  );
  const why = refusal ? reason(refusal) : text("facts.mend");
  const parts = [make("p", why), ...(problems.length > 0 ? [items] : [])];
  if (status === "silent") parts.push(make("p", text("facts.start")));
  place.replaceChildren(...parts);
}
