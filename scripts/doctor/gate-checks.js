// What a gate shows to anybody who asks: nothing here issues a ticket, or burns one.
import { createHmac } from "node:crypto";
import { parseEnv } from "node:util";
import { PATIENCE_MS } from "../gate.js";
import { read } from "../tools.js";
import { fail, pass, skip, warn } from "./outcome.js";

const STRANGER = "https://doctor.invalid";
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };
/** Seconds that clocks may differ: the gate counts a ticket's life by its own. */
const CLOCK = { warn: 5, fail: 60 };

export const isLocal = ({ hostname }) => /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);

/** Asks without following, and gives `{ status, headers, json }`. */
export async function ask(gate, path, { method = "GET", headers = {}, body } = {}) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await fetch(new URL(path, gate), { method, headers, body, redirect: "manual", signal });
  const text = await answer.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    // Whoever answers JSON is asked for it below.
  }
  return { status: answer.status, headers: answer.headers, json };
}

/** `/health` as it is, or why there is none. */
export async function healthOf(gate) {
  try {
    const { status, headers, json } = await ask(gate, "health");
    if (typeof json?.status !== "string" || typeof json.version !== "string")
      return { gone: `${status}, and no gate's health` };
    return { http: status, headers, ...json, json };
  } catch (error) {
    return { gone: `no answer: ${error.cause?.code ?? error.cause?.message ?? error.name}` };
  }
}

export const reachChecks = (gate, health, version) => ({
  answers: () =>
    health.gone
      ? fail(`GET /health: ${health.gone}`, "check the address and BASE_PATH; npx wrangler deployments list")
      : pass(`${health.http} ${health.json.status}`),
  transport: () =>
    gate.protocol === "https:" || isLocal(gate)
      ? pass(gate.protocol === "https:" ? "TLS" : "plain, on this machine alone")
      : fail("plain http: tickets can be read on the way", "ask it by https:"),
  version: () => {
    if (health.gone) return skip("there is no /health");
    return health.version === version
      ? pass(version)
      : warn(`it runs ${health.version}, and this project is ${version}`, "npm run deploy");
  },
  clock: () => {
    const date = Date.parse(health.headers?.get("Date"));
    if (Number.isNaN(date)) return skip("it says no Date");
    const seconds = Math.round(Math.abs(Date.now() - date) / 1000);
    const mend = "set this machine's clock by NTP: timedatectl set-ntp true";
    if (seconds >= CLOCK.fail) return fail(`the clocks differ by ${seconds} s`, mend);
    return seconds >= CLOCK.warn ? warn(`the clocks differ by ${seconds} s`, mend) : pass("the clocks agree");
  },
});

export const promiseChecks = (gate, health) => ({
  configuration: () => {
    const wrong = health.problems ?? [];
    if (health.json.status !== "misconfigured") return pass("it serves");
    const named = wrong.map(({ name, problem }) => `${name} ${problem}`).join("; ");
    return fail(named, wrong.map(({ name, expected }) => `${name}: ${expected}`).join("; "));
  },
  "single use": () => {
    if (!health.guarantee) return skip("it doesn't serve");
    return health.guarantee === "single-use"
      ? pass(`${health.store}: one ticket opens one connection`)
      : fail(
          `${health.store}: a ticket may open more than one connection`,
          'bind TICKET_SHARD, and "ALLOW_BEST_EFFORT": "false" in wrangler.jsonc',
        );
  },
  reach: () => {
    if (!health.reach) return skip("it doesn't serve");
    if (health.reach === "global") return pass("a ticket is good everywhere");
    const mend = '"TICKET_STORE": "durable" in wrangler.jsonc';
    const said = "tickets are in one isolate's memory, and unknown to all others";
    return isLocal(gate) ? warn(said, mend) : fail(said, mend);
  },
  stores: () => {
    if (!health.store) return skip("it doesn't serve");
    const trouble = (health.trouble ?? []).map(({ store, operation, reason }) => `${store}, ${operation}: ${reason}`);
    return trouble.length === 0
      ? pass("none is in trouble")
      : fail(trouble.join("; "), "docs/operations.md, Why a store gave no answer");
  },
  session: () => {
    if (!health.session) return skip("it doesn't serve");
    return (health.degraded_by ?? []).includes("SESSION")
      ? warn(
          "nobody said what stands behind the gate, so an echo does",
          '"SESSION" in wrangler.jsonc; docs/behind-the-gate.md',
        )
      : pass(`behind it is ${health.session}`);
  },
  "made-up tickets": () => {
    if (!health.ticket_check) return skip("it doesn't serve");
    return health.ticket_check === "keyed"
      ? pass("cost no call of a store")
      : warn("each costs a call of a store", "npx wrangler secret put TICKET_KEY");
  },
  "rate limits": () => {
    if (!health.limits) return skip("it doesn't serve");
    const missing = ["issue", "refusal"].filter((name) => !health.limits.includes(name));
    return missing.length === 0
      ? pass("both are bound")
      : warn(`without: ${missing.join(", ")}`, '"ratelimits" as the project has them in wrangler.jsonc');
  },
});

