// The rules in another server: examples/axum, a gate with a store of its own behind axum, compiled and run as it is.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { startExample } from "./support/cargo.js";
import { heard } from "./support/heard.js";

let server;
let url;
before(async () => {
  server = await startExample("ws-ticket-axum", "127.0.0.1:0");
  ({ url } = server);
});
after(() => server?.stop());

async function issue(headers = {}) {
  const answer = await fetch(`${url}/ws-ticket`, { method: "POST", headers: { "X-User": "alice", ...headers } });
  assert.equal(answer.status, 200);
  return (await answer.json()).ticket;
}

const open = (ticket, origin) => heard(new WebSocket(`${url.replace("http", "ws")}/ws?ticket=${ticket}`, { origin }));

test("a ticket opens one socket, of fifty that race for it", async () => {
  const ticket = await issue();
  const all = await Promise.all(Array.from({ length: 50 }, () => open(ticket)));
  assert.equal(all.filter((answer) => answer === "welcome, alice").length, 1);
  assert.equal(all.filter((answer) => answer === 401).length, 49);
});

test("the rules are the same: no login, no ticket; another origin burns it; what is no ticket isn't asked about", async () => {
  assert.equal((await fetch(`${url}/ws-ticket`, { method: "POST" })).status, 401);
  const ticket = await issue({ Origin: "https://app.example.com" });
  assert.equal(await open(ticket, "https://evil.example"), 401);
  assert.equal(await open(ticket, "https://app.example.com"), 401);
  assert.equal(
    await open(await issue({ Origin: "https://app.example.com" }), "https://app.example.com"),
    "welcome, alice",
  );
  assert.equal(await open("wst_x_short"), 400);
});
