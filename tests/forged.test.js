// Five thousand tickets that nobody issued, forged or malformed, by both carriages: with TICKET_KEY not one of them costs a store
// call, and not one of them does harm; nor of those that nobody sealed, with or without it. src/http/credential/forged.rs has ninety-five
// thousand more of the same kinds, where no ticket comes of any, and src/stores/sealed/tests.rs a hundred thousand that look sealed.
// FORGED_SEED makes the same ones again.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import http from "node:http";
import { test } from "node:test";
import { bent, dice } from "./support/dice.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { PATIENCE_MS } from "./support/pace.js";
import { refused, report } from "./support/refused.js";
import { SEAL_KEY } from "./support/rows.js";
import { keyed, malformed, SEALED, strange } from "./support/tickets.js";

const COUNT = 5_000;
/** How many of them are real upgrades. The others have their upgrade headers put on behind the proxies, so that connections
 * can be kept alive: a connection that asked for an upgrade is closed with its refusal. */
const REAL_EVERY = 10;
const PARALLEL = 24;
const BATCH = 1_000;
const SEED = Number(process.env.FORGED_SEED ?? 1);
const KEY = "a-ticket-key-of-thirty-two-bytes";
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HANDSHAKE = {
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

const { below, pick, bytes } = dice(SEED);
const random = (length) => Array.from({ length }, () => pick(ALPHABET)).join("");
/** In a ticket's form, and of a home that there is. */
const unknown = () => `wst_${pick(["m", "k", "d1", "zz9"])}_${random(42)}${pick("AEIMQUYcgkosw048")}`;
const check = () => random(21) + pick("AQgw");

/** One character of an issued ticket is another; the form stays. */
function altered(ticket) {
  const at = ticket.length - 1 - below(65);
  const kind = { [ticket.length - 1]: "AQgw", [ticket.length - 23]: "AEIMQUYcgkosw048" }[at] ?? ALPHABET;
  const others = [...kind].filter((sign) => sign !== ticket[at]);
  return ticket.slice(0, at) + pick(others) + ticket.slice(at + 1);
}

/** A sealed ticket, changed: in a few bytes, cut, longer, or pasted together with another. */
function tampered(sealed) {
  const bytesOf = (ticket) => Buffer.from(ticket.slice(6), "base64url");
  const [one, two] = [bytesOf(pick(sealed)), bytesOf(pick(sealed))];
  const at = below(one.length);
  const flipped = Buffer.from(one);
  for (let times = 0; times <= below(3); times += 1) flipped[below(flipped.length)] ^= 1 + below(255);
  const made = pick([
    flipped,
    one.subarray(0, at),
    one.subarray(at),
    Buffer.concat([one, bytes(1 + below(20))]),
    Buffer.concat([one.subarray(0, 5 + below(24)), bytes(one.length - 5)]),
    Buffer.concat([one.subarray(0, 29), two.subarray(29, two.length - 16), one.subarray(-16)]),
  ]);
  const untouched = sealed.some((ticket) => bytesOf(ticket).equals(made));
  return untouched ? strange(SEALED) : `wst_s_${made.toString("base64url")}`;
}

/** Each kind: the text as it stands in a query, and the statuses that may answer it. */
const kinds = (issued, sealed) => [
  () => [strange(SEALED), [401]],
  () => [tampered(sealed), [400, 401]],
  () => [tampered(sealed), [400, 401]],
  () => [pick(sealed).replace("wst_s_", `wst_${pick(["k", "d1", "m", "zz9"])}_`), [400]],
  () => [keyed(pick(sealed), KEY), [400, 401]],
  () => [unknown() + check(), [401]],
  () => [keyed(unknown(), randomBytes(32)), [401]],
  () => [unknown(), [401]],
  () => [altered(pick(issued)), [401]],
  () => [pick(issued).slice(0, -22), [401]],
  () => [pick(issued).replace(/^wst_[a-z0-9]+/, `wst_${pick(["k", "d1", "d2x", "zz9"])}`), [401]],
  () => [pick(issued).slice(0, -1 - below(20)), [400]],
  () => [pick(issued) + random(1 + below(80)), [400, 401]],
  () => [pick(malformed(unknown()))[1], [400]],
  () => [bent(unknown() + check(), { below, pick }).replaceAll(/[^\x21-\x7e]/g, ""), [400, 401]],
  () => [encodeURIComponent(bytes(200).toString("latin1")), [400]],
  () => [`wst_${random(1 + below(30))}`, [400]],
];

/** How it is carried, and what may answer that: a text that can't be decoded goes by the query alone. */
function carried([text, statuses]) {
  const plain = /^[\w.~%-]*$/.test(text) && !text.includes("%") ? text : undefined;
  if (plain === undefined || !plain.startsWith("wst_") || below(2) === 0)
    return { path: `/ws?ticket=${text}`, statuses };
  const list = pick([
    `ws-ticket.v1, ${plain}`,
    `${plain}, ws-ticket.v1`,
    `chat, ws-ticket.v1, ${plain}`,
    `ws-ticket.v1,${plain}, chat`,
  ]);
  return { path: "/ws", protocols: list, statuses };
}

test(`${COUNT} forged or malformed tickets cost no store call (FORGED_SEED=${SEED})`, async (t) => {
  const vars = { ...DEVELOPMENT, TICKET_STORE: "memory,kv,durable", TICKET_KEY: KEY, SEAL_KEY };
  // What the second seals, the first opens.
  const [gate, sealing] = await startGates([
    { vars, edge: true, without: ["REFUSAL_LIMIT"] },
    { vars: { ...vars, TICKET_STORE: "sealed" } },
  ]);
  const agent = new http.Agent({ keepAlive: true, maxSockets: PARALLEL });
  const target = { url: gate.url };
  try {
    const ticketsOf = (from) => Promise.all(Array.from({ length: 20 }, async () => (await from.issue()).ticket));
    const [issued, sealed] = [await ticketsOf(gate), await ticketsOf(sealing)];
    const all = kinds(issued, sealed);
    await gate.edge();
    gate.forgetLines();
    const seen = {};
    const send = async (index) => {
      const { path, protocols, statuses } = carried(pick(all)());
      const offered = protocols === undefined ? {} : { "sec-websocket-protocol": protocols };
      const status =
        index % REAL_EVERY === 0
          ? (await gate.upgrade("", { path, query: "", headers: offered })).status
          : await kept(agent, target, path, { "x-edge-headers": JSON.stringify({ ...HANDSHAKE, ...offered }) });
      assert.ok(statuses.includes(status), `${status}, not ${statuses}, to ${path} ${protocols ?? ""}`);
      seen[status] = (seen[status] ?? 0) + 1;
      refused();
    };
    const began = performance.now();
    for (let sent = 0; sent < COUNT; sent += BATCH) {
      let next = sent;
      const lane = async () => {
        while (next < sent + BATCH) {
          next += 1;
          await send(next);
        }
      };
      await Promise.all(Array.from({ length: PARALLEL }, lane));
      // Every line of the batch is a refusal, and none says that something broke.
      const forged = ({ event, outcome }) => event === "store" && outcome === "forged";
      for (const told of gate.events()) assert.ok(told.event === "refused" || forged(told), JSON.stringify(told));
      assert.equal(gate.lines().length, gate.events().length, "a line that is no event");
      gate.forgetLines();
    }
    const seconds = (performance.now() - began) / 1000;
    assert.deepEqual(await gate.calls(), {}, "a store was called");
    for (const ticket of [...issued, ...sealed])
      for (const status of [101, 401]) assert.equal(await gate.opens(ticket), status);
    const rate = Math.round(COUNT / seconds);
    t.diagnostic(`${COUNT} tickets in ${seconds.toFixed(1)} s, ${rate} a second: ${JSON.stringify(seen)}`);
  } finally {
    agent.destroy();
    await gate.close();
  }
});

/** A request on a connection that is kept, down to its status. */
function kept(agent, { url }, path, headers) {
  return new Promise((resolve, reject) => {
    const sent = http.request(new URL(url).origin + path, { agent, headers, timeout: PATIENCE_MS }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.on("error", reject);
    sent.end();
  });
}

report();
