// docs/openapi.yaml and what holds answers to it: the document is in order, it says what docs/protocol.md and src/problem.rs say, and
// no answer that differs in anything from what it declares gets past the validator.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { problems } from "../scripts/documents.js";
import { request } from "./support/client.js";
import { DEVELOPMENT, startGates } from "./support/harness.js";
import { Contract, contract, Departure, document } from "./support/openapi.js";
import { strange } from "./support/tickets.js";

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
const APP = "https://app.example.com";

/** `400 body_malformed`: what a refusal is known by. */
const codes = (names) => [...new Set(names)].sort();
const declaredCodes = codes(
  contract.declared.flatMap((name) => {
    const [, , status, code] = name.split(" ");
    return code === undefined ? [] : [`${status} ${code}`];
  }),
);

describe("the document", () => {
  test("has nothing wrong, by the rules of its lint", async () => {
    assert.deepEqual(await problems("openapi.yaml", read("docs/openapi.yaml")), []);
  });

  for (const [what, find, replace, said] of [
    ["a reference that leads nowhere", "responses/Running", "responses/Runing", /\$ref/],
    ["one that only an extension has", 'responses/NotFound" }', 'responses/NotFoun" }', /NotFoun is not there/],
    ["an example that isn't what it is an example of", "code: upgrade_required,", "code: upgrade,", /upgrade_required/],
    ["a name used twice", "operationId: healthHead", "operationId: health", /unique/],
    ["what is no YAML", "paths:", "paths: [", /sequence|map/],
    ["an exception that nothing needs any more", '"101":', '"200":', /operation-2xx-response/],
  ]) {
    test(`the lint finds ${what}, and the line`, async () => {
      const text = read("docs/openapi.yaml");
      const at = text.indexOf(find);
      const found = await problems("openapi.yaml", text.replace(find, replace));
      const named = found.filter(({ text }) => said.test(text));
      assert.ok(named.length > 0, JSON.stringify(found));
      const line = text.slice(0, at).split("\n").length;
      if (!/YAML|any more/.test(what))
        assert.ok(
          named.some((each) => Math.abs(each.line - line) < 25),
          `line ${line}`,
        );
    });
  }

  test("its version is the project's", () => {
    assert.equal(document().info.version, JSON.parse(read("package.json")).version);
  });

  test("each code has one status, and one example that says the same", () => {
    const { examples } = document().components;
    assert.deepEqual(
      codes(Object.entries(examples).map(([name, { value }]) => `${value.status} ${name}`)),
      declaredCodes,
    );
    for (const [name, { value }] of Object.entries(examples)) assert.equal(value.code, name);
  });

  test("headers by code are of codes that the answer can have", () => {
    for (const [name, { headers, content }] of Object.entries(document().components.responses)) {
      const possible = content["application/problem+json"]?.schema.properties.code.enum;
      for (const { "x-by-code": byCode } of Object.values(headers)) {
        for (const code of Object.keys(byCode ?? {})) assert.ok(possible.includes(code), `${name}: ${code}`);
      }
    }
  });
});

describe("one table of codes", () => {
  test("docs/protocol.md has it", () => {
    const text = read("docs/protocol.md");
    assert.match(text, /^\| status \| `code` \| when \| what the client does \| ticket burnt \|$/m);
    const rows = [...text.matchAll(/^\| (\d{3}) \| `([a-z_]+)` \|(?: [^|]*[^| ] \|){3}$/gm)];
    const names = rows.map(([, status, code]) => `${status} ${code}`);
    assert.equal(new Set(names).size, names.length, "a code stands there twice");
    assert.deepEqual(codes(names), declaredCodes);
  });

  test("src/problem.rs has it", () => {
    const row = /fn row\(self\).*?\n {4}\}\n/s.exec(read("src/problem.rs"))[0];
    const names = [...row.matchAll(/\(\s*(\d{3}),\s*"([a-z_]+)",/g)].map(([, status, code]) => `${status} ${code}`);
    assert.deepEqual(codes(names), declaredCodes);
  });
});

describe("the validator", { timeout: 60_000 }, () => {
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
        caught(withBody(exchange, rest), `${named(exchange)} without ${name}`);
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
        if (status !== exchange[3].status) caught(changed(exchange, { status }), `${named(exchange)} as ${status}`);
      }
      const body = exchange[3].body?.length > 0 ? JSON.parse(exchange[3].body) : {};
      if (body.code === undefined) continue;
      for (const code of [...Object.keys(document().components.examples), "unheard_of", ""]) {
        // Two of the socket's are alike but for the code.
        if (code === body.code || /^ticket_|_refused$|_invalid$/.test(code)) continue;
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
    caught(asking(exchanges[2], { Origin: undefined }), "CORS headers without an origin");
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
