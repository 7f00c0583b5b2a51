// The package for servers behind the gate, server/: what is in it, and what it says of an upgrade, by HTTP from Node and by a binding from
// a Worker with partyserver's rooms.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket, WebSocketServer } from "ws";
import { redeem } from "../server/index.js";
import { REDEEM_SECRET as secret } from "./support/doors.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { heard } from "./support/heard.js";
import { refused, report } from "./support/refused.js";
import { strange } from "./support/tickets.js";

report();

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const read = (file) => readFileSync(`${ROOT}${file}`, "utf8");
const APP = "https://app.example.com";

test("npm pack: the modules, the types, the README and the licenses, and nothing else", () => {
  const { stdout } = spawnSync("npm", ["pack", "--dry-run", "--json"], { cwd: `${ROOT}server`, encoding: "utf8" });
  const [{ files }] = Object.values(JSON.parse(stdout));
  const expected = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "index.d.ts", "index.js", "package.json"];
  expected.push("assertion.js", "jws.js", "key-set.js", "presented.js", "refusal.js");
  assert.deepEqual(files.map(({ path }) => path).sort(), expected.sort());
  const manifest = JSON.parse(read("server/package.json"));
  for (const key of Object.keys(manifest)) assert.doesNotMatch(key, /dependencies$|scripts|bin/i);
  for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) assert.equal(read(`server/${name}`), read(name));
});

test("the types are right where it is used rightly, and find what is wrong", () => {
  const tsc = (file) =>
    spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", `tests/fixtures/server-types/${file}.json`], {
      cwd: ROOT,
      encoding: "utf8",
    });
  const right = tsc("right");
  assert.equal(right.status, 0, right.stdout);
  // An example, as its users would check it.
  const party = tsc("party");
  assert.equal(party.status, 0, party.stdout);
  const wrong = tsc("wrong");
  const marked = read("tests/fixtures/server-types/wrong.ts")
    .split("\n")
    .flatMap((l, n) => (l.includes("// wrong") ? [n + 1] : []));
  const found = [...wrong.stdout.matchAll(/wrong\.ts\((\d+),/g)].map(([, line]) => Number(line));
  assert.deepEqual([...new Set(found)], marked);
});

test("README.md shows the example word for word", () => {
  const [shown] = read("server/README.md").match(/(?<=```ts\n).*?(?=```)/s);
  const example = read("examples/party/index.ts").replace(/^\/\/.*\n/, "");
  assert.equal(shown, example.replace("../../server/index.js", "ws-ticket-server"));
});

