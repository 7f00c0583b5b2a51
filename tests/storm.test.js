// A storm of nonsense: whatever arrives, the answer is an answer. A panic would reset the isolate, and with it every ticket in
// memory; so a ticket is issued before the storm and has to open after it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bent, dice } from "./support/dice.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { bearer, encode, good, mint, SECRET } from "./support/jwt.js";
import { strange } from "./support/tickets.js";

const REQUESTS = 1500;
const SEED = Number(process.env.STORM_SEED ?? 1);

function issuing(die) {
  const { below, pick, bytes } = die;
  const body = pick([
    () => bytes(300),
    () => JSON.stringify({ sub: bytes(300).toString("latin1"), room: bytes(140).toString("utf8") }),
    () => bent('{"sub":"alice","room":"lobby"}', die),
    () => "[".repeat(below(4000)),
    () => "",
  ])();
  const token = pick([
    () => good("alice"),
    () => bent(good("alice"), die).replaceAll(/\s/g, ""),
    () => `${encode(bytes(40).toString("latin1"))}.${encode(bytes(90).toString("latin1"))}.${encode("x")}`,
    () => mint({ sub: "alice", exp: pick([-1, 0, 1e308, -1e308, 9007199254740991, 0.5, 18446744073709552000]) }),
    () => mint(pick([null, 7, "text", [], { exp: {} }, { aud: [[]] }])),
  ])();
  const type = pick(["application/json", "application/json;", ";", 'application/json; charset="', "text/html"]);
  return { method: "POST", path: "/ws-ticket", headers: { ...bearer(token), "Content-Type": type }, body };
}

function presenting(die) {
  const { pick, below } = die;
  const ticket = strange(pick(["m", "k", "zz", "0"]));
  const queries = [
    `ticket=${ticket}`,
    `ticket=${"A".repeat(below(5000))}`,
    "ticket=%",
    "ticket=%E2%82",
    "&=&=&",
    "%=%",
  ];
  const query = bent(pick(queries), die).replaceAll(/[^\x21-\x7e]/g, "");
  const handshake = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
  const origin = pick([{}, {}, { Origin: bent("https://app.example.com", die) }]);
  const headers = { ...origin, ...pick([{}, { ...handshake, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" }]) };
  return { path: `/ws?${query}`, headers };
}

function wandering({ pick, bytes }) {
  const method = pick(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "REPORT"]);
  const path = `/${pick(["ws", "ws-ticket", "health", ""])}${encodeURIComponent(bytes(20).toString("latin1"))}`;
  return { method, path };
}

test(`after ${REQUESTS} nonsensical requests, all is as before (STORM_SEED=${SEED})`, async () => {
  const die = dice(SEED);
  const gates = await startGates([
    { vars: { ...DEVELOPMENT, TICKET_STORE: "memory" } },
    { vars: { ENVIRONMENT: "development", JWT_SECRET: SECRET, TICKET_STORE: "memory" } },
  ]);
  try {
    const kept = [await gates[0].issue(), await gates[1].issue(undefined, bearer(good()))];
    for (let sent = 0; sent < REQUESTS; sent += 10) {
      const batch = Array.from({ length: 10 }, () => [
        die.pick(gates),
        die.pick([issuing, presenting, wandering])(die),
      ]);
      const answers = await Promise.all(batch.map(([gate, request]) => gate.request(request)));
      for (const [i, answer] of answers.entries()) {
        const of = JSON.stringify(batch[i][1]).slice(0, 500);
        assert.ok(answer.status < 500, `${answer.status} to ${of}`);
        assert.notEqual(answer.status, 101, `admitted: ${of}`);
      }
    }
    for (const [i, gate] of gates.entries()) assert.equal(await gate.opens(kept[i].ticket), 101, "lost in the storm");
    const broken = gates[0].lines().filter((line) => /panic|unreachable|RuntimeError|Reinitializ/i.test(line));
    assert.deepEqual(broken, []);
  } finally {
    await gates[0].close();
  }
});
