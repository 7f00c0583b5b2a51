// A real proxy in front of a WebSocket server, which asks the gate by GET /ws-ticket/auth: the same is to be seen behind each of them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { REDEEM_SECRET } from "./doors.js";
import { DEVELOPMENT, startGate } from "./harness.js";
import { heard } from "./heard.js";
import { bearer, inSeconds, mint, SECRET } from "./jwt.js";
import { until } from "./pace.js";
import { freePort } from "./pasted.js";
import { refused } from "./refused.js";

/** Has a program serve from a folder, which goes with it. */
export function serving(folder, program, args, options) {
  const child = spawn(program, args, options);
  const ended = once(child, "close");
  return {
    async close() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const APP = "https://app.example.com";
const read = (file) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

/**
 * The tests of a proxy whose configuration is the example `file`, which the documents show as code of `language`. `start(config)` starts
 * it; `place` has it listen at a port (and says where the `backend` and the `gate` are, if the example says it in its own way); `underscores` says that it lets names with those pass; `outage` is what it answers where the gate gives no answer.
 */
export function behindProxy({ name, file, language, place, start, outage, underscores = false }) {
  const CONFIG = read(file);

  test("the documents show the configuration word for word, in both languages", () => {
    for (const document of ["docs/behind-the-gate.md", "docs/zh-CN/behind-the-gate.md"]) {
      assert.ok(read(document).includes(`\`\`\`${language}\n${CONFIG}\`\`\``), document);
    }
  });

  describe(`behind ${name}`, () => {
    let gate;
    let backend;
    let proxy;
    let url;
    before(async () => {
      const login = { IDENTITY: "jwt", JWT_SECRET: SECRET, TICKET_CLAIMS: "name" };
      const vars = { ...DEVELOPMENT, ...login, TICKET_STORE: "durable", ALLOWED_ORIGINS: APP, REDEEM_SECRET };
      gate = await startGate({ vars, edge: true });
      // It says what it was told of who comes.
      backend = http.createServer();
      const sockets = new WebSocketServer({ server: backend });
      sockets.on("connection", (ws, { headers }) => {
        ws.send(JSON.stringify(Object.entries(headers).filter(([name]) => /^x.ticket/.test(name))));
      });
      await new Promise((resolve) => backend.listen(0, "127.0.0.1", resolve));
      const port = await freePort();
      const config = place(CONFIG, port, { backend: backend.address().port, gate: gate.url })
        .replace("127.0.0.1:3000", `127.0.0.1:${backend.address().port}`)
        .replace("https://gate.example.com", new URL(gate.url).origin)
        .replace("<REDEEM_SECRET>", REDEEM_SECRET);
      proxy = await start(config, port);
      url = `ws://127.0.0.1:${port}/socket`;
      const answers = () =>
        // One that has read nothing yet says that there is nothing.
        fetch(url.replace("ws", "http")).then(
          ({ status }) => status !== 404,
          () => false,
        );
      await until(answers, `${name} is there`, { every: 50 });
    });
    after(async () => {
      await proxy?.close();
      backend?.close();
      backend?.closeAllConnections();
      await gate?.close();
    });

    const issue = async (claims = {}, body = undefined) => {
      const token = mint({ sub: "张三 & co", exp: inSeconds(3600), ...claims });
      return (await gate.issue(body, { Origin: APP, ...bearer(token) })).ticket;
    };
    const open = (ticket, headers = {}, protocols = []) =>
      heard(
        new WebSocket(ticket === "" ? url : `${url}?ticket=${ticket}`, protocols, {
          headers: { Origin: APP, ...headers },
        }),
      );
    const told = async (opening) => Object.fromEntries(JSON.parse(await opening));

    test("the server hears who comes, once, and nothing that the client says of itself", async () => {
      const forged = {
        "X-Ticket-Subject": "root",
        "X-Ticket-Session": "1",
        "X-Ticket-Session-Expires": "9999999999",
        "X-Ticket-Claims": "e30",
        "X-Ticket-Assertion": "root",
        "X-Original-URI": "/socket?ticket=x",
        Connection: "Upgrade, X-Ticket-Subject, X-Ticket-Room, X-Ticket-Claims, X-Ticket-Session-Expires",
        ...(underscores ? {} : { x_ticket_subject: "root", "X-Ticket_Subject": "root" }),
      };
      const ticket = await issue({ name: "三" }, { room: "a/b" });
      const who = await told(open(ticket, forged));
      assert.equal(decodeURIComponent(who["x-ticket-subject"]), "张三 & co");
      assert.equal(decodeURIComponent(who["x-ticket-room"]), "a/b");
      assert.deepEqual(JSON.parse(Buffer.from(who["x-ticket-claims"], "base64url")), { name: "三" });
      assert.match(who["x-ticket-session"], /^[0-9a-f]{8}-/);
      assert.ok(Number(who["x-ticket-expires"]) > Date.now() / 1000);
      // The login's end: an hour, where the ticket has five minutes.
      const session = Number(who["x-ticket-session-expires"]) - Number(who["x-ticket-expires"]);
      assert.ok(Math.abs(session - 3300) < 60, `${session}`);
      assert.equal(Object.keys(who).length, 7);
      assert.equal(await open(ticket, forged), 401);
      // Where there is nothing to say, what the client says isn't passed on either.
      const plain = await told(open(await issue(), { "X-Ticket-Room": "secret", "X-Ticket-Claims": "e30" }));
      assert.deepEqual([plain["x-ticket-room"] ?? "", plain["x-ticket-claims"] ?? ""], ["", ""]);
      refused(2);
    });

    test("in a subprotocol, too", async () => {
      const who = await told(open("", {}, ["ws-ticket.v1", await issue({ sub: "alice" })]));
      assert.equal(who["x-ticket-subject"], "alice");
    });

    test("of twenty that race one gets through, also with one id that they all send", async () => {
      for (const headers of [{}, { "X-Request-ID": "7f9c24e83b124fef91e033c9b1a7d001" }]) {
        const ticket = await issue();
        const all = await Promise.all(Array.from({ length: 20 }, () => open(ticket, headers)));
        assert.equal(all.filter((answer) => answer !== 401).length, 1);
      }
    });

    test("nobody without exactly one ticket, and no page of another origin", async () => {
      const [one, two] = [await issue(), await issue()];
      for (const query of ["", `?ticket=${one}&ticket=${two}`, "?ticket=x", "?Ticket=x"]) {
        assert.equal(await heard(new WebSocket(`${url}${query}`, { headers: { Origin: APP } })), 401, query);
        refused();
      }
      assert.equal(await open(one, { Origin: "https://evil.example" }), 403);
      for (const ticket of [one, two]) assert.ok((await told(open(ticket)))["x-ticket-subject"]);
    });

    test("where the gate has no answer it lets nobody in; the ticket opens afterwards", async () => {
      const ticket = await issue();
      await gate.edge({ shard: { fetch: { how: "throw" } } });
      assert.equal(await open(ticket), outage);
      await gate.edge();
      assert.ok((await told(open(ticket)))["x-ticket-subject"]);
    });

    test("nobody asks the gate through it", async () => {
      for (const path of ["/_ticket", "/ws-ticket/auth"]) {
        const answer = await fetch(new URL(path, url.replace("ws", "http")));
        assert.ok([401, 404].includes(answer.status), `${answer.status}`);
      }
    });
  });
}