describe("an upgrade", () => {
  let gates;
  let gate;
  before(async () => {
    const vars = { ...DEVELOPMENT, TICKET_STORE: "durable", ALLOWED_ORIGINS: APP, REDEEM_SECRET: secret };
    gates = await startGates([
      { vars, edge: true, limits: { REFUSAL_LIMIT: 2 } },
      { main: "examples/party/index.ts", binds: { GATE: "Redeem" }, objects: { Party: "Party" } },
      { vars: { ...vars, BIND: "cookie" } },
      { main: "tests/fixtures/redeeming-worker.js", vars: { SECRET: secret } },
    ]);
    [gate] = gates;
  });
  after(async () => {
    await gate?.close();
  });

  const at = (url = gate.url) => ({ gate: { url, secret, timeoutMs: 2000 } });
  const upgrade = (query, headers = {}) =>
    new Request(`https://sockets.example/socket${query}`, {
      headers: { Upgrade: "websocket", Origin: APP, ...headers },
    });
  const issue = async (sub = "alice") => (await gate.issue({ sub, room: "lobby" }, { Origin: APP })).ticket;
  async function refuses(status, code, answering) {
    const answer = await answering;
    assert.ok(answer instanceof Response);
    assert.deepEqual([answer.status, (await answer.json()).code], [status, code]);
    refused();
    return answer;
  }

  test("who it is, once", async () => {
    const ticket = await issue();
    const { grant, protocol, headers } = await redeem(upgrade(`?a=b&ticket=${ticket}`), at());
    const { issuedAt, expiresAt, ticketId, session, sessionEndsAt, ...rest } = grant;
    assert.deepEqual(rest, { subject: "alice", room: "lobby", claims: {} });
    assert.equal(expiresAt - issuedAt, 300_000);
    assert.ok(sessionEndsAt > expiresAt, `${sessionEndsAt}`);
    for (const id of [ticketId, session]) assert.match(id, /^[0-9a-f-]{36}$/);
    assert.deepEqual([protocol, [...headers]], [undefined, []]);
    await refuses(401, "ticket_refused", redeem(upgrade(`?ticket=${ticket}`), at()));
  });

  test("in workerd, too, where a request has no way to fail on a redirect", async () => {
    const ask = (ticket, to = gate.url) =>
      gates[3].worker.fetch(`https://sockets.example/?ticket=${ticket}`, {
        headers: { Upgrade: "websocket", Origin: APP, "X-Gate": String(to) },
      });
    const ticket = await issue("张三");
    assert.equal((await (await ask(ticket)).json()).subject, "张三");
    assert.equal((await ask(ticket)).status, 401);
    const elsewhere = http.createServer((_, response) => response.writeHead(302, { Location: gate.url }).end());
    await new Promise((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    try {
      assert.equal((await ask(ticket, `http://127.0.0.1:${elsewhere.address().port}`)).status, 503);
    } finally {
      elsewhere.close();
    }
    refused(2);
  });

  test("of fifty that race one is told", async () => {
    const ticket = await issue();
    const all = await Promise.all(Array.from({ length: 50 }, () => redeem(upgrade(`?ticket=${ticket}`), at())));
    assert.equal(all.filter((answer) => answer.grant).length, 1);
  });

  test("in a subprotocol, beside the app's own; the ticket never comes back", async () => {
    for (const [offer, expected] of [
      [(t) => `ws-ticket.v1, ${t}`, "ws-ticket.v1"],
      [(t) => `chat.v2,ws-ticket.v1,${t}, chat.v1`, "chat.v2"],
      [(t) => `${t} , ws-ticket.v1,`, "ws-ticket.v1"],
    ]) {
      const list = offer(await issue());
      const { protocol, headers } = await redeem(upgrade("", { "Sec-WebSocket-Protocol": list }), at());
      assert.deepEqual([protocol, headers.get("Sec-WebSocket-Protocol")], [expected, expected]);
    }
    const inQuery = await redeem(upgrade(`?ticket=${await issue()}`, { "Sec-WebSocket-Protocol": "chat.v2" }), at());
    assert.equal(inQuery.protocol, "chat.v2");
  });

  test("what is no upgrade, or not one ticket, is refused before anybody is asked", async () => {
    const [one, two] = [await issue(), await issue()];
    await gate.edge();
    const nobody = { gate: { url: "http://127.0.0.1:9", secret } };
    await refuses(426, "upgrade_required", redeem(upgrade(`?ticket=${one}`, { Upgrade: "h2c" }), nobody));
    await refuses(400, "ticket_missing", redeem(upgrade(""), nobody));
    await refuses(400, "ticket_repeated", redeem(upgrade(`?ticket=${one}&ticket=${two}`), nobody));
    const offers = { "Sec-WebSocket-Protocol": `ws-ticket.v1, ${two}` };
    await refuses(400, "ticket_repeated", redeem(upgrade(`?ticket=${one}`, offers), nobody));
    await refuses(400, "subprotocol_invalid", redeem(upgrade("", { "Sec-WebSocket-Protocol": one }), nobody));
    await refuses(400, "ticket_malformed", redeem(upgrade(`?ticket=${"x".repeat(513)}`), nobody));
    await refuses(400, "request_malformed", redeem({ url: "//", headers: { upgrade: "websocket" } }, nobody));
    assert.deepEqual(await gate.calls(), {});
    for (const ticket of [one, two]) assert.ok((await redeem(upgrade(`?ticket=${ticket}`), at())).grant);
  });

  test("from another page it is refused; the gate's cookie is passed on, and no other", async () => {
    await refuses(
      401,
      "ticket_refused",
      redeem(upgrade(`?ticket=${await issue()}`, { Origin: "https://evil.example" }), at()),
    );
    await refuses(401, "ticket_refused", redeem(upgrade(`?ticket=${strange("d0")}`), at()));
    const bound = gates[2];
    const answer = await bound.post(undefined, { Origin: APP });
    const [cookie] = answer.headers["set-cookie"][0].split(";");
    const all = { Cookie: `session=secret; ${cookie}; other=1` };
    const { grant, bodies } = await passing(bound, 0, (url) =>
      redeem(upgrade(`?ticket=${answer.json.ticket}`, all), at(url)),
    );
    assert.equal(grant.subject, "dev");
    assert.equal(bodies.length, 1);
    assert.ok(bodies[0].includes(cookie) && !bodies[0].includes("session=") && !bodies[0].includes("other="));
  });

  test("where a reply is lost it asks again with the same attempt, and is told the same", async () => {
    const ticket = await issue();
    const { grant, bodies } = await passing(gate, 1, (url) => redeem(upgrade(`?ticket=${ticket}`), at(url)));
    assert.equal(grant.subject, "alice");
    assert.deepEqual(bodies[0], bodies[1]);
    await refuses(401, "ticket_refused", redeem(upgrade(`?ticket=${ticket}`), at()));
  });

  test("whatever else answers, or nobody does: 503, and nobody is admitted", async () => {
    const answers = [
      (response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<html>"),
      (response) => response.writeHead(302, { Location: "/login" }).end(),
      (response) => response.writeHead(200).end('{"active":"yes"}'),
      (response) => response.writeHead(200).end("[]"),
      (response) => response.writeHead(404).end('{"active":true,"sub":"alice"}'),
      (response) => response.writeHead(401).end(),
      (response) => response.socket.destroy(),
      () => undefined,
    ];
    for (const answer of answers) {
      const other = http.createServer((_, response) => answer(response));
      await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
      const gateUrl = { url: `http://127.0.0.1:${other.address().port}`, secret, timeoutMs: 300 };
      const { headers } = await refuses(
        503,
        "gate_unavailable",
        redeem(upgrade(`?ticket=${strange("d0")}`), { gate: gateUrl }),
      );
      assert.equal(headers.get("Retry-After"), "1");
      other.close();
      other.closeAllConnections();
    }
    await refuses(503, "gate_unavailable", redeem(upgrade(`?ticket=${strange("d0")}`), at("http://127.0.0.1:9")));
    await refuses(
      503,
      "gate_unavailable",
      redeem(upgrade(`?ticket=${strange("d0")}`), { gate: { url: gate.url, secret: "x" } }),
    );
  });

  test("an address with too many refusals waits", async () => {
    const codes = [];
    for (let time = 0; time < 4; time += 1) {
      const answer = await redeem(upgrade(`?ticket=${strange("d0")}`), { ...at(), address: "203.0.113.8" });
      codes.push((await answer.json()).code);
    }
    assert.deepEqual(codes, ["ticket_refused", "ticket_refused", "rate_limited", "rate_limited"]);
  });

  test("what Node's upgrade event has will do, with ws", async () => {
    const sockets = new WebSocketServer({ noServer: true });
    const server = http.createServer();
    server.on("upgrade", async (request, socket, head) => {
      const admitted = await redeem(request, at());
      if (admitted instanceof Response)
        return socket.end(`HTTP/1.1 ${admitted.status} Refused\r\nContent-Length: 0\r\n\r\n`);
      sockets.handleUpgrade(request, socket, head, (ws) => ws.send(`welcome, ${admitted.grant.subject}`));
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const open = (ticket) => {
      const url = `ws://127.0.0.1:${server.address().port}/x?ticket=${ticket}`;
      return heard(new WebSocket(url, { origin: APP }));
    };
    try {
      const ticket = await issue("张三");
      assert.deepEqual([await open(ticket), await open(ticket)], ["welcome, 张三", 401]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test("partyserver's rooms, by a binding: one ticket, one connection, and 500 or 503 is nobody's", async () => {
    const url = `ws://${new URL(gate.url).host}/parties/party/lobby`;
    const headers = { ...gates[1].headers, Origin: APP };
    const join = (ticket) => new WebSocket(`${url}?ticket=${ticket}`, { headers });
    const tickets = [await issue("alice"), await issue("bob")];
    const [alice, bob] = tickets.map(join);
    await Promise.all([alice, bob].map((socket) => new Promise((resolve) => socket.on("open", resolve))));
    const hears = heard(bob);
    alice.send("hello");
    assert.equal(await hears, "hello");
    assert.equal(await heard(join(tickets[0])), 401);
    const { ticket: third } = await gate.issue({ sub: "carol" }, { Origin: APP });
    await gate.edge({ shard: { fetch: { how: "throw" } } });
    assert.equal(await heard(join(third)), 503);
    await gate.edge();
    for (const socket of [alice, bob]) socket.terminate();
  });
});

/** What `asking` comes to with a front before the gate that loses so many replies; and all that went by. */
async function passing(gate, losing, asking) {
  const bodies = [];
  const front = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    const answer = await gate.redeem(body, { secret });
    if (bodies.length <= losing) response.socket.destroy();
    else response.writeHead(answer.status, { "Content-Type": "application/json" }).end(answer.text);
  });
  await new Promise((resolve) => front.listen(0, "127.0.0.1", resolve));
  try {
    return { ...(await asking(`http://127.0.0.1:${front.address().port}`)), bodies };
  } finally {
    front.close();
    front.closeAllConnections();
  }
}
