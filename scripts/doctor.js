// `npm run doctor -- https://gate.example.com`: looks at a gate and at wrangler.jsonc, says what is wrong and what mends it. It reads, and
// changes nothing; with `--active` it asks for tickets and uses them, with the login in the environment's WS_TICKET_TOKEN where one is
// needed. Exit status: 0 where nothing failed, 1 otherwise. No ticket, token or key is printed.
import { parseArgs } from "node:util";
import { activeChecks } from "./doctor/active-checks.js";
import { doorChecks, healthOf, promiseChecks, reachChecks, wireChecks } from "./doctor/gate-checks.js";
import { run } from "./doctor/outcome.js";
import { projectFound } from "./doctor/project.js";
import { gateAt } from "./gate.js";
import { main, Stop } from "./run.js";
import { read, root } from "./tools.js";

const USAGE = "npm run doctor -- <url> [--active] [--json] [--config wrangler.jsonc]";
const MARKS = { pass: "ok  ", warn: "warn", fail: "FAIL", skip: "skip" };

function asked() {
  const options = {
    active: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    config: { type: "string", default: `${root}/wrangler.jsonc` },
  };
  let given;
  try {
    given = parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new Stop(`${error.message.split(". ")[0]}. ${USAGE}`);
  }
  const [url, ...more] = given.positionals;
  const gate = url && more.length === 0 ? gateAt(url) : undefined;
  if (!gate) throw new Stop(`which gate? Its address, with its BASE_PATH and nothing else. ${USAGE}`);
  return { gate, ...given.values };
}

async function examine({ gate, active, config }) {
  const version = /^version = "([^"]+)"/m.exec(read("Cargo.toml"))[1];
  const health = await healthOf(gate);
  const found = await run("reach", reachChecks(gate, health, version));
  if (!health.gone) {
    found.push(...(await run("promises", promiseChecks(gate, health))));
    if (health.json.status !== "misconfigured") {
      found.push(...(await run("who gets in", doorChecks(gate, health))));
      found.push(...(await run("on the wire", wireChecks(gate, health))));
      if (active) found.push(...(await run("tickets", activeChecks(gate, health, process.env.WS_TICKET_TOKEN))));
    }
  }
  found.push(...(await projectFound(config)));
  return found;
}

function show(found) {
  let last;
  for (const { group, name, result, said, mend } of found) {
    if (group !== last) console.log(`\n${group}`);
    last = group;
    console.log(`  ${MARKS[result]}  ${name}: ${said}`);
    if (mend) console.log(`        → ${mend}`);
  }
  const count = (result) => found.filter((each) => each.result === result).length;
  console.log(
    `\n${count("pass")} passed, ${count("warn")} to look at, ${count("fail")} failed, ${count("skip")} skipped`,
  );
}

await main(async () => {
  const given = asked();
  const found = await examine(given);
  if (given.json) console.log(JSON.stringify({ gate: given.gate.href, checks: found }, null, 2));
  else show(found);
  return found.some(({ result }) => result === "fail") ? 1 : 0;
});
