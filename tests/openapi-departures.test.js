// What holds answers to docs/openapi.yaml lets the gate's own pass, and nothing that differs from them in anything.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { request } from "./support/client.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { Contract, contract, Departure, document } from "./support/openapi.js";
import { strange } from "./support/tickets.js";

const APP = "https://app.example.com";

describe("the validator", () => {
  let gates;
  /** Real answers, with what was asked: `[method, path, request headers, answer]`. */
  const exchanges = [];
  before(async () => {
    const vars = { ...DEVELOPMENT, TICKET_STORE: "memory", ALLOWED_ORIGINS: APP };
    gates = await startGates([
      { vars },
      { vars: { ...vars, TICKET_CARRIAGE: "subprotocol", BIND: "cookie" } },
      { vars: { ENVIRONMENT: "sekret" } },
    ]);
    const [gate, strict, broken] = gates;
    const ask = async (at, method, path, headers = {}, body = undefined) => {
      const answer = await at.request({ method, path, headers, body });
      if (answer.status === 101) await answer.leave();
      exchanges.push([method, path, headers, plain(answer)]);
      return answer;
    };
    const handshake = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    const page = { Origin: APP };
    await ask(gate, "POST", "/ws-ticket");
    await ask(strict, "POST", "/ws-ticket", page);
    await ask(gate, "POST", "/ws-ticket", { ...page, "Content-Type": "application/json" }, "[]");
    await ask(gate, "POST", "/ws-ticket", { Origin: "https://evil.example" });
    await ask(gate, "DELETE", "/ws-ticket", page);
    await ask(gate, "OPTIONS", "/ws-ticket", page);
    await ask(broken, "POST", "/ws-ticket", page);
    const { ticket } = await gate.issue();
    await ask(gate, "GET", `/ws?ticket=${ticket}`, { ...handshake, "Sec-WebSocket-Protocol": "ws-ticket.v1, chat.v2" });
    await ask(gate, "GET", `/ws?ticket=${strange("m")}`, handshake);
    await ask(gate, "GET", "/ws", { ...handshake, "Sec-WebSocket-Version": "12" });
    await ask(gate, "GET", "/ws", handshake);
    await ask(gate, "HEAD", "/ws");
    await ask(gate, "GET", "/health");
    await ask(gate, "HEAD", "/health");
    await ask(broken, "GET", "/health");
    await ask(gate, "GET", "/nowhere");
  });
  after(() => gates?.[0].close());

  const passes = (exchange) => contract.departs(...exchange);
  const caught = (exchange, what) => assert.throws(() => contract.departs(...exchange), Departure, what);
  const named = ([method, path, , { status }]) => `${method} ${path.split("?")[0]} ${status}`;
  /** The exchange with another answer. */
  const changed = ([method, path, headers, answer], change) => [method, path, headers, { ...answer, ...change }];
  const withHeaders = (exchange, pairs) => changed(exchange, { rawHeaders: pairs.flat() });
  const withBody = (exchange, body) => changed(exchange, { body: Buffer.from(JSON.stringify(body)) });
  /** A gate may have these or not, as it is configured. */
  const OPTIONAL = ["access-control-allow-credentials", "set-cookie"];
  const OURS = (name) => !["connection", "content-length", "date", "upgrade"].includes(name) && !/accept$/.test(name);

  test("lets real answers pass, with what a server or Cloudflare's edge adds", () => {
    assert.ok(exchanges.length >= 16);
    for (const exchange of exchanges) {
      passes(exchange);
      passes(withHeaders(exchange, [...pairsOf(exchange), ["Date", "x"], ["CF-Ray", "x"]]));
    }
  });

  test("catches every header that is missing, wrong, there twice, or new", () => {
    for (const exchange of exchanges) {
      const pairs = pairsOf(exchange);
      caught(withHeaders(exchange, [...pairs, ["X-Powered-By", "x"]]), named(exchange));
      for (const [index, [name, value]] of pairs.entries()) {
        const what = `${named(exchange)}, ${name}`;
        if (!OURS(name.toLowerCase())) continue;
        if (!OPTIONAL.includes(name.toLowerCase())) caught(withHeaders(exchange, pairs.toSpliced(index, 1)), what);
        caught(withHeaders(exchange, pairs.with(index, [name, `${value}x`])), what);
        caught(withHeaders(exchange, [...pairs, [name, value]]), what);
      }
    }
  });

  test("catches every member of a body that is missing, wrong, or new", () => {
    for (const exchange of exchanges.filter(([, , , { body }]) => body?.length > 0)) {
      const body = JSON.parse(exchange[3].body);
      caught(withBody(exchange, { ...body, extra: 1 }), named(exchange));
      for (const name of Object.keys(body)) {
        const { [name]: _, ...rest } = body;
        // Of a ticket's answer, one member is there only where the session answers pings.
        if (name === "ping") passes(withBody(exchange, rest));
        else caught(withBody(exchange, rest), `${named(exchange)} without ${name}`);
        caught(withBody(exchange, { ...body, [name]: null }), `${named(exchange)}, ${name}: null`);
      }
      for (const bytes of ["", "{", "null", "[]", "\xff"]) {
        caught(
          changed(exchange, { body: Buffer.from(bytes, "latin1") }),
          `${named(exchange)}, ${JSON.stringify(bytes)}`,
        );
      }
    }
  });

  test("catches every other status and code", () => {
    for (const exchange of exchanges) {
      for (const status of [200, 201, 204, 302, 400, 401, 402, 404, 418, 500, 502, 503]) {
        // Without a body there is only the status to go by.
        const possible = exchange[0] === "HEAD" && contract.declared.includes(`HEAD ${exchange[1]} ${status}`);
        if (status === exchange[3].status || possible) continue;
        caught(changed(exchange, { status }), `${named(exchange)} as ${status}`);
      }
      const body = exchange[3].body?.length > 0 ? JSON.parse(exchange[3].body) : {};
      if (body.code === undefined) continue;
      for (const code of [...Object.keys(document().components.examples), "unheard_of", ""]) {
        if (contract.declared.includes(passes(exchange).replace(body.code, code))) continue;
        caught(withBody(exchange, { ...body, code }), `${named(exchange)} as ${code}`);
      }
    }
  });

  test("catches an answer of another route or method", () => {
    for (const [method, path, headers, answer] of exchanges) {
      if (answer.status === 404 || answer.status === 500) continue;
      caught([method, "/elsewhere", headers, answer], `${method} ${path} elsewhere`);
      const other = path.startsWith("/ws?") || path === "/ws" ? "/ws-ticket" : "/ws";
      if (answer.status !== 405)
        caught([method, other, headers, answer], `${method} ${path.split("?")[0]} at ${other}`);
      caught([answer.status === 405 ? "OPTIONS" : "PATCH", "/ws-ticket", headers, answer], "by another method");
    }
  });

  test("catches what only the request and the answer show together", () => {
    const [issued, bound] = exchanges;
    const ticket = strange("m");
    const body = JSON.parse(issued[3].body);
    caught(withBody(issued, { ...body, ticket }), "another ticket in url");
    caught(withBody(issued, { ...body, ticket, protocols: ["ws-ticket.v1", ticket] }), "a ticket in url and protocols");
    const own = JSON.parse(bound[3].body);
    caught(withBody(bound, { ...own, protocols: ["ws-ticket.v1", ticket] }), "another ticket in protocols");
    const asking = (exchange, headers) => exchange.with(2, { ...exchange[2], ...headers });
    caught(asking(bound, { Origin: "https://other.example.com" }), "another origin is allowed");
    caught(asking(bound, { Cookie: `__Host-ws-ticket=${"A".repeat(43)}` }), "a good cookie is not kept");
    passes(asking(bound, { Cookie: `__Host-ws-ticket=${"A".repeat(42)}` }));
    const open = exchanges.find(([, , , { status }]) => status === 101);
    for (const offer of ["chat.v3, chat.v2", "ws-ticket.v1", "", undefined]) {
      caught(asking(open, { "Sec-WebSocket-Protocol": offer }), `${offer} was offered`);
    }
    const refused = exchanges.find(([, , , { status }]) => status === 401);
    caught(withBody(refused, { ...JSON.parse(refused[3].body), detail: `not ${ticket}` }), "a ticket is shown");
    const malformed = exchanges[2];
    caught(asking(malformed, { Origin: undefined }), "CORS headers without an origin");
    const code = { ...JSON.parse(malformed[3].body), code: "request_malformed" };
    caught(withBody(malformed, code), "a header of another code");
  });

  test("is only as good as its document: what isn't declared there is a departure", () => {
    const api = document();
    api.components.responses.SocketUnauthorized.content["application/problem+json"].schema.properties.code.enum = ["x"];
    delete api.components.responses.NotFound;
    const other = new Contract(api);
    const refused = exchanges.find(([, , , { status }]) => status === 401);
    assert.throws(() => other.departs(...refused), Departure);
    const lost = exchanges.find(([, , , { status }]) => status === 404);
    assert.throws(() => other.departs(...lost), /NotFound is not in/);
  });

  test("stands in the client: a server that isn't a gate gets no answer through", async () => {
    const server = http.createServer((_, response) => response.end("hello"));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const counted = contract.count;
      const target = { url: `http://127.0.0.1:${server.address().port}` };
      await assert.rejects(request(target, { path: "/health" }), Departure);
      assert.equal(contract.count, counted);
      await request(target, { path: "/__edge" });
      await gates[0].health();
      assert.equal(contract.count, counted + 1);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

const pairsOf = ([, , , { rawHeaders }]) =>
  rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1]]] : []));

function plain({ status, rawHeaders, body }) {
  return { status, rawHeaders, body };
}