/** A login by the secret that everybody can read; for no room, so that what it asks for is refused, and no ticket is issued. */
function exampleLogin() {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: "doctor", exp: now + 60, rooms: [] })}`;
  const { JWT_SECRET } = parseEnv(read(".dev.vars.example"));
  return `${signed}.${createHmac("sha256", JWT_SECRET).update(signed).digest("base64url")}`;
}

export const doorChecks = (gate, health) => ({
  "development mode": () => {
    if (!health.identity) return skip("it doesn't serve");
    if (health.identity !== "dev") return pass(`callers are known by ${health.identity}`);
    const said = "everybody may be anybody";
    const mend = '"ENVIRONMENT": "production" and "IDENTITY" in wrangler.jsonc; docs/identity.md';
    return isLocal(gate) ? warn(said, mend) : fail(said, mend);
  },
  "the example's secret": async () => {
    if (health.identity !== "jwt") return skip("logins aren't tokens of a secret's");
    const headers = { Authorization: `Bearer ${exampleLogin()}`, "Content-Type": "application/json" };
    const { status, json } = await ask(gate, "ws-ticket", { method: "POST", headers, body: '{"room":"doctor"}' });
    return json?.code === "identity_refused" && status === 401
      ? pass("opens nothing")
      : fail(
          `a login by the secret of .dev.vars.example was answered ${status} ${json?.code ?? ""}`,
          "openssl rand -base64 32 | npx wrangler secret put JWT_SECRET",
        );
  },
  "no login": async () => {
    if (!["jwt", "access"].includes(health.identity))
      return skip(`with ${health.identity} it can't be told without a ticket`);
    const { status, json } = await ask(gate, "ws-ticket", { method: "POST" });
    return status === 401 && json?.code === "identity_missing"
      ? pass("is refused")
      : fail(`was answered ${status} ${json?.code ?? ""}`, "look at what is in front of the gate");
  },
  "pages of strangers": async () => {
    const { status, headers, json } = await ask(gate, "ws-ticket", { method: "POST", headers: { Origin: STRANGER } });
    const allowed = headers.get("Access-Control-Allow-Origin");
    if (allowed)
      return fail(
        `${STRANGER} was allowed: Access-Control-Allow-Origin: ${allowed}`,
        "take away what adds CORS headers in front of the gate; ALLOWED_ORIGINS says which pages may ask",
      );
    return status === 403 && json?.code === "origin_refused"
      ? pass("are refused")
      : fail(`were answered ${status} ${json?.code ?? ""}`, '"ALLOWED_ORIGINS" in wrangler.jsonc');
  },
  operators: async () => {
    const { status, json } = await ask(gate, "sessions/end", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
    return [401, 404].includes(status) && ["admin_refused", "not_found"].includes(json?.code)
      ? pass(status === 404 ? "have no routes" : "need their token")
      : fail(`/sessions/end was answered ${status} ${json?.code ?? ""}`, "look at what is in front of the gate");
  },
});

export const wireChecks = (gate, health) => ({
  headers: async () => {
    const { headers } = await ask(gate, "health");
    const wrong = Object.entries(HEADERS).filter(([name, value]) => headers.get(name) !== value);
    return wrong.length === 0
      ? pass("nobody keeps an answer")
      : fail(
          `missing or changed: ${wrong.map(([name]) => name).join(", ")}`,
          "take away what changes headers in front of the gate",
        );
  },
  upgrades: async () => {
    if (health.session === "none") return skip("sockets are opened elsewhere");
    const { status, json } = await ask(gate, "ws");
    return status === 426 && json?.code === "upgrade_required"
      ? pass("/ws wants an upgrade")
      : fail(
          `GET /ws was answered ${status} ${json?.code ?? ""}`,
          "let /ws through, with its Upgrade header; docs/operations.md, Where it stands",
        );
  },
  problems: async () => {
    const { status, headers, json } = await ask(gate, "doctor-looks-for-nothing");
    return status === 404 && /problem\+json/.test(headers.get("Content-Type")) && json?.code === "not_found"
      ? pass("say what is wrong, by a code")
      : fail(
          `a path that isn't there was answered ${status}`,
          "take away what answers for the gate, such as a catch-all route",
        );
  },
});
