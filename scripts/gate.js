// Asks a gate, wherever it runs, as a client does: for a ticket, and for a socket. No ticket is printed here, nor thrown.
import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { Stop } from "./run.js";

/** How long one answer is waited for, in milliseconds. */
export const PATIENCE_MS = 30_000;

/** Where a gate is, with its BASE_PATH; `undefined` where the text has anything else in it. */
export const gateAt = (text) =>
  /^https?:\/\/[^/?#@]+(\/[\w.~-]+)*\/?$/.test(text) ? new URL(`${text.replace(/\/$/, "")}/`) : undefined;

const unreachable = (gate, error) =>
  new Stop(`no answer from ${gate.origin}: ${error.cause?.code ?? error.code ?? error.name}`);

/** A ticket for whoever the token is of: `{ ticket, cookie, expires_in, expires_at }`. */
export async function issue(gate, token) {
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
  return { ...body, cookie };
}

/** Presents the ticket as a subprotocol, so that it stands in no URL; resolves to the status and the code. */
export function present(gate, { ticket, cookie }) {
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
