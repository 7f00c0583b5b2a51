// What wrangler.jsonc says that will be deployed. `npm run deploy` looks at the same.
import { fail, pass, run, skip, warn } from "./outcome.js";

const FILE = "in wrangler.jsonc";
/** Settings that are secrets, and so belong under `secrets` and never under `vars`. */
const SECRETS =
  /^(JWT_SECRET|TICKET_KEY|SEAL_KEY|REDEEM_SECRET|ADMIN_TOKEN)(_PREVIOUS)?$|^(UPSTREAM_SECRET|UPSTREAM_PRIVATE_KEY|UPSTREAM_AUTHORIZATION|REDIS_URL|UPSTASH_REDIS_REST_TOKEN)$/;
const list = (text) =>
  String(text ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
/** What may be a key by the name of its header. */
const KEYS = /authorization|api-?key|token|secret|cookie/i;

/** What was found in the file, as it is for one of its environments where one is named. */
export async function projectFound(file, env = process.env.CLOUDFLARE_ENV) {
  const group = "wrangler.jsonc";
  // Not before it is needed: a fresh clone has none.
  const wrangler = await import("wrangler").catch(() => {});
  if (!wrangler) return run(group, { file: () => skip("wrangler isn't there yet: npm run setup") });
  let raw;
  try {
    raw = wrangler.experimental_readRawConfig({ config: file }).rawConfig;
  } catch {
    // What is said of it quotes the file.
    return run(group, { file: () => fail(`${file} can't be read`, "npx wrangler check") });
  }
  if (env && !(env in (raw.env ?? {})))
    return run(group, {
      environment: () => fail(`${file} has no environment ${env}`, `"env": { "${env}": … } ${FILE}`),
    });
  try {
    // With all that an environment inherits, and without what it doesn't.
    return await run(group, checks(wrangler.unstable_readConfig({ config: file, env }, { hideWarnings: true })));
  } catch {
    return run(group, {
      file: () => fail(`wrangler takes ${file} for wrong`, "npx wrangler deploy --dry-run"),
      "secrets in the file": () => secretsIn({ ...raw.vars, ...raw.env?.[env]?.vars }),
    });
  }
}

function secretsIn(vars) {
  const found = Object.keys(vars).filter((name) => SECRETS.test(name));
  if (found.length > 0)
    return fail(
      `${found.join(", ")} stands among the variables, for all who read the file`,
      found.map((name) => `npx wrangler secret put ${name}`).join("; "),
    );
  // A JSON object of texts, whose names say enough.
  if (KEYS.test(vars.UPSTREAM_HEADERS))
    return warn(
      "UPSTREAM_HEADERS stands among the variables, and may have a key in it",
      "npx wrangler secret put UPSTREAM_HEADERS",
    );
  return pass("no secret stands among the variables");
}

/** The checks of a configuration, as it is written. */
const checks = (config) => {
  const vars = config.vars ?? {};
  const bound = (config.durable_objects?.bindings ?? []).map(({ name }) => name);
  return {
    "tickets in the platform's logs": () =>
      config.observability?.redact_query_string === true
        ? pass("the platform's logs have no queries")
        : fail(
            "the URL of each upgrade, with its ticket, stands in the platform's logs",
            `"observability": { "redact_query_string": true } ${FILE}`,
          ),
    "invocation logs": () =>
      config.observability?.logs?.invocation_logs === false
        ? pass("no headers of requests are logged")
        : fail(
            "invocation logs have the subprotocol of each upgrade, which may be a ticket",
            `"observability": { "logs": { "invocation_logs": false } } ${FILE}`,
          ),
    "secrets in the file": () => secretsIn(vars),
    "development mode": () =>
      vars.ENVIRONMENT === "development" || vars.IDENTITY === "dev"
        ? fail(
            "it is a gate for development: everybody may be anybody",
            `"ENVIRONMENT": "production", and an "IDENTITY" that is not dev, ${FILE}`,
          )
        : pass("it is a gate for production"),
    "single use": () => {
      const named = list(vars.TICKET_STORE);
      const isAuto = named.length === 0 || named.includes("auto");
      const kv = (config.kv_namespaces ?? []).some(({ binding }) => binding === "WS_TICKETS_KV");
      const names = isAuto ? [kv ? "kv" : "memory"] : named;
      const alone =
        !bound.includes("TICKET_SHARD") && !names.every((name) => ["redis", "upstash", "memory"].includes(name));
      if (alone || String(vars.ALLOW_BEST_EFFORT).trim() === "true")
        return fail(
          "a ticket may open more than one connection",
          `bind TICKET_SHARD, and "ALLOW_BEST_EFFORT": "false", ${FILE}`,
        );
      if (names.includes("memory"))
        return warn("tickets may be in the memory of one isolate", `no memory in "TICKET_STORE" ${FILE}`);
      return pass("one ticket opens one connection");
    },
    origins: () => {
      const plain = list(vars.ALLOWED_ORIGINS).filter(
        (origin) => /^http:\/\/(?!localhost|127\.)/.test(origin) || origin === "*",
      );
      if (plain.length === 0)
        return pass(
          vars.ALLOWED_ORIGINS ? "pages of these origins alone may ask" : "pages of its own origin alone may ask",
        );
      return fail(`${plain.join(", ")} can be anybody's on the way`, `https: origins in "ALLOWED_ORIGINS" ${FILE}`);
    },
    "rate limits": () => {
      const names = (config.ratelimits ?? []).map(({ name }) => name);
      const missing = ["ISSUE_LIMIT", "REFUSAL_LIMIT"].filter((name) => !names.includes(name));
      if (missing.length === 0) return pass("both rate limits are bound");
      return warn(
        `${missing.join(" and ")} is not bound: nothing stops a flood`,
        `"ratelimits" as the project has them ${FILE}`,
      );
    },
    session: () =>
      vars.SESSION
        ? pass(`behind it is ${vars.SESSION}`)
        : warn(
            "nobody said what stands behind the gate, so an echo does",
            `"SESSION" ${FILE}; docs/behind-the-gate.md`,
          ),
    deploys: () =>
      vars.SESSION !== "hub" || config.durable_objects?.code_update_strategy?.mode === "deferred"
        ? pass("a deploy waits for rooms to sleep")
        : warn(
            "each deploy ends the sockets of all rooms",
            `"code_update_strategy": { "mode": "deferred", "max_delay": 300 } ${FILE}`,
          ),
    "other Workers": () =>
      (config.compatibility_flags ?? []).includes("global_fetch_strictly_public")
        ? pass("a login that is another Worker can be asked")
        : warn(
            "a login or a key set that is another Worker of yours can't be asked",
            `"compatibility_flags": ["global_fetch_strictly_public"] ${FILE}`,
          ),
  };
};
