// A thief of a store's dump: nothing that is held of live tickets can be presented, neither as it stands nor dressed up as a
// ticket, by any carriage; and the tickets themselves open afterwards.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { dump, strings } from "./support/dump.js";
import { startGate } from "./support/harness.js";
import { refused, report } from "./support/refused.js";
import { rows } from "./support/rows.js";
import { digest, keyed, parts, SEALED } from "./support/tickets.js";

const APP = "https://app.example.com";
const KEY = "a-ticket-key-of-thirty-two-bytes";
const NAME = "__Host-ws-ticket";
/** Characters of a secret, without and with a key's check behind it. */
const LENGTHS = [43, 65];
const PARALLEL = 8;
const sha256 = (text) => createHash("sha256").update(text).digest();

/** Without a key, with one, and with the cookie's digest in the grant. */
const WAYS = [
  { what: "tickets without a check", vars: {} },
  { what: "keyed tickets", vars: { TICKET_KEY: KEY } },
  { what: "tickets bound to a cookie", vars: { BIND: "cookie", ALLOWED_ORIGINS: APP } },
];

/** What a thief would try: each text, each run of a ticket's characters cut to length, and both as other encodings have them. */
function candidates(texts, homes) {
  const plain = new Set(texts);
  for (const text of texts) {
    for (const [run] of text.matchAll(/[A-Za-z0-9_-]{43,}/g)) {
      for (const length of LENGTHS)
        for (let at = 0; at + length <= run.length; at += 1) plain.add(run.slice(at, at + length));
    }
    for (const [hex] of text.matchAll(/[0-9a-f]{64}/g)) plain.add(Buffer.from(hex, "hex").toString("base64url"));
    for (const [base64] of text.matchAll(/[A-Za-z0-9+/]{43}=?/g))
      plain.add(Buffer.from(base64, "base64").toString("base64url"));
    plain.add(sha256(text).toString("base64url"));
  }
  const all = new Set(plain);
  for (const text of plain) {
    for (const home of homes) {
      const ticket = `wst_${home}_${text}`;
      all.add(ticket);
      if (text.length === LENGTHS[0]) all.add(keyed(ticket, KEY));
    }
  }
  return [...all];
}

/** Presents a text, with the cookie if there is one to try: by the one carriage or the other, in turn, where it fits into both. */
async function present(gate, text, cookies, at) {
  const origin = { Origin: APP };
  const header = { "Sec-WebSocket-Protocol": `ws-ticket.v1, ${text}` };
  const query = `ticket=${encodeURIComponent(text)}`;
  for (const cookie of cookies) {
    const headers = { ...origin, ...(cookie === undefined ? {} : { Cookie: `${NAME}=${cookie}` }) };
    const offered = at % 2 === 1 && /^[!#$%&'*+.^_`|~\w-]+$/.test(text);
    const how = offered ? { query: "", headers: { ...headers, ...header } } : { query, headers };
    const answer = await gate.upgrade("", how);
    assert.ok([400, 401].includes(answer.status), `${answer.status} to ${JSON.stringify(text)}`);
    refused();
  }
}

async function presentAll(gate, texts, cookies) {
  const queue = [...texts];
  const lane = async () => {
    for (let text = queue.pop(); text !== undefined; text = queue.pop())
      await present(gate, text, cookies, queue.length);
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
}

const stored = rows.filter(({ name }) => name !== "memory" && name !== "redis without GETDEL");

for (const row of stored) {
  // A list holds what its stores hold: one way is enough to see that both are dumped.
  for (const { what, vars } of row.stepsDown.length > 0 ? WAYS.slice(0, 1) : WAYS) {
    test(`a dump of ${row.name} opens nothing: ${what}`, async (t) => {
      const backing = await row.back?.();
      const settings = { ...row.vars, ALLOWED_ORIGINS: APP, ...vars, ...backing?.vars, TICKET_SHARDS: "1" };
      const gate = await startGate({ vars: settings, edge: true, without: ["REFUSAL_LIMIT"] });
      try {
        const live = [];
        for (let i = 0; i < 3; i += 1) live.push(await gate.post({ sub: `u${i}` }, { Origin: APP }));
        // One of each list's stores: the first fails while one more is issued.
        if (row.stepsDown.length > 0) {
          await gate.edge(row.stepsDown[0].plan ?? {});
          if (row.stepsDown[0].wire) await backing.fault(...row.stepsDown[0].wire);
          live.push(await gate.post({ sub: "next" }, { Origin: APP }));
          await backing?.heal();
          await gate.edge();
        }
        const used = await gate.post({ sub: "used" }, { Origin: APP });
        const cookieOf = (answer) => answer.headers["set-cookie"]?.[0].split(/[=;]/)[1];
        const opens = async (answer) => {
          const cookie = cookieOf(answer);
          const headers = { Origin: APP, ...(cookie === undefined ? {} : { Cookie: `${NAME}=${cookie}` }) };
          return gate.opens(answer.json.ticket, { headers });
        };
        assert.equal(await opens(used), 101);
        const held = await dump(gate, backing);
        const texts = [...new Set(strings(held))];
        assert.ok(texts.length >= live.length, "the dump is empty");
        const homes = new Set([...live, used].map(({ json }) => json.ticket.split("_")[1]));
        const all = candidates(texts, homes);
        for (const { json } of live) assert.ok(!all.includes(json.ticket), "the dump has a ticket in it");
        // A digest is all that is held of a cookie: that is no cookie either.
        const digests = texts.flatMap((text) => text.match(/^[0-9a-f]{64}$/) ?? []);
        const cookies =
          vars.BIND === "cookie"
            ? [undefined, Buffer.from(digests.at(-1) ?? "", "hex").toString("base64url")]
            : [undefined];
        await presentAll(gate, all, cookies);
        for (const answer of live) for (const expected of [101, 401]) assert.equal(await opens(answer), expected);
        t.diagnostic(`${all.length} texts of a dump of ${texts.length}, none of which opens`);
      } finally {
        await gate.close();
        await backing?.close();
      }
    });
  }
}

test("a dump shows the digest of a ticket, in whatever form a store keeps it; of a sealed one nothing is kept", async () => {
  for (const row of stored) {
    const backing = await row.back?.();
    const gate = await startGate({ vars: { ...row.vars, ...backing?.vars }, edge: true });
    try {
      const { ticket } = await gate.issue();
      const isKept = parts(ticket).home !== SEALED;
      assert.equal(JSON.stringify(await dump(gate, backing)).includes(digest(ticket)), isKept, row.name);
    } finally {
      await gate.close();
      await backing?.close();
    }
  }
});

test("the search would find a ticket: one that is put into the store is presented, and opens", async () => {
  const row = rows.find(({ name }) => name === "kv+ledger");
  const gate = await startGate({ vars: { ...row.vars, ALLOWED_ORIGINS: APP }, edge: true });
  try {
    const { ticket } = await gate.issue();
    await (await gate.kv()).put("note", JSON.stringify({ text: `seen ${ticket.slice("wst_k_".length)} somewhere` }));
    const all = candidates([...new Set(strings(await dump(gate)))], ["k"]);
    assert.ok(all.includes(ticket));
    await assert.rejects(presentAll(gate, all, [undefined]), /^AssertionError.*101 to/);
  } finally {
    await gate.close();
  }
});

report();
