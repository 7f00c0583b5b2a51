// A month's bill for people, for documents and for programs.
import { STORES } from "./operations.js";
import { DATED, DAYS, PRICES } from "./prices.js";
import { month } from "./sum.js";

const dollars = (amount) => `$${amount.toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ",")}`;
const count = (number) => Math.round(number).toLocaleString("en-US");
const short = (number) => (number >= 1e6 ? `${number / 1e6}M` : number >= 1e3 ? `${number / 1e3}k` : String(number));

const heads = {
  en: { store: "store", aDay: (tickets) => `${short(tickets)} tickets a day`, free: "free plan, tickets a day" },
  zh: {
    store: "存储",
    aDay: (tickets) => `每天 ${tickets >= 1e4 ? `${tickets / 1e4} 万` : `${tickets} `}张`,
    free: "免费套餐，每天张数",
  },
};
/** Whose server costs what it costs. */
const BESIDE = { redis: { en: " and your server", zh: "，外加你的服务器" } };

/** A Markdown table: stores by volumes. */
export function markdown(volumes, { stores = Object.keys(STORES), language = "en", ...options } = {}) {
  const { store, aDay, free } = heads[language];
  const rows = stores.map((name) => {
    const months = volumes.map((volume) => month(name, volume, options));
    const beside = BESIDE[name]?.[language] ?? "";
    return [
      `\`${name}\``,
      ...months.map((bill) => dollars(bill.dollars) + beside),
      count(months[0].freePlan.ticketsPerDay),
    ];
  });
  const lines = [[store, ...volumes.map(aDay), free], ["---", ...volumes.map(() => "---"), "---"], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The sums, step by step. */
export function table(volumes, { stores, ...options }) {
  const parts = [`A month of ${DAYS} days, by prices of ${DATED}; each ticket is used once.`];
  for (const volume of volumes) {
    for (const name of stores) {
      const { lines, plan, dollars: sum, freePlan } = month(name, volume, options);
      parts.push("", `${name}, ${count(volume)} tickets a day: ${dollars(sum)}`);
      parts.push(`  ${dollars(plan).padStart(12)}  the Workers plan`);
      for (const { name: what, quantity, included, billed, price, dollars: costs } of lines) {
        const left =
          billed === 0 ? `within ${count(included)} included` : `${count(billed)} more than ${count(included)}`;
        const by = billed === 0 ? "" : `, at $${price.dollars} for ${count(price.per)}`;
        parts.push(`  ${dollars(costs).padStart(12)}  ${count(quantity)} ${what}: ${left}${by}`);
      }
      parts.push(`  free plans: up to ${count(freePlan.ticketsPerDay)} tickets a day, by ${freePlan.by}`);
    }
  }
  const sources = new Set(Object.values(PRICES).map(({ source }) => source));
  return [...parts, "", "Prices:", ...[...sources].map((source) => `  ${source}`)].join("\n");
}

export function json(volumes, { stores, ...options }) {
  const months = volumes.flatMap((volume) => stores.map((name) => month(name, volume, options)));
  return JSON.stringify({ dated: DATED, days: DAYS, months }, null, 2);
}
