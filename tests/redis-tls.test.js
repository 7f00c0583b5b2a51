// `rediss://`: the store `redis` over TLS, to a server whose certificate workerd trusts, and to one whose it does not.
//
// workerd trusts what its host trusts; Miniflare adds what NODE_EXTRA_CA_CERTS names when it is loaded, so that is set first.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { assertUnavailable } from "./support/problem.js";
import { startRedis } from "./support/redis-server.js";
import { startProxy } from "./support/tcp-proxy.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-tls-"));

/** A certificate of its own making, for one name. */
function certificate(file, name) {
  const [key, cert] = [`${file}-key.pem`, `${file}.pem`].map((part) => path.join(folder, part));
  const args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" ");
  args.push("-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, "-keyout", key, "-out", cert);
  execFileSync("openssl", args, { stdio: "pipe" });
  return { key, cert, ca: readFileSync(cert) };
}

const trusted = certificate("trusted", "localhost");
process.env.NODE_EXTRA_CA_CERTS = trusted.cert;
const { DEVELOPMENT, startGate } = await import("./support/harness.js");
const { deadline } = await import("./support/pace.js");

const gateOf = (url) => {
  const settings = { TICKET_STORE: "redis", REDIS_URL: url, STORE_TIMEOUT_MS: String(deadline(300)) };
  return startGate({ vars: { ...DEVELOPMENT, ...settings } });
};
let redis;

before(async () => {
  redis = await startRedis({ tls: trusted, password: "over-tls" });
});
after(async () => {
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a ticket is issued and admitted once over TLS", async () => {
  const gate = await gateOf(redis.url);
  try {
    assert.match(redis.url, /^rediss:/);
    const { ticket } = await gate.issue();
    assert.equal((await redis.entries()).length, 1);
    assert.deepEqual([await gate.opens(ticket), await gate.opens(ticket)], [101, 401]);
  } finally {
    await gate.close();
  }
});

async function refuses(url) {
  const gate = await gateOf(url);
  try {
    assertUnavailable(await gate.post());
    const [{ step, reason }] = await gate.eventually(({ event }) => event === "store_failed");
    const loud = gate.lines().filter((line) => /uncaught|unhandled|panic/i.test(line));
    assert.deepEqual(loud, []);
    return [step, reason];
  } finally {
    await gate.close();
  }
}

test("nothing is said to a server that can't prove its name, or is not TLS at all", async () => {
  for (const [tls, why] of [
    [certificate("strange", "localhost"), "tls_failed"],
    [undefined, "tls_timed_out"],
  ]) {
    const other = await startRedis({ tls, password: "not-for-you" });
    const url = new URL(other.url.replace(/^rediss?:/, "rediss:"));
    url.hostname = "localhost";
    try {
      assert.deepEqual(await refuses(url.href), ["redis.connect", why]);
    } finally {
      await other.stop();
    }
  }
  const { port } = new URL(redis.url);
  assert.deepEqual(await refuses(`rediss://127.0.0.1:${port}`), ["redis.connect", "tls_failed"]);
});

test("a TLS port that is spoken to without TLS, and a port where nobody is", async () => {
  const { port } = new URL(redis.url);
  assert.deepEqual(await refuses(`redis://127.0.0.1:${port}`), ["redis.set", "disconnected"]);
  for (const scheme of ["redis", "rediss"]) {
    assert.deepEqual(await refuses(`${scheme}://127.0.0.1:1`), ["redis.connect", "unreachable"]);
    assert.deepEqual(await refuses(`${scheme}://no-such-host.invalid`), ["redis.connect", "unreachable"]);
  }
});

test("a handshake that is never answered counts as connecting", async () => {
  const proxy = await startProxy(redis.url);
  try {
    await proxy.fault("hang");
    assert.deepEqual(await refuses(proxy.url), ["redis.connect", "tls_timed_out"]);
  } finally {
    await proxy.close();
  }
});
