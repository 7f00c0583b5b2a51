// What a developer has beside the gate: `npm run token`, and the issuer and the site of examples/, each run as it is.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { keyBytes } from "../scripts/key-bytes.js";
import { startGate } from "./support/harness.js";
import { freePort } from "./support/pasted.js";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));

/** Runs a script to its end. */
async function run(script, args, env = {}) {
  const child = spawn(process.execPath, [script, ...args], { cwd: PROJECT, env: { ...process.env, ...env } });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

describe("npm run token", () => {
  const token = (...args) => run("scripts/token.js", args);
  /** The token that was printed, if it is one by the secret of .dev.vars. */
  async function verified({ code, stdout, stderr }) {
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/, "more than the token is printed");
    // It has made .dev.vars where there was none.
    const { JWT_SECRET } = parseEnv(readFileSync(new URL("../.dev.vars", import.meta.url), "utf8"));
    return jwtVerify(stdout.trim(), new TextEncoder().encode(JWT_SECRET), { algorithms: ["HS256"] });
  }

  test("one token, an hour long, for the named subject", async () => {
    const { payload, protectedHeader } = await verified(await token("--sub", "alice"));
    assert.deepEqual(protectedHeader, { alg: "HS256", typ: "JWT" });
    assert.deepEqual(Object.keys(payload).sort(), ["exp", "iat", "sub"]);
    assert.equal(payload.sub, "alice");
    assert.equal(payload.exp - payload.iat, 3600);
    assert.ok(Math.abs(payload.iat - Date.now() / 1000) < 60);
  });

  test("rooms, claims as text and as JSON, and a lifetime", async () => {
    const claims = [
      "--claim",
      "email=alice@example.com",
      "--claim",
      "level=3",
      "--claim",
      'roles=["a"]',
      "--claim",
      "x=a=b",
    ];
    const { payload } = await verified(
      await token("--sub", "爱丽丝", "--rooms", "lobby,staff", "--ttl", "60", ...claims),
    );
    const { sub, rooms, email, level, roles, x, exp, iat } = payload;
    assert.deepEqual(
      { sub, rooms, email, level, roles, x },
      {
        ...{ sub: "爱丽丝", rooms: ["lobby", "staff"], email: "alice@example.com" },
        ...{ level: 3, roles: ["a"], x: "a=b" },
      },
    );
    assert.equal(exp - iat, 60);
  });

  test("the environment's JWT_SECRET goes before that of .dev.vars, and must be as long", async () => {
    const secret = "the key of a gate that was deployed";
    const { code, stdout, stderr } = await run("scripts/token.js", ["--sub", "alice"], { JWT_SECRET: secret });
    assert.equal(code, 0, stderr);
    await jwtVerify(stdout.trim(), new TextEncoder().encode(secret), { algorithms: ["HS256"] });
    const short = await run("scripts/token.js", ["--sub", "alice"], { JWT_SECRET: "short" });
    assert.deepEqual([short.code, short.stdout], [1, ""]);
    assert.match(short.stderr, /^ws-ticket: JWT_SECRET of the environment is shorter than 32 bytes\n$/);
  });

  test("the key is what the secret stands for, as the gate reads it", () => {
    const bytes = Buffer.from("a secret of thirty-two bytes ÿþ");
    for (const text of [
      bytes.toString(),
      `text:${bytes}`,
      `base64:${bytes.toString("base64")}`,
      `Base64:${bytes.toString("base64url")}`,
      `base64url:${bytes.toString("base64url")}`,
      `hex:${bytes.toString("hex").toUpperCase()}`,
    ]) {
      assert.deepEqual(Buffer.from(keyBytes(text)), bytes, text);
    }
  });

  for (const [what, args, says] of [
    ["no subject", [], /--sub/],
    ["an empty subject", ["--sub", ""], /--sub/],
    ["an unknown option", ["--sub", "alice", "--admin"], /--admin/],
    ["a word too many", ["--sub", "alice", "bob"], /bob/],
    ["an option without its value", ["--sub"], /--sub/],
    ["an empty room", ["--sub", "alice", "--rooms", "lobby,,staff"], /--rooms/],
    ["a claim without a value", ["--sub", "alice", "--claim", "email"], /--claim/],
    ["a claim that has an option", ["--sub", "alice", "--claim", "exp=1"], /--ttl/],
    ["no lifetime", ["--sub", "alice", "--ttl", "0"], /--ttl/],
    ["a lifetime that is no number", ["--sub", "alice", "--ttl", "1h"], /--ttl/],
    ["a lifetime of more than a year", ["--sub", "alice", "--ttl", "31536001"], /--ttl/],
  ]) {
    test(`refuses ${what}, in one line, and prints no token`, async () => {
      const { code, stdout, stderr } = await token(...args);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, says);
      assert.match(stderr, /^ws-ticket: [^\n]+\n$/);
    });
  }
});

