// A real nginx in front of a WebSocket server, with the gate behind `auth_request`: examples/nginx.conf as docs/behind-the-gate.md shows it,
// with this machine's addresses in it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket, WebSocketServer } from "ws";
import { REDEEM_SECRET } from "./support/doors.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { heard } from "./support/heard.js";
import { bearer, inSeconds, mint, SECRET } from "./support/jwt.js";
import { until } from "./support/pace.js";
import { freePort } from "./support/pasted.js";
import { refused, report } from "./support/refused.js";

report();

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const read = (file) => readFileSync(`${ROOT}${file}`, "utf8");
const APP = "https://app.example.com";
const CONFIG = read("examples/nginx.conf");

/** An nginx with this `server` block, in a folder that goes with it. */
async function startNginx(server) {
  const folder = mkdtempSync(join(tmpdir(), "ws-ticket-nginx-"));
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const whole = `daemon off; pid ${folder}/pid; error_log ${folder}/error.log warn; worker_processes 1;
events { worker_connections 512; } http { ${paths.join(" ")}\n${server}\n}`;
  writeFileSync(join(folder, "nginx.conf"), whole);
  const child = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = once(child, "close");
  return {
    async close() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test("the documents show the configuration word for word, in both languages", () => {
  for (const document of ["docs/behind-the-gate.md", "docs/zh-CN/behind-the-gate.md"]) {
    const [shown] = read(document).match(/(?<=```nginx\n).*?(?=```)/s);
    assert.equal(shown, CONFIG, document);
  }
});

describe("behind nginx", () => {
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
    const server = CONFIG.replace("listen 8080", `listen 127.0.0.1:${port}`)
      .replace("http://127.0.0.1:3000", `http://127.0.0.1:${backend.address().port}`)
      .replace("https://gate.example.com", new URL(gate.url).origin)
      .replace("<REDEEM_SECRET>", REDEEM_SECRET);
    proxy = await startNginx(server);
    url = `ws://127.0.0.1:${port}/socket`;
    const answers = () =>
      fetch(url.replace("ws", "http")).then(
        () => true,
        () => false,
      );
    await until(answers, "nginx is there", { every: 50 });
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
      "X-Ticket-Claims": "e30",
      x_ticket_subject: "root",
    };
    const ticket = await issue({ name: "三" }, { room: "a/b" });
    const who = await told(open(ticket, forged));
    assert.equal(decodeURIComponent(who["x-ticket-subject"]), "张三 & co");
    assert.equal(decodeURIComponent(who["x-ticket-room"]), "a/b");
    assert.deepEqual(JSON.parse(Buffer.from(who["x-ticket-claims"], "base64url")), { name: "三" });
    assert.match(who["x-ticket-session"], /^[0-9a-f]{8}-/);
    assert.ok(Number(who["x-ticket-expires"]) > Date.now() / 1000);
    assert.equal(Object.keys(who).length, 6);
    assert.equal(await open(ticket, forged), 401);
    // Where there is nothing to say, what the client says isn't passed on either.
    const plain = await told(open(await issue(), { "X-Ticket-Room": "secret", "X-Ticket-Claims": "e30" }));
    assert.deepEqual([plain["x-ticket-room"], plain["x-ticket-claims"]], [undefined, undefined]);
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

  test("where the gate has no answer nginx says 500, and lets nobody in; the ticket opens afterwards", async () => {
    const ticket = await issue();
    await gate.edge({ shard: { fetch: { how: "throw" } } });
    assert.equal(await open(ticket), 500);
    await gate.edge();
    assert.ok((await told(open(ticket)))["x-ticket-subject"]);
  });

  test("nobody asks the gate through nginx", async () => {
    for (const path of ["/_ticket", "/ws-ticket/auth"]) {
      const answer = await fetch(new URL(path, url.replace("ws", "http")));
      assert.ok([401, 404].includes(answer.status), `${answer.status}`);
    }
  });
});
