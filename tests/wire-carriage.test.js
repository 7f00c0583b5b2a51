// The wire, how a ticket is carried: in the query or among the subprotocols, one credential in all. A mistake burns nothing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { refused, report } from "./support/refused.js";
import { malformed, parts, strange } from "./support/tickets.js";
import { refusesUntouched } from "./support/untouched.js";

const V1 = "ws-ticket.v1";
const OTHER = strange("k");
const settings = (carriage) => ({ ...DEVELOPMENT, TICKET_STORE: "kv", TICKET_CARRIAGE: carriage });

/** The options of an upgrade that offers these subprotocols, as they would stand in the header, and has this query. */
const offering = (protocols, query = "") => ({ query, headers: { "Sec-WebSocket-Protocol": protocols } });
/** The same past the proxies, which drop an empty header. Node writes a header's characters as single bytes, so it is ASCII. */
function offeringBare(text) {
  const json = JSON.stringify({ "sec-websocket-protocol": text });
  const ascii = json.replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return { query: "", headers: { "x-edge-headers": ascii } };
}

describe("how a ticket is carried", () => {
  let gate;
  let queryOnly;
  let protocolOnly;
  before(async () => {
    [gate, queryOnly, protocolOnly] = await startGates(
      ["", "query", "subprotocol"].map((carriage) => ({ vars: settings(carriage), edge: true })),
    );
  });
  after(() => gate?.close());

  /** Admitted, with this subprotocol in the answer and nothing of the ticket in it. */
  async function admits(at, options, protocol) {
    const { ticket } = await at.issue({ sub: "alice" });
    const answer = await at.upgrade("", options(ticket));
    assert.equal(answer.status, 101, answer.text);
    assert.equal(answer.headers["sec-websocket-protocol"], protocol);
    const welcome = await answer.message();
    await answer.leave();
    assert.equal(welcome.subject, "alice");
    const said = JSON.stringify([answer.headers, welcome]);
    assert.ok(!said.includes(parts(ticket).secret), "the answer repeats the ticket");
    assert.equal(await at.opens(ticket, at === protocolOnly ? offering(`${V1}, ${ticket}`) : {}), 401, "it is burnt");
  }
  const refuses = (options, status, code, at = gate) => {
    const opened = at === protocolOnly ? (ticket) => offering(`${V1}, ${ticket}`) : undefined;
    return refusesUntouched(at, (ticket) => at.upgrade("", options(ticket)), status, code, { opened });
  };

  test("both are on by default, and /health says which are", async () => {
    assert.deepEqual((await gate.health()).carriage, ["query", "subprotocol"]);
    assert.deepEqual((await queryOnly.health()).carriage, ["query"]);
    assert.deepEqual((await protocolOnly.health()).carriage, ["subprotocol"]);
  });

  for (const [what, offered, chosen] of [
    ["the version and the ticket", (t) => `${V1}, ${t}`, V1],
    ["the ticket and the version", (t) => `${t}, ${V1}`, V1],
    ["no space between", (t) => `${V1},${t}`, V1],
    ["spaces and tabs between", (t) => `${V1} \t,\t  ${t}`, V1],
    ["two lines of the header", (t) => [V1, t], V1],
    ["three lines of the header", (t) => [t, "chat", V1], "chat"],
    ["the app's own last", (t) => `${V1}, ${t}, chat`, "chat"],
    ["the app's own first", (t) => `chat, ${V1}, ${t}`, "chat"],
    ["the app's own between", (t) => `${t}, chat, ${V1}`, "chat"],
    ["two of the app's own", (t) => `${V1}, graphql-ws, ${t}, chat`, "graphql-ws"],
    ["the version in capitals as the app's own", (t) => `${V1}, ${t}, WS-TICKET.V1`, "WS-TICKET.V1"],
    ["every sign of a token", (t) => `${V1}, ${t}, a!#$%&'*+-.^_\`|~9`, "a!#$%&'*+-.^_`|~9"],
  ]) {
    test(`subprotocols, ${what}: 101 and ${chosen}`, async () => {
      await admits(gate, (ticket) => offering(offered(ticket)), chosen);
      await admits(protocolOnly, (ticket) => offering(offered(ticket)), chosen);
    });
  }

  for (const [what, offered, chosen] of [
    ["none", undefined, undefined],
    ["the version", V1, V1],
    ["the app's own", "chat", "chat"],
    ["two of the app's own", "graphql-ws, chat", "graphql-ws"],
    ["the version and the app's own", `${V1}, chat`, "chat"],
  ]) {
    test(`the query, and of subprotocols ${what}: 101 and ${chosen ?? "none"}`, async () => {
      const options = (ticket) => offering(offered, `ticket=${ticket}`);
      await admits(gate, options, chosen);
      await admits(queryOnly, options, chosen);
    });
  }

  test("no credential at all: ticket_missing", async () => {
    for (const offered of [V1, "chat", `${V1}, chat`, "WST_k_x", `${V1}, x-wst-k_a`])
      await refuses(() => offering(offered), 400, "ticket_missing");
  });

  for (const [what, options] of [
    ["the same in both places", (t) => offering(`${V1}, ${t}`, `ticket=${t}`)],
    ["another in the query", (t) => offering(`${V1}, ${t}`, `ticket=${OTHER}`)],
    ["another among the subprotocols", (t) => offering(`${V1}, ${OTHER}`, `ticket=${t}`)],
    ["two among the subprotocols", (t) => offering(`${V1}, ${t}, ${OTHER}`)],
    ["three among the subprotocols", (t) => offering(`${OTHER}, ${t}, ${V1}, ${strange("k")}`)],
    ["two in the query, one beside it", (t) => offering(`${V1}, ${t}`, `ticket=${t}&ticket=${OTHER}`)],
    ["a malformed one in the query", (t) => offering(`${V1}, ${t}`, "ticket=x")],
    ["an empty one in the query", (t) => offering(`${V1}, ${t}`, "ticket=")],
    ["a malformed one among the subprotocols", (t) => offering(`${V1}, wst_`, `ticket=${t}`)],
    ["a malformed one beside a good one", (t) => offering(`${V1}, wst_x, ${t}`)],
    ["one wrapped by the app", (t) => offering(`${V1}, ${t}, bearer.${t}`)],
    ["one without the version", (t) => offering(`${V1}, wst_k`, `ticket=${t}`)],
  ]) {
    test(`several credentials, ${what}: ticket_repeated, in every carriage`, async () => {
      for (const at of [gate, queryOnly, protocolOnly]) await refuses(options, 400, "ticket_repeated", at);
    });
  }

  test("the same subprotocol twice: 400, be it the ticket, the version or the app's own", async () => {
    await refuses((t) => offering(`${V1}, ${t}, ${t}`), 400, ["ticket_repeated", "subprotocol_invalid"]);
    for (const offered of [
      (t) => `${V1}, ${t}, ${V1}`,
      (t) => `chat, ${V1}, ${t}, chat`,
      (t) => [V1, t, V1],
      (t) => `chat, ${V1}, ${t}, x, y, z, chat`,
    ])
      await refuses((t) => offering(offered(t)), 400, "subprotocol_invalid");
    await refuses((t) => offering("chat, chat", `ticket=${t}`), 400, "subprotocol_invalid");
  });

  test("a ticket without the version: subprotocol_invalid", async () => {
    for (const offered of [
      (t) => t,
      (t) => `chat, ${t}`,
      (t) => `WS-TICKET.V1, ${t}`,
      (t) => `ws-ticket.v2, ${t}`,
      (t) => `ws-ticket.v1.1, ${t}`,
      (t) => `ws-ticket, ${t}`,
    ])
      await refuses((t) => offering(offered(t)), 400, "subprotocol_invalid");
  });

  for (const [what, text] of [
    ["a space inside", "a b"],
    ["quotation marks", '"chat"'],
    ["a slash", "chat/1"],
    ["a colon", "a:b"],
    ["brackets", "a[0]"],
    ["braces", "{a}"],
    ["an equals sign", "a=b"],
    ["an at sign", "a@b"],
    ["a semicolon", "chat;q=1"],
    ["a question mark", "a?"],
    ["a backslash", "a\\b"],
    ["parentheses", "(a)"],
    ["an angle bracket", "<a>"],
    ["a letter outside ASCII", "\xe9"],
    ["DEL", "a\x7f"],
  ]) {
    test(`an entry that is no token, with ${what}: subprotocol_invalid`, async () => {
      const bare = (t) => offeringBare(`${V1}, ${text}, ${t}`);
      await refuses(bare, 400, "subprotocol_invalid");
      await refuses((t) => ({ ...offeringBare(text), query: `ticket=${t}` }), 400, "subprotocol_invalid");
    });
  }

  test("empty entries count for nothing (RFC 9110 §5.6.1)", async () => {
    for (const form of [(t) => `${V1},,${t}`, (t) => `,${V1}, ${t}`, (t) => `${V1}, ${t},`, (t) => `${V1}, \t,${t} ,`])
      await admits(gate, (t) => offeringBare(form(t)), V1);
    for (const [text, chosen] of [
      ["chat,", "chat"],
      [",,chat", "chat"],
      ["", undefined],
      [" , ", undefined],
    ]) {
      await admits(gate, (t) => ({ ...offeringBare(text), query: `ticket=${t}` }), chosen);
    }
    for (const text of ["", ",", " , "]) await refuses(() => offeringBare(text), 400, "ticket_missing");
    await refuses((t) => offeringBare(`${V1},,${t},,chat,,chat`), 400, "subprotocol_invalid");
  });

  test("a ticket that isn't one, among the subprotocols: 400", async () => {
    const { ticket } = await gate.issue();
    for (const [, text] of malformed(ticket)) {
      const plain = decodable(text);
      // A space around an entry is the list's, not the entry's (RFC 9110 §5.6.1).
      if (plain === undefined || !plain.startsWith("wst_") || plain.endsWith(" ")) continue;
      const answer = await gate.upgrade("", offeringBare(`${V1}, ${plain}`));
      assert.equal(answer.status, 400, JSON.stringify(plain));
      assert.ok(["ticket_malformed", "subprotocol_invalid"].includes(answer.json.code), answer.json.code);
      assert.ok(!answer.text.includes(parts(ticket).secret.slice(2, -2)));
      refused();
    }
    for (const text of ["wst_", "wst_k_", `${ticket}A`, ticket.slice(0, -1), `bearer.${ticket}`, "x-wst_k"])
      await refuses(() => offering(`${V1}, ${text}`), 400, "ticket_malformed");
    assert.equal(await gate.opens(ticket), 101);
  });

  test("a carriage that is off: carriage_refused, and the ticket opens by the other", async () => {
    await refuses((t) => offering(`${V1}, ${t}`), 400, "carriage_refused", queryOnly);
    await refuses((t) => offering(`chat, ${V1}, ${t}`), 400, "carriage_refused", queryOnly);
    await refuses((t) => offering(undefined, `ticket=${t}`), 400, "carriage_refused", protocolOnly);
    await refuses((t) => offering(V1, `ticket=${t}`), 400, "carriage_refused", protocolOnly);
    await refuses((t) => offering("chat", `v=1&%74icket=${t}`), 400, "carriage_refused", protocolOnly);
    await refuses(() => offering(undefined, "ticket=x"), 400, "carriage_refused", protocolOnly);
  });

  test("thirty-two are read to their end, and more are too many", async () => {
    const own = (count) => Array.from({ length: count }, (_, i) => `p${i}`).join(", ");
    await admits(gate, (t) => offering(`${own(30)}, ${t}, ${V1}`), "p0");
    await admits(gate, (t) => offering(own(32), `ticket=${t}`), "p0");
    await refuses((t) => offering(`${V1}, ${t}, ${own(29)}, p0`), 400, "subprotocol_invalid");
    await refuses((t) => offering(`${V1}, ${t}, ${own(29)}, ${OTHER}`), 400, "ticket_repeated");
    await refuses((t) => offering(`${V1}, ${t}, ${own(29)}, p@`), 400, "subprotocol_invalid");
    for (const count of [31, 400]) {
      await refuses((t) => offering(`${V1}, ${t}, ${own(count)}`), 400, "subprotocol_invalid");
      await refuses((t) => offering(`${own(count)}, p, ${V1}, ${t}`), 400, "subprotocol_invalid");
    }
  });
});

/** As the query's text is decoded, unless it can't be, or can't stand in a header. */
function decodable(text) {
  try {
    const plain = decodeURIComponent(text);
    return [...plain].every((sign) => sign >= " " && sign <= "\xff") ? plain : undefined;
  } catch {
    return undefined;
  }
}

report();
