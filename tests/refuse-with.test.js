// REFUSE_WITH=close: a page learns why there is no socket, by a close code and a reason; nothing else changes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { Peer } from "./support/peer.js";
import { assertProblem } from "./support/problem.js";
import { startUpstream } from "./support/upstream-server.js";

const APP = "https://app.example";
const CLOSE = { ...DEVELOPMENT, TICKET_STORE: "kv", ALLOWED_ORIGINS: APP, REFUSE_WITH: "close" };

/** What a page sees: the code, the reason, the subprotocol, and that there was nothing before. */
async function seen(url, protocols, headers) {
  const peer = new Peer(url, protocols, headers);
  const { code, reason } = await peer.closed;
  assert.deepEqual(peer.messages, []);
  return [code, reason, peer.ws.protocol];
}

describe("a refused upgrade", () => {
  let gate;
  let url;
  before(async () => {
    gate = await startGate({ vars: CLOSE, edge: true });
    url = `${new URL(gate.url).origin.replace("http", "ws")}/ws`;
  });
  after(() => gate?.close());
  const used = async () => {
    const { ticket } = await gate.issue();
    assert.equal(await gate.opens(ticket), 101);
    return ticket;
  };

  test("is told by 4000 and the status, or 4408 of a ticket, and the code of the problem", async () => {
    const { ticket } = await gate.issue(undefined, { Origin: APP });
    for (const [query, expected, headers] of [
      ["", [4400, "ticket_missing", ""]],
      ["?ticket=x", [4400, "ticket_malformed", ""]],
      [`?ticket=${await used()}`, [4408, "ticket_refused", ""]],
      ["?ticket=x", [4403, "origin_refused", ""], { Origin: "https://evil.example" }],
      // From nowhere that it was asked for from: burnt, as ever.
      [`?ticket=${ticket}`, [4408, "ticket_refused", ""]],
      [`?ticket=${ticket}`, [4408, "ticket_refused", ""], { Origin: APP }],
    ])
      assert.deepEqual(await seen(`${url}${query}`, [], headers), expected);
  });

  test("is told by 4503 what may be over in a while, and by 4500 what the gate can't help", async () => {
    const { ticket } = await gate.issue();
    await gate.edge({ kv: { get: { how: "throw" } } });
    assert.deepEqual(await seen(`${url}?ticket=${ticket}`), [4503, "store_unavailable", ""]);
    await gate.edge();
    assert.equal(await gate.opens(ticket), 101, "nothing was burnt");
    const corrupt = await gate.issue();
    const [entry] = (await gate.kvEntries()).slice(-1);
    for (const { name } of await gate.kvEntries()) await (await gate.kv()).put(name, "not JSON", { expirationTtl: 60 });
    assert.ok(entry);
    assert.deepEqual(await seen(`${url}?ticket=${corrupt.ticket}`), [4500, "record_corrupt", ""]);
  });

  test("chooses a subprotocol that was offered, the app's own first, and never the ticket", async () => {
    const ticket = await used();
    for (const [offers, chosen] of [
      [["chat.v2"], "chat.v2"],
      [["ws-ticket.v1", ticket, "chat.v2"], "chat.v2"],
      [["ws-ticket.v1", ticket], "ws-ticket.v1"],
    ])
      assert.equal((await seen(url, offers))[2], chosen, `${offers}`);
  });

  test("is HTTP where no socket was asked for", async () => {
    assertProblem(await gate.request({ path: "/ws" }), 426, "upgrade_required");
    assertProblem(await gate.request({ method: "POST", path: "/ws" }), 405, "method_not_allowed");
    const headers = { "x-edge-headers": JSON.stringify({ "sec-websocket-version": "12" }) };
    assertProblem(await gate.upgrade("x", { headers }), 400, "handshake_invalid");
  });

  test("stands in the log as ever", async () => {
    gate.forgetLines();
    await seen(`${url}?ticket=x`);
    const [event] = await gate.eventually(({ event }) => event === "refused");
    assert.deepEqual([event.route, event.reason, event.status], ["ws", "ticket_malformed", 400]);
  });

  test("a good ticket opens the session", async () => {
    const peer = new Peer((await gate.issue()).url);
    assert.equal(JSON.parse(await peer.next()).type, "welcome");
    await peer.close();
  });
});

test("refusals count, and who has too many is told by 4429", async () => {
  const gate = await startGate({ vars: CLOSE, edge: true, limits: { REFUSAL_LIMIT: 2 } });
  try {
    const url = `${new URL(gate.url).origin.replace("http", "ws")}/ws?ticket=x`;
    const headers = { "CF-Connecting-IP": "192.0.2.7" };
    const all = [];
    for (let n = 0; n < 4; n += 1) all.push((await seen(url, [], headers))[0]);
    assert.deepEqual(all, [4400, 4400, 4429, 4429]);
  } finally {
    await gate.close();
  }
});

test("so does a server behind the gate that opens none, and a gate that is told nothing refuses by HTTP", async () => {
  const upstream = await startUpstream();
  const to = (word) => ({ ...CLOSE, SESSION: "upstream", UPSTREAM_URL: `http://127.0.0.1:${upstream.port}/${word}` });
  const gates = await startGates([
    { vars: to("answer-403") },
    { vars: { ...CLOSE, REFUSE_WITH: undefined } },
    { vars: { ...CLOSE, REFUSE_WITH: "sometimes" } },
  ]);
  try {
    assert.deepEqual(await seen((await gates[0].issue()).url, [], gates[0].headers), [4503, "upstream_refused", ""]);
    assertProblem(await gates[1].upgrade("x"), 400, "ticket_malformed");
    const [{ name }] = (await gates[2].health()).problems;
    assert.equal(name, "REFUSE_WITH");
  } finally {
    await gates[0].close();
    await upstream.close();
  }
});
