// `npm run dev` is the gate on this machine, also where wrangler.jsonc has the route that it has in production.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { issue, opens, post, request } from "./support/client.js";
import { DEVELOPMENT, projectConfig } from "./support/harness.js";
import { heard } from "./support/heard.js";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The project's configuration with a route, in a folder of its own. */
async function configured(folder) {
  const config = await projectConfig();
  const at = (name) => path.join(PROJECT, name);
  const { $schema, build, secrets, ...rest } = config;
  const file = path.join(folder, "wrangler.json");
  const changes = {
    main: at(config.main),
    assets: { ...config.assets, directory: at(config.assets.directory) },
    vars: { ...config.vars, ...DEVELOPMENT, TICKET_STORE: "memory" },
    routes: [{ pattern: "gate.example.com/*", zone_name: "example.com" }],
  };
  writeFileSync(file, JSON.stringify({ ...rest, ...changes }));
  return file;
}

/** `npm run dev` with these arguments, once it is ready: where it is, and how to end it. */
async function startDev(...args) {
  const port = await freePort();
  const all = ["scripts/dev.js", "--port", port, "--ip", "127.0.0.1", ...args];
  const dev = spawn(process.execPath, all, { cwd: PROJECT, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => dev.once("close", resolve));
  let said = "";
  await new Promise((resolve, reject) => {
    for (const stream of [dev.stdout, dev.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        said += text;
        if (/Ready on/.test(said)) resolve();
      });
    }
    ended.then(() => reject(new Error(said)));
  });
  const close = async () => {
    dev.kill("SIGTERM");
    await ended;
  };
  return { port, close };
}

describe("npm run dev with a route", () => {
  let [folder, dev, port] = [];
  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-dev-"));
    dev = await startDev("--config", await configured(folder));
    ({ port } = dev);
  });
  after(async () => {
    await dev?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  test("url leads to this machine, by the name that was asked", async () => {
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`]) {
      const gate = { url: `http://127.0.0.1:${port}/`, headers: { Host: host } };
      const { url, ticket } = await issue(gate);
      assert.equal(url, `ws://${host}/ws?ticket=${ticket}`);
      assert.equal(await opens(gate, ticket), 101);
      const answer = await post(gate, undefined, { Origin: `http://${host}` });
      assert.equal(answer.headers["access-control-allow-origin"], `http://${host}`);
    }
  });
});

describe("npm run dev", () => {
  let [state, dev, gate] = [];
  before(async () => {
    state = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-dev-"));
    dev = await startDev("--persist-to", state);
    gate = { url: `http://127.0.0.1:${dev.port}/`, headers: { Host: `localhost:${dev.port}` } };
  });
  after(async () => {
    await dev?.close();
    if (state) rmSync(state, { recursive: true, force: true });
  });

  test("the example stands behind the gate: an echo, and rooms", async () => {
    const { session, status } = (await request(gate, { path: "/health" })).json;
    assert.deepEqual([session, status], ["upstream", "ok"]);
    const { ticket } = await issue(gate, { sub: "alice" });
    const echo = new WebSocket(`ws://127.0.0.1:${dev.port}/ws?ticket=${ticket}`);
    assert.match(await heard(echo), /"welcome".*"alice"/);
    const second = await issue(gate, { sub: "bob" });
    const room = new WebSocket(`ws://127.0.0.1:${dev.port}/ws/room/red?ticket=${second.ticket}`);
    assert.deepEqual(JSON.parse(await heard(room)), { type: "room", you: "bob", members: ["bob"] });
  });

  test("a server of one's own stands there instead, as docs/behind-the-gate.md has it", async () => {
    const [port, secret] = [await freePort(), "the upstream's secret, of 32 bytes or more"];
    const at = `http://127.0.0.1:${port}`;
    const vars = [`SESSION:upstream`, `UPSTREAM_URL:${at}`, `UPSTREAM_SECRET:${secret}`].flatMap((text) => [
      "--var",
      text,
    ]);
    const own = await startDev("--persist-to", path.join(state, "own"), ...vars);
    const here = `localhost:${own.port}`;
    const env = {
      ...process.env,
      GATE_URL: `http://${here}`,
      UPSTREAM_SECRET: secret,
      AUDIENCE: at,
      PORT: String(port),
    };
    const server = spawn(process.execPath, ["examples/upstream.js"], {
      cwd: PROJECT,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(server.stdout, "data");
      const front = { url: `http://127.0.0.1:${own.port}/`, headers: { Host: here } };
      const { ticket } = await issue(front, { sub: "alice" });
      const socket = new WebSocket(`ws://127.0.0.1:${own.port}/ws/room?ticket=${ticket}`, { headers: { Host: here } });
      assert.equal(await heard(socket), "welcome to /room, alice");
    } finally {
      server.kill();
      await own.close();
    }
  });

  test("a deploy knows nothing of it", async () => {
    const { services, vars } = await projectConfig();
    assert.equal(services, undefined);
    assert.equal(vars.SESSION, "");
  });
});
