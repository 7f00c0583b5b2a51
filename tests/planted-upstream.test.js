// Planted secrets of what stands behind the gate: the settings UPSTREAM_…, the assertion, what the client sends on and what the upstream
// says. None of it stands in a log line, an answer to the client, or `/health`; what is for the upstream comes there, and only there.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startGates } from "./support/harness.js";
import { bearer, inSeconds, mint } from "./support/jwt.js";
import { refused, report } from "./support/refused.js";
import { privateKey } from "./support/signing-keys.js";
import { startUpstream } from "./support/upstream-server.js";
import { Witness } from "./support/witness.js";

report();

const CODES = ["misconfigured", "ticket_refused", "upstream_failed", "upstream_refused", "upstream_timeout"];
const witness = new Witness();
const key = witness.secret("JWT_SECRET");
const secret = witness.secret("UPSTREAM_SECRET");
const authorization = `Bearer ${witness.secret("UPSTREAM_AUTHORIZATION")}`;
const added = witness.secret("a header of UPSTREAM_HEADERS");
const parameter = witness.secret("a parameter of UPSTREAM_URL");
const pem = privateKey("ed25519");
for (const line of pem.split("\n").slice(1, -2)) witness.plant("UPSTREAM_PRIVATE_KEY", line);

let upstream;
let gates;
before(async () => {
  upstream = await startUpstream();
  const url = (path) => `ws://127.0.0.1:${upstream.port}/${path}?key=${parameter}`;
  const vars = {
    ENVIRONMENT: "development",
    TICKET_STORE: "memory",
    SESSION: "upstream",
    JWT_SECRET: key,
    UPSTREAM_TIMEOUT_MS: "300",
    UPSTREAM_URL: url(""),
    UPSTREAM_AUTHORIZATION: authorization,
    UPSTREAM_HEADERS: JSON.stringify({ "X-Api-Key": added }),
  };
  gates = await startGates([
    { vars: { ...vars, UPSTREAM_SECRET: secret } },
    { vars: { ...vars, UPSTREAM_PRIVATE_KEY: pem } },
    // Each of them wrong in its own way.
    {
      vars: {
        ...vars,
        UPSTREAM_URL: `ftp://${witness.secret("a wrong URL")}.example/`,
        UPSTREAM_AUTHORIZATION: `Authorization: ${witness.secret("a wrong authorization")}`,
        UPSTREAM_HEADERS: `{"Host":"${witness.secret("a wrong header")}"}`,
        UPSTREAM_PRIVATE_KEY: pem.replace("PRIVATE", witness.secret("a wrong label")),
        UPSTREAM_SECRET: `"${secret}"`,
        UPSTREAM_AUDIENCE: `${witness.secret("a wrong audience")} `,
        UPSTREAM_TIMEOUT_MS: witness.secret("a wrong number"),
        UPSTREAM_IDENTITY: witness.secret("a wrong word"),
        UPSTREAM_CREDENTIALS: witness.secret("another wrong word"),
        SESSION: "upstream",
      },
    },
    { vars: { ...vars, SESSION: "echo", UPSTREAM_SECRET: secret } },
    { vars: { ...vars, SESSION: witness.secret("a wrong session") } },
  ]);
});
after(async () => {
  await gates?.[0].close();
  await upstream?.close();
});

/** What a client may send along. */
const stray = () => ({
  Cookie: `session=${witness.secret("a session's cookie")}`,
  Authorization: `Bearer ${witness.secret("a login at the upgrade")}`,
  "X-Ticket-Subject": witness.secret("a forged subject"),
  "X-Ticket-Assertion": witness.secret("a forged assertion"),
  "X-Own": witness.secret("a header of the app's own"),
});

async function ticketOf(gate) {
  const claims = { sub: witness.secret("a subject"), exp: inSeconds(600) };
  const answer = await witness.see("POST /ws-ticket", gate.post({}, bearer(mint(claims, { secret: key }))));
  return answer.json.ticket;
}

test("what is for the upstream comes there, and of a socket nothing is told but that it is open", async () => {
  for (const gate of gates.slice(0, 2)) {
    const ticket = await ticketOf(gate);
    const query = `token=${witness.secret("a parameter of the client's")}&ticket=${ticket}`;
    const open = await gate.upgrade(ticket, { path: "/ws/room", query, headers: stray() });
    assert.equal(open.status, 101);
    witness.keep("GET /ws: 101", JSON.stringify(open.rawHeaders));
    await open.leave();
    const { headers, url, rawHeaders } = upstream.handshakes.at(-1);
    assert.equal(headers.authorization, authorization);
    assert.equal(headers["x-api-key"], added);
    assert.match(url, new RegExp(`key=${parameter}`));
    assert.ok(!rawHeaders.join().includes("forged") && !rawHeaders.join().includes(ticket) && !url.includes(ticket));
    for (const part of headers["x-ticket-assertion"].split(".").slice(1)) witness.plant("an assertion", part);
  }
});

test("and of all that goes wrong nothing but its code", async () => {
  for (const gate of gates.slice(0, 2))
    for (const word of [
      "answer-401",
      "answer-403",
      "answer-200",
      "answer-302",
      "answer-500",
      "cut",
      "silent",
      "speaks-x",
    ]) {
      const ticket = await ticketOf(gate);
      const path = `/ws/${word}`;
      const query = `token=${witness.secret("a parameter of the client's")}&ticket=${ticket}`;
      const answer = await witness.see("GET /ws", gate.upgrade(ticket, { path, query, headers: stray() }));
      assert.ok([502, 504].includes(answer.status), `${word}: ${answer.status}`);
      const again = await witness.see("GET /ws", gate.upgrade(ticket, { path, query, headers: stray() }));
      assert.equal(again.status, 401);
      refused(2);
    }
});

test("wrong settings are named, and not shown", async () => {
  for (const gate of gates.slice(2)) {
    const answer = await witness.see("POST /ws-ticket", gate.post());
    assert.equal(answer.status, 500);
    refused();
  }
  const { problems } = await gates[2].health();
  const named = new Set(problems.map(({ name }) => name));
  const names = [
    "AUDIENCE",
    "AUTHORIZATION",
    "CREDENTIALS",
    "HEADERS",
    "IDENTITY",
    "PRIVATE_KEY",
    "SECRET",
    "TIMEOUT_MS",
    "URL",
  ];
  assert.deepEqual(
    [...named].sort(),
    names.map((name) => `UPSTREAM_${name}`),
  );
});

test("nothing came out", async () => {
  witness.plant("the upstream's own words", "the server's own words, for nobody else");
  await witness.collect(gates);
  assert.deepEqual(witness.finds(), []);
  assert.deepEqual([...witness.codes].sort(), CODES);
  const { places, characters } = witness.searched;
  assert.ok(witness.planted > 100 && places > 60 && characters > 20_000, JSON.stringify(witness.searched));
});