describe("npm run try", () => {
  const SECRET = "the key of a gate that was deployed";
  const token = async () => (await run("scripts/token.js", ["--sub", "alice"], { JWT_SECRET: SECRET })).stdout.trim();
  const tryOut = (...args) => run("scripts/try.js", args);
  let gate;
  before(async () => {
    gate = await startGate({ vars: { JWT_SECRET: SECRET, TICKET_STORE: "durable", BIND: "cookie" } });
  });
  after(() => gate?.close());

  test("a gate that works: 101, then 401, and no ticket is printed", async () => {
    const { code, stdout, stderr } = await tryOut("--url", new URL(gate.url).origin, "--token", await token());
    assert.equal(code, 0, stderr);
    assert.equal(
      stdout,
      "POST /ws-ticket: 200, a ticket for 300 seconds\nGET /ws, the first time: 101\n" +
        "GET /ws, the second time: 401 ticket_refused\nOne ticket opened one connection.\n",
    );
  });

  for (const [what, args, says] of [
    ["no login", () => [], /401 identity_missing/],
    ["a path", () => ["--url", `${gate.url}/ws`], /--url/],
    ["a gate that is not there", () => ["--url", "http://127.0.0.1:9"], /no answer/],
  ]) {
    test(`${what}: one line, and exit code 1`, async () => {
      const given = args();
      const { code, stdout, stderr } = await tryOut(
        ...(given.length > 0 ? given : ["--url", new URL(gate.url).origin]),
      );
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, says);
      assert.match(stderr, /^ws-ticket: [^\n]+\n$/);
    });
  }
});

/** A program of examples/, once it says that it serves. */
async function start(script, ...args) {
  const port = await freePort();
  const child = spawn(process.execPath, [script, "--port", String(port), ...args], { cwd: PROJECT });
  const ended = once(child, "exit");
  const said = await Promise.race([once(child.stdout, "data"), ended.then(() => undefined)]);
  if (said === undefined) throw new Error(`${script} ended instead of serving`);
  const stop = async () => {
    child.kill();
    await ended;
  };
  return { url: `http://127.0.0.1:${port}`, stop };
}

describe("npm run issuer", () => {
  for (const alg of ["RS256", "PS256", "ES256", "EdDSA"]) {
    test(`${alg}: its tokens verify by its own keys`, async () => {
      const { url, stop } = await start("examples/issuer.js", "--alg", alg);
      try {
        const answer = await fetch(`${url}/token?sub=alice&rooms=lobby,staff`);
        assert.deepEqual([answer.status, answer.headers.get("cache-control")], [200, "no-store"]);
        const keys = createRemoteJWKSet(new URL(`${url}/jwks.json`));
        const expected = { issuer: url, audience: "ws-ticket", algorithms: [alg] };
        const { payload } = await jwtVerify(await answer.text(), keys, expected);
        assert.deepEqual([payload.sub, payload.rooms], ["alice", ["lobby", "staff"]]);
        for (const path of ["/jwks.json", "/cdn-cgi/access/certs"]) {
          const published = await fetch(url + path);
          assert.match(published.headers.get("cache-control"), /\bmax-age=[1-9]/);
          const { keys: jwks } = await published.json();
          assert.equal(jwks.length, 1);
          for (const secret of ["d", "p", "q", "k"]) assert.ok(!(secret in jwks[0]), `the private member ${secret}`);
        }
        for (const [path, method, status] of [
          ["/token", "GET", 404],
          ["/", "GET", 404],
          ["/jwks.json", "POST", 405],
        ]) {
          assert.equal((await fetch(url + path, { method })).status, status);
        }
      } finally {
        await stop();
      }
    });
  }
});

describe("npm run login", () => {
  let site;
  before(async () => {
    site = await start("examples/login.js");
  });
  after(() => site?.stop());

  const login = (body, headers = {}) => fetch(`${site.url}/login`, { method: "POST", body, headers });
  const cookieOf = (answer) => answer.headers.get("set-cookie").split(";")[0];
  const auth = async (Cookie) => {
    const answer = await fetch(`${site.url}/auth`, { headers: Cookie ? { Cookie } : {} });
    assert.match(answer.headers.get("content-type"), /^application\/json/);
    return { status: answer.status, ...(await answer.json()) };
  };

  test("a session, by form and by JSON, until its logout", async () => {
    const json = { "Content-Type": "application/json" };
    const answers = [await login(new URLSearchParams({ user: "alice" })), await login('{"user":"bob"}', json)];
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.match(
        answer.headers.get("set-cookie"),
        /^session=[\w-]{43}; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/,
      );
    }
    const [alice, bob] = answers.map(cookieOf);
    assert.notEqual(alice, bob);
    const { status, sub, rooms, email, exp } = await auth(`theme=dark; ${alice}`);
    assert.deepEqual([status, sub, rooms, email], [200, "alice", ["lobby", "staff"], "alice@example.com"]);
    assert.ok(exp > Date.now() / 1000 + 3500 && exp <= Date.now() / 1000 + 3600);
    assert.deepEqual((await auth(bob)).rooms, ["lobby"]);
    const logout = await fetch(`${site.url}/logout`, { method: "POST", headers: { Cookie: alice } });
    assert.match(logout.headers.get("set-cookie"), /^session=; Max-Age=0;/);
    assert.deepEqual([(await auth(alice)).status, (await auth(bob)).status], [401, 200]);
  });

  test("nobody without a session", async () => {
    for (const cookie of [undefined, "session=", "session=x", "Session=x", "xsession=x", "session"]) {
      assert.equal((await auth(cookie)).status, 401, cookie);
    }
    const bad = ["", "user=", "name=alice", "user=Alice%20B", `user=${"a".repeat(65)}`, `user=a&x=${"x".repeat(5000)}`];
    const form = { "Content-Type": "application/x-www-form-urlencoded" };
    for (const body of bad) assert.equal((await login(body, form)).status, 400, body);
    for (const body of ["null", "{", "[]", '{"user":7}']) {
      assert.equal((await login(body, { "Content-Type": "application/json" })).status, 400, body);
    }
    assert.equal((await fetch(`${site.url}/login`)).status, 404);
  });
});
