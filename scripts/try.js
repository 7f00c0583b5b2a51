// `npm run try -- --url https://ws-ticket.example.workers.dev --token "$(npm run -s token -- --sub alice)"`: asks a gate, wherever
// it runs, for one ticket and presents it twice. The first connection must open and the second must be refused. Prints no ticket.
import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import * as util from "node:util";
import { main, Stop } from "./run.js";

const USAGE =
  'npm run try -- --url https://ws-ticket.example.workers.dev [--token "$(npm run -s token -- --sub alice)"]';
/** How long one answer is waited for, in milliseconds. */
const PATIENCE_MS = 30_000;

function asked() {
  const options = { url: { type: "string", default: "http://localhost:8787" }, token: { type: "string" } };
  let values;
  try {
    ({ values } = util.parseArgs({ options }));
  } catch (error) {
    throw new Stop(`${error.message.split(". ")[0]}. ${USAGE}`);
  }
  if (!/^https?:\/\/[^/?#@]+(\/[\w.~-]+)*\/?$/.test(values.url)) {
    throw new Stop(`--url is where the gate is, with its BASE_PATH and nothing else. ${USAGE}`);
  }
  return values;
}

const unreachable = (gate, error) =>
  new Stop(`no answer from ${gate.origin}: ${error.cause?.code ?? error.code ?? error.name}`);

async function issue(gate, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await fetch(new URL("ws-ticket", gate), {
    ...{ method: "POST", redirect: "manual", headers, signal },
  }).catch((error) => {
    throw unreachable(gate, error);
  });
  const body = await answer.json().catch(() => ({}));
  if (answer.status !== 200 || typeof body.ticket !== "string") {
    throw new Stop(`POST /ws-ticket was answered ${answer.status} ${body.code ?? ""}: ${body.detail ?? "no ticket"}`);
  }
  // What BIND=cookie binds the ticket to.
  const cookie = answer.headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
  console.log(`POST /ws-ticket: 200, a ticket for ${body.expires_in} seconds`);
  return { ticket: body.ticket, cookie };
}

/** Presents the ticket as a subprotocol, so that it stands in no URL; resolves to the status and the code. */
function present(gate, { ticket, cookie }) {
  const headers = {
    ...{ Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" },
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    "Sec-WebSocket-Protocol": `ws-ticket.v1, ${ticket}`,
    ...(cookie ? { Cookie: cookie } : {}),
  };
  const { request } = gate.protocol === "https:" ? https : http;
  return new Promise((resolve, reject) => {
    const sent = request(new URL("ws", gate), { headers, timeout: PATIENCE_MS });
    sent.on("timeout", () => sent.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })));
    sent.on("error", (error) => reject(unreachable(gate, error)));
    sent.on("upgrade", ({ statusCode }, socket) => {
      socket.destroy();
      resolve({ status: statusCode });
    });
    sent.on("response", async (answer) => {
      let text = "";
      for await (const chunk of answer.setEncoding("utf8")) text += chunk;
      const code = /"code":"([a-z_]{1,40})"/.exec(text)?.[1];
      resolve({ status: answer.statusCode, code });
    });
    sent.end();
  });
}

await main(async () => {
  const { url, token } = asked();
  const gate = new URL(`${url.replace(/\/$/, "")}/`);
  const issued = await issue(gate, token);
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
