// `npm run try -- --url https://ws-ticket.example.workers.dev --token "$(npm run -s token -- --sub alice)"`: asks a gate, wherever
// it runs, for one ticket and presents it twice. The first connection must open and the second must be refused. Prints no ticket.
import * as util from "node:util";
import { gateAt, issue, present } from "./gate.js";
import { main, Stop } from "./run.js";

const USAGE =
  'npm run try -- --url https://ws-ticket.example.workers.dev [--token "$(npm run -s token -- --sub alice)"]';

function asked() {
  const options = { url: { type: "string", default: "http://localhost:8787" }, token: { type: "string" } };
  let values;
  try {
    ({ values } = util.parseArgs({ options }));
  } catch (error) {
    throw new Stop(`${error.message.split(". ")[0]}. ${USAGE}`);
  }
  const gate = gateAt(values.url);
  if (!gate) throw new Stop(`--url is where the gate is, with its BASE_PATH and nothing else. ${USAGE}`);
  return { gate, token: values.token };
}

await main(async () => {
  const { gate, token } = asked();
  const issued = await issue(gate, token);
  console.log(`POST /ws-ticket: 200, a ticket for ${issued.expires_in} seconds`);
  const seen = [];
  for (const time of ["first", "second"]) {
    const { status, code = "" } = await present(gate, issued);
    console.log(`GET /ws, the ${time} time: ${status} ${code}`.trimEnd());
    seen.push(`${status} ${code}`);
  }
  if (seen[0] !== "101 " || seen[1] !== "401 ticket_refused") {
    throw new Stop("expected 101, then 401 ticket_refused");
  }
  console.log("One ticket opened one connection.");
});
