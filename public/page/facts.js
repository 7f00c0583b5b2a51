// What the gate says of itself: its store, guarantee, reach and rules, or all that is wrong with its settings.
import { byId, make, say } from "./dom.js";
import { health } from "./gate.js";
import { has, t } from "./i18n.js";
import { ask } from "./who.js";

let known;

/** What `/health` said last. */
export const facts = () => known ?? {};

export const word = (value) => (has(`value.${value}`) ? t(`value.${value}`) : String(value));
const list = (values) => (values?.length ? values.map(word).join(", ") : t("value.none"));

/** Asks `/health` and shows it. */
export async function refresh() {
  const before = known?.status;
  const answer = await health();
  const status = answer?.status ?? "silent";
  byId("facts").dataset.status = status;
  byId("facts-status").textContent = has(`status.${status}`) ? t(`status.${status}`) : status;
  if (answer) known = answer;
  if (answer?.version) byId("version").textContent = `v${answer.version}`;
  showProblems(answer?.problems);
  if (answer?.store) showFacts(answer);
  if (before !== undefined && before !== status) say(byId("facts-status").textContent);
}

function showFacts(answer) {
  ask(answer.identity);
  for (const radio of document.querySelectorAll("[name=carriage]")) {
    radio.disabled = !answer.carriage.includes(radio.value);
  }
  const usable = document.querySelector("[name=carriage]:not(:disabled)");
  if (document.querySelector("[name=carriage]:checked:disabled")) usable.click();
  const rows = [
    ["store", answer.store],
    ["guarantee", word(answer.guarantee), answer.guarantee === "single-use" ? "good" : "warn"],
    ["reach", word(answer.reach)],
    ["identity", word(answer.identity)],
    ["carriage", list(answer.carriage)],
    ["bind", word(`bind-${answer.bind}`)],
    ["check", word(`check-${answer.ticket_check}`)],
    ["limits", list(answer.limits)],
  ];
  byId("facts-list").replaceChildren(...rows.map(fact));
}

function fact([name, value, tone = ""]) {
  const row = make("div");
  const shown = make("dd", value, { className: tone });
  shown.dataset.fact = name;
  row.append(make("dt", t(`fact.${name}`)), shown);
  return row;
}

function showProblems(problems = []) {
  const place = byId("facts-problems");
  place.hidden = problems.length === 0;
  byId("facts-list").hidden = problems.length > 0;
  const items = make("ol");
  items.append(
    ...problems.map(({ name, problem, expected }) => {
      const item = make("li");
      item.append(make("code", name), t("facts.problem", { problem, expected }));
      return item;
    }),
  );
  place.replaceChildren(items);
}
