// IDENTITY=forward: the site's own session. The gate asks the site whose session a request has, as nginx, Traefik and Caddy do.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LOGGED_IN, startAuthServer } from "./support/authserver.js";
import { refuses, welcomed } from "./support/caller.js";
import { startGates } from "./support/harness.js";
import { assertProblem } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { strange } from "./support/tickets.js";

report();

const PAGE = "https://app.example.com";
const COOKIE = { Cookie: "session=recognisable-session-of-bob; theme=dark", Origin: PAGE };

describe("IDENTITY=forward", () => {
  let site;
  let gates;
  before(async () => {
    site = await startAuthServer();
    const vars = {
      plain: {},
      proxied: { AUTH_HEADER_PREFIX: "X-Auth-Request-", TICKET_CLAIMS: "email" },
      queried: { AUTH_URL: `${site.authUrl}?site=chat&x=%20` },
      namespaced: { TICKET_CLAIMS: "email,https://app.example/tier" },
    };
    const list = Object.values(vars).map((more) => ({
      vars: site.vars({ ALLOWED_ORIGINS: PAGE, ...more }),
      edge: true,
    }));
    const started = await startGates(list);
    gates = Object.fromEntries(Object.keys(vars).map((name, index) => [name, started[index]]));
  });
  after(async () => {
    await gates?.plain.close();
    await site?.close();
  });
  const ask = (headers = LOGGED_IN, body = undefined) => welcomed(gates.plain, headers, body);

  test("a session, told in JSON", async () => {
    for (const type of ["application/json", "application/json; charset=utf-8", "Application/JSON"]) {
      site.says({ sub: "alice" }, { headers: { "Content-Type": type } });
      const { subject, room } = await ask();
      assert.deepEqual([subject, room], ["alice", null]);
    }
    site.says({ sub: "bob", anything: "else" }, { status: 203, headers: { "Remote-User": "mallory" } });
    assert.equal((await ask(COOKIE)).subject, "bob");
  });

  test("a number for a name, null for what there isn't, and a byte order mark in front", async () => {
    site.says('\u{feff}{"sub":9007199254740993,"exp":null}');
    assert.equal((await ask()).subject, "9007199254740993");
    site.says({ sub: "alice", exp: null, email: null });
    const { subject, claims } = await welcomed(gates.proxied, LOGGED_IN);
    assert.deepEqual([subject, claims], ["alice", undefined]);
  });

  test("a session, told in headers", async () => {
    for (const status of [200, 202, 204]) {
      site.sets({ "Remote-User": `alice-${status}`, "Remote-Groups": "dev,ops" }, { status });
      assert.equal((await ask()).subject, `alice-${status}`);
    }
    site.sets({ "Remote-User": "carol", "Content-Type": "text/html" }, { body: "<html>" });
    assert.equal((await ask()).subject, "carol");
    site.sets({ "Remote-User": "dave", "Content-Type": "application/jsonx" }, { body: '{"sub":"mallory"}' });
    assert.equal((await ask()).subject, "dave");
  });

  test("a claim whose name no header can have is not lost in silence", async () => {
    const { namespaced } = gates;
    site.sets({ "Remote-User": "alice", "Remote-Email": "alice@example.com" });
    await refuses(namespaced, LOGGED_IN, { status: 503, code: "identity_unavailable" });
    await namespaced.eventually(({ event, reason }) => event === "identity_failed" && reason === "claim_name");
    site.says({ sub: "alice", "https://app.example/tier": "gold" });
    const { claims } = await welcomed(namespaced, LOGGED_IN);
    assert.deepEqual(claims, { "https://app.example/tier": "gold" });
  });

  test("a name in headers is UTF-8: of other bytes two names could become one", async () => {
    site.sets({ "Remote-User": Buffer.from("José").toString("latin1") });
    assert.equal((await ask()).subject, "José");
    // Node writes Latin-1, in which é and è are one byte each.
    for (const name of ["José", "Josè"]) {
      site.sets({ "Remote-User": name });
      await refuses(gates.plain, LOGGED_IN, { status: 503, code: "identity_unavailable" });
    }
  });

  test("AUTH_HEADER_PREFIX: headers of another family, and only those", async () => {
    const more = { "X-Auth-Request-Email": "erin@example.com", "Remote-User": "mallory" };
    site.sets({ "X-Auth-Request-User": "erin", ...more }, { status: 202 });
    const { subject, claims } = await welcomed(gates.proxied, LOGGED_IN);
    assert.deepEqual([subject, claims], ["erin", { email: "erin@example.com" }]);
    site.sets({ "Remote-User": "mallory" });
    await refuses(gates.proxied, LOGGED_IN, { status: 503, code: "identity_unavailable" });
  });

  test("every ticket asks anew", async () => {
    site.says({ sub: "frank" }, { headers: { "Cache-Control": "max-age=3600" } });
    site.forget();
    for (let count = 1; count <= 3; count += 1) {
      assert.ok(await ask());
      assert.equal(site.asked.length, count);
      // No cache in between answers either: the key of the platform's own has no cookie in it.
      assert.equal(site.asked.at(-1).headers["cache-control"], "no-cache");
    }
  });

  test("Cookie and Authorization are passed on as they came, and nothing else of the request", async () => {
    site.says({ sub: "alice" });
    site.forget();
    const spoofed = {
      "X-Forwarded-Method": "GET",
      "X-Forwarded-Proto": "gopher",
      "X-Forwarded-Host": "evil.example",
      "X-Forwarded-Uri": "/evil",
      "X-Original-URL": "http://evil.example/",
      "X-Original-Method": "GET",
      "Remote-User": "mallory",
      "Proxy-Authorization": "Basic bWFsbG9yeQ==",
    };
    const personal = {
      "User-Agent": "test/1.0",
      "Accept-Language": "nl",
      Referer: `${PAGE}/chat`,
      Accept: "text/html",
      "X-Api-Key": "k",
      "Sec-Fetch-Mode": "cors",
      "Accept-Encoding": "br",
      "Cf-Access-Jwt-Assertion": "a.b.c",
    };
    await gates.plain.issue({ room: "lobby" }, { ...LOGGED_IN, ...COOKIE, ...spoofed, ...personal });
    const [{ method, url, headers, body }] = site.asked;
    assert.deepEqual([site.asked.length, method, url, body], [1, "GET", "/auth", ""]);
    const { origin, host } = new URL(gates.plain.url);
    const expected = {
      accept: "application/json",
      authorization: LOGGED_IN.Authorization,
      cookie: COOKIE.Cookie,
      "x-forwarded-method": "POST",
      "x-forwarded-proto": "http",
      "x-forwarded-host": host,
      "x-forwarded-uri": "/ws-ticket",
      "x-original-url": `${origin}/ws-ticket`,
      "x-original-method": "POST",
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(headers[name], value, name);
    // And what the platform adds to a request that a Worker makes; the last two where its cache is not to answer.
    const known = [...Object.keys(expected), "x-forwarded-for", "host", "cf-worker", "cache-control", "pragma"];
    assert.deepEqual(
      Object.keys(headers).filter((name) => !known.includes(name)),
      [],
    );
    const sent = JSON.stringify(headers);
    for (const text of ["evil", "mallory", "nl", "test/1.0", "gopher"])
      assert.ok(!sent.includes(text), `${text} was passed on`);
  });

  test("one of the two is enough, and only that is passed on", async () => {
    site.says({ sub: "alice" });
    for (const headers of [LOGGED_IN, COOKIE, { Authorization: "Basic YWxpY2U6c2VjcmV0" }, { Authorization: "x" }]) {
      site.forget();
      await gates.plain.issue(undefined, headers);
      const [{ headers: passed }] = site.asked;
      assert.deepEqual([passed.authorization, passed.cookie], [headers.Authorization, headers.Cookie]);
    }
  });

  test("the gate's own cookie is none of the site's business", async () => {
    site.says({ sub: "alice" });
    const own = `__Host-ws-ticket=${"A".repeat(43)}`;
    const { Cookie, Origin } = COOKIE;
    for (const cookies of [`${own}; ${Cookie}`, `${Cookie}; ${own}`, Cookie.replace(";", `; ${own};`)]) {
      site.forget();
      await gates.plain.issue(undefined, { Cookie: cookies, Origin });
      assert.equal(site.asked[0].headers.cookie, Cookie, cookies);
    }
    // A program keeps that one, too, if its library keeps cookies: it is no login.
    site.forget();
    await gates.plain.issue(undefined, { Cookie: own, ...LOGGED_IN });
    assert.deepEqual(
      [site.asked[0].headers.cookie, site.asked[0].headers.authorization],
      [undefined, LOGGED_IN.Authorization],
    );
    site.forget();
    assertProblem(await gates.plain.post(undefined, { Cookie: own, Origin }), 401, "identity_missing");
    refused();
    assert.equal(site.asked.length, 0);
  });

  test("the address that is asked is the configured one, query included", async () => {
    site.forget();
    await gates.queried.issue(undefined, LOGGED_IN);
    assert.equal(site.asked[0].url, "/auth?site=chat&x=%20");
    assert.equal(site.asked[0].headers["x-forwarded-uri"], "/ws-ticket");
  });

  test("the client's address is passed on where the platform names it", async () => {
    site.forget();
    await gates.plain.issue(undefined, {
      ...LOGGED_IN,
      "CF-Connecting-IP": "203.0.113.7",
      "X-Forwarded-For": "1.2.3.4",
    });
    assert.equal(site.asked[0].headers["x-forwarded-for"], "203.0.113.7");
    assert.ok(!JSON.stringify(site.asked[0].headers).includes("1.2.3.4"));
  });

  test("401 and 403 are passed on, by our own words", async () => {
    for (const body of ["<html>log in, mallory</html>", '{"sub":"mallory"}']) {
      site.says(body, { status: 401, headers: { "WWW-Authenticate": "Basic realm=site", "Set-Cookie": "x=mallory" } });
      await refuses(gates.plain, LOGGED_IN, { reason: "session_refused" }, { never: ["mallory", "realm=site"] });
      site.says(body, { status: 403, headers: { "Remote-User": "mallory" } });
      const forbidden = { status: 403, code: "identity_forbidden", reason: "session_forbidden" };
      await refuses(gates.plain, COOKIE, forbidden, { never: ["mallory"] });
    }
  });

  test("without credentials nobody is asked", async () => {
    site.says({ sub: "alice" });
    site.forget();
    await refuses(gates.plain, {}, { code: "identity_missing" });
    await refuses(gates.plain, { Origin: PAGE, "Remote-User": "mallory" }, { code: "identity_missing" });
    const { detail } = assertProblem(await gates.plain.post(), 401, "identity_missing");
    assert.match(detail, /cookie/i);
    refused();
    assert.equal(site.asked.length, 0);
  });

  test("a ticket is no login: it is refused without asking anybody", async () => {
    site.forget();
    const { ticket } = await gates.plain.issue(undefined, LOGGED_IN);
    site.forget();
    for (const text of [ticket, strange("k"), strange("zz9"), "wst_k_short", "wst_"]) {
      for (const value of [`Bearer ${text}`, text, `Ticket ${text}`, `bearer ${text}`, `Basic ${text}`]) {
        await refuses(gates.plain, { Authorization: value }, { reason: "token_is_ticket" });
      }
      await refuses(gates.plain, { Authorization: `Bearer ${text}`, ...COOKIE }, { reason: "token_is_ticket" });
    }
    assert.equal(site.asked.length, 0);
    assert.equal(await gates.plain.opens(ticket), 101, "and it isn't burnt");
  });

  test("a cookie comes with an Origin, or it is refused before anything is asked", async () => {
    site.forget();
    const { Cookie } = COOKIE;
    for (const headers of [
      { Cookie },
      { Cookie, ...LOGGED_IN },
      { Cookie, Authorization: "Basic YWxpY2U6c2VjcmV0" },
      { Cookie, Authorization: "Negotiate YIIZqgYGKwYBBQUC" },
      { Cookie, Authorization: "Bearer" },
      { Cookie, ...LOGGED_IN, Origin: "https://evil.example" },
      { Cookie, Origin: "https://evil.example" },
      { Cookie, Origin: "null" },
    ]) {
      await refuses(gates.plain, headers, { status: 403, code: "origin_refused" });
    }
    assert.equal(site.asked.length, 0);
    assert.ok(await ask({ Cookie, Origin: new URL(gates.plain.url).origin }));
  });

  test("a program that brings a token may have cookies: no browser adds a token by itself", async () => {
    site.says({ sub: "alice" });
    for (const cookies of ["__cf_bm=recognisable-cookie-of-cloudflare", COOKIE.Cookie]) {
      for (const Authorization of ["Bearer a-token", "bearer a-token", "DPoP a-token", "Token a-token"]) {
        site.forget();
        await gates.plain.issue(undefined, { Authorization, Cookie: cookies });
        const [{ headers: passed }] = site.asked;
        assert.deepEqual([passed.authorization, passed.cookie], [Authorization, cookies]);
      }
    }
    const { detail } = assertProblem(await gates.plain.post(undefined, { Cookie: "a=b" }), 403, "origin_refused");
    assert.match(detail, /Cookie.*Origin.*program/);
    const page = assertProblem(
      await gates.plain.post(undefined, { Origin: "https://evil.example" }),
      403,
      "origin_refused",
    );
    assert.match(page.detail, /Pages of this origin/);
    refused(2);
  });

  test("pages of allowed origins may send their cookies", async () => {
    const preflight = { Origin: PAGE, "Access-Control-Request-Method": "POST" };
    for (const { status, headers } of [
      await gates.plain.request({ method: "OPTIONS", path: "/ws-ticket", headers: preflight }),
      await gates.plain.post(undefined, COOKIE),
    ]) {
      assert.ok([200, 204].includes(status));
      assert.equal(headers["access-control-allow-origin"], PAGE);
      assert.equal(headers["access-control-allow-credentials"], "true");
    }
  });
});
