// Which key of a set verifies a token, and what happens when keys come and go.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { refuses, welcomed } from "./support/caller.js";
import { startGate, startGates } from "./support/harness.js";
import { ALGORITHMS, makeKey, sign, startIssuer, weakKey } from "./support/issuer.js";
import { bearer, inSeconds } from "./support/jwt.js";
import { refused, report } from "./support/refused.js";

report();

const SECONDS = 1000;
const UNKNOWN = { reason: "token_key_unknown" };

describe("which key of the set", () => {
  const ALL = { JWT_ALGORITHMS: ALGORITHMS.join(",") };
  const issuers = [];
  /** Sets of keys, by name: each has an issuer and a gate of its own. */
  const sets = {};
  before(async () => {
    const good = await makeKey("RS256");
    const members = [
      { use: "enc" },
      { use: "SIG" },
      { key_ops: ["sign"] },
      { key_ops: "verify" },
      { use: "sig", key_ops: ["encrypt"] },
      { alg: "RS512" },
      { alg: "PS256" },
      { alg: "RSA-OAEP" },
      { kty: "oct", k: "AAAA" },
      { kty: "rsa" },
      { n: undefined },
      { n: "!" },
      { e: undefined },
    ];
    sets.useless = await Promise.all(members.map((each) => makeKey("RS256", each)));
    sets.fitting = await Promise.all(
      [
        { use: undefined },
        { alg: undefined },
        { use: "", alg: "" },
        { key_ops: ["verify"] },
        { key_ops: ["sign", "verify"], use: undefined },
        // As .NET writes it, and others who write down what isn't there.
        { key_ops: [], x5c: [], oth: [] },
        { use: null, alg: null, key_ops: null, crv: null, x: null, y: null, d: null, x5t: null },
        { x5c: ["MIIDBTCCAe2gAwIBAgIQ"], x5t: "AAAA", issuer: "https://login.example/{tenantid}/v2.0", alg: undefined },
      ].map((each) => makeKey("RS256", each)),
    );
    const strange = [
      { kty: "oct", kid: "secret", k: "c2VjcmV0", alg: "HS256" },
      { kty: "EC", crv: "secp256k1", kid: "curve", x: "AA", y: "AA" },
      { kty: "EC", crv: "P-521", kid: "point", x: "AA", y: "AA" },
      { kty: "OKP", crv: "X25519", kid: "agreement", x: "AAAA" },
      { kty: "AKP", alg: "ML-DSA-44", kid: "later", pub: "AAAA" },
      { kid: "nothing" },
      {},
      { kty: "RSA", kid: 7, n: good.jwk.n, e: "AQAB" },
    ];
    sets.beside = [...strange.map((jwk) => ({ jwk })), good];
    sets.weak = [weakKey(1024), weakKey(2040), good];
    sets.curves = await Promise.all([makeKey("ES384"), makeKey("ES256")]);
    sets.single = await Promise.all(["RS256", "ES384", "EdDSA"].map((alg) => makeKey(alg)));
    // Keycloak has one beside it that encrypts.
    sets.single.push(await makeKey("RS256", { use: "enc", alg: "RSA-OAEP" }));
    sets.pairs = await Promise.all(["RS256", "RS256", "ES256"].map((alg) => makeKey(alg)));
    const [once] = sets.pairs;
    sets.twice = [once, { ...once, kid: "again", jwk: { ...once.jwk, kid: "again" } }];
    sets.written = await otherwise();
    sets.nameless = [await makeKey("RS256", { kid: undefined }), await makeKey("ES256", { kid: undefined })];
    sets.twins = [await makeKey("RS256", { kid: undefined }), await makeKey("RS256", { kid: undefined })];
    sets.most = [...Array.from({ length: 63 }, (_, n) => ({ jwk: { kty: "oct", k: "AA", kid: `k${n}` } })), good];
    const names = Object.keys(sets);
    for (const name of names) issuers.push(await startIssuer(sets[name]));
    // What JSON.stringify can't write, and others do.
    const unreadable = String.raw`{"keys":[{"kty":"oct","k":1e400,"x5t":"\ud800"},`;
    issuers[names.indexOf("beside")].written = (json) => `\u{feff}${json.replace('{"keys":[', unreadable)}`;
    const gates = await startGates(issuers.map((issuer) => ({ vars: issuer.vars(ALL), edge: true })));
    for (const [index, name] of names.entries()) sets[name] = { issuer: issuers[index], gate: gates[index] };
  });
  after(async () => {
    await sets.weak?.gate?.close();
    await Promise.all(issuers.map((issuer) => issuer.close()));
  });

  const admits = async ({ issuer, gate }, key, header) =>
    assert.ok(await welcomed(gate, bearer(await issuer.token({ sub: `${key.kid}` }, key, header))));
  const rejects = async ({ issuer, gate }, key, header, expected = UNKNOWN) =>
    refuses(gate, bearer(await issuer.token({}, key, header)), expected);

  test("a key that is for something else, or is none, verifies nothing", async () => {
    for (const key of sets.useless.issuer.keys) await rejects(sets.useless, key);
  });

  test("a key may leave out what it is for", async () => {
    for (const key of sets.fitting.issuer.keys) await admits(sets.fitting, key);
  });

  test("kinds of keys that are not known do no harm to those beside them", async () => {
    const good = sets.beside.issuer.keys.at(-1);
    await admits(sets.beside, good);
    for (const kid of ["secret", "curve", "point", "agreement", "later", "nothing"])
      await rejects(sets.beside, good, { kid });
  });

  test("RSA of fewer than 2048 bits is no key", async () => {
    const [short, nearly, good] = sets.weak.issuer.keys;
    await admits(sets.weak, good);
    for (const key of [short, nearly]) await rejects(sets.weak, key);
  });

  test("another curve is another kind", async () => {
    const [p384, p256] = sets.curves.issuer.keys;
    for (const key of [p256, p384]) await admits(sets.curves, key);
    for (const [key, other] of [
      [p256, p384],
      [p384, p256],
    ]) {
      const swapped = await sign(key, sets.curves.issuer.claims(), { kid: other.kid });
      await refuses(sets.curves.gate, bearer(swapped), UNKNOWN);
    }
  });

  test("a token without a kid matches the one key without a kid; one with a kid, none without", async () => {
    const [rsa, ec] = sets.nameless.issuer.keys;
    await admits(sets.nameless, rsa);
    await admits(sets.nameless, ec);
    await rejects(sets.nameless, rsa, { kid: "any" });
    for (const key of sets.twins.issuer.keys) await rejects(sets.twins, key);
  });

  test("a token without a kid is verified by the only key that fits, and refused where several do", async () => {
    const nameless = { kid: undefined };
    const [rsa, es384, ed, encrypts] = sets.single.issuer.keys;
    for (const key of [rsa, es384, ed]) {
      await admits(sets.single, key, nameless);
      await admits(sets.single, key, { kid: null });
    }
    await admits(sets.weak, sets.weak.issuer.keys[2], nameless);
    // By the one that fits, and by no other.
    const forged = { reason: "token_signature" };
    await rejects(sets.single, encrypts, nameless, forged);
    await rejects(sets.single, { ...(await makeKey("RS256")), kid: undefined }, nameless, forged);
    await rejects(sets.single, rsa, { kid: "another" });
    const [one, two, alone] = sets.pairs.issuer.keys;
    for (const key of [one, two]) await rejects(sets.pairs, key, nameless);
    await admits(sets.pairs, alone, nameless);
  });

  test("a key that is in the set twice is one", async () => {
    const [once, again] = sets.twice.issuer.keys;
    for (const header of [{ kid: undefined }, { kid: once.kid }, { kid: again.kid }])
      await admits(sets.twice, once, header);
  });

  test("numbers with padding, in the other alphabet, with zeros too many or too few", async () => {
    for (const key of sets.written.issuer.keys) await admits(sets.written, key);
  });

  test("64 keys are a set", async () => {
    await admits(sets.most, sets.most.issuer.keys.at(-1));
  });
});

/** Keys whose numbers are written as no standard has it, and as they are found all the same. */
async function otherwise() {
  const rewritten = async (alg, rewrite, members = ["n", "e", "x", "y"]) => {
    const key = await makeKey(alg);
    const written = members.filter((name) => key.jwk[name]);
    const numbers = written.map((name) => [name, rewrite(Buffer.from(key.jwk[name], "base64url"))]);
    return { ...key, jwk: { ...key.jwk, ...Object.fromEntries(numbers) } };
  };
  const standard = (bytes) => bytes.toString("base64");
  const padded = (bytes) => standard(bytes).replaceAll("+", "-").replaceAll("/", "_");
  const signed = (bytes) => Buffer.concat([Buffer.alloc(1), bytes]).toString("base64url");
  const kinds = ["RS256", "ES256", "ES384", "ES512", "EdDSA"];
  const keys = kinds.flatMap((alg) => [rewritten(alg, standard), rewritten(alg, padded)]);
  keys.push(...kinds.slice(0, -1).map((alg) => rewritten(alg, signed)));
  // On P-521 every other number begins with a zero, which some leave out.
  const short = (bytes) => bytes.subarray(bytes.findIndex((byte) => byte !== 0)).toString("base64url");
  keys.push(...Array.from({ length: 4 }, () => rewritten("ES512", short)));
  return Promise.all(keys);
}

describe("keys that come and go", () => {
  let issuer;
  let gate;
  let clock;
  let old;
  before(async () => {
    old = await makeKey("RS256");
    issuer = await startIssuer([old]);
    issuer.headers = { "Cache-Control": "max-age=600" };
    gate = await startGate({ vars: issuer.vars(), edge: true });
    clock = inSeconds(0) * SECONDS;
  });
  after(async () => {
    await gate?.close();
    await issuer?.close();
  });

  const at = async (seconds) => {
    clock += seconds * SECONDS;
    await gate.edge({ clock });
    issuer.forget();
  };
  const post = async (key, header) =>
    gate.post(
      undefined,
      bearer(await issuer.token({ sub: `user-${key.kid}`, exp: clock / SECONDS + 7200 }, key, header)),
    );
  const unknown = (key, header) => post(key, { kid: `nobody-${Math.random()}`, ...header });

  test("one fetch serves all", async () => {
    await at(0);
    for (let count = 0; count < 5; count += 1) assert.equal((await post(old)).status, 200);
    assert.equal(issuer.fetches, 1);
    assert.deepEqual([issuer.asked[0].method, issuer.asked[0].url], ["GET", "/jwks.json"]);
    assert.equal(issuer.asked[0].headers.authorization, undefined);
    assert.equal(issuer.asked[0].headers.cookie, undefined);
  });

  test("a new key works at once, and the old one as long as it is in the set", async () => {
    await at(60);
    const next = await makeKey("RS256");
    issuer.keys = [next, old];
    assert.equal((await post(next)).status, 200);
    assert.equal(issuer.fetches, 1);
    for (const key of [old, next]) assert.equal((await post(key)).status, 200);
    assert.equal(issuer.fetches, 1);
    issuer.keys = [next];
    await at(300);
    assert.equal((await post(old)).status, 200, "still fresh");
    assert.equal(issuer.fetches, 0);
    await at(301);
    // Nobody waits for newer keys; those that are gone verify nothing from then on.
    assert.equal((await post(old)).status, 200, "no longer fresh, and used once more");
    await gate.quiet();
    assert.equal(issuer.fetches, 1, "the set was not asked for again");
    const headers = bearer(await issuer.token({ exp: clock / SECONDS + 7200 }, old));
    await refuses(gate, headers, UNKNOWN, { clock });
    assert.equal((await post(next)).status, 200);
    old = next;
  });

  test("unknown kids cost the issuer one fetch in 30 seconds, however many come", async () => {
    await at(60);
    for (const { status, json } of await Promise.all(Array.from({ length: 40 }, () => unknown(old)))) {
      assert.deepEqual([status, json.code], [401, "identity_refused"]);
      refused();
    }
    assert.equal(issuer.fetches, 1, "a burst");
    for (let count = 0; count < 10; count += 1) assert.equal((await unknown(old)).status, 401);
    assert.equal(issuer.fetches, 1, "one after another");
    await at(29.999);
    assert.equal((await unknown(old)).status, 401);
    assert.equal(issuer.fetches, 0, "a millisecond too early");
    await at(0.001);
    assert.equal((await unknown(old)).status, 401);
    assert.equal(issuer.fetches, 1, "30 seconds later");
    assert.equal((await post(old)).status, 200, "those who are known are served all the while");
  });

  test("everybody who comes with a new key in the same moment is let in", async () => {
    await at(60);
    const next = await makeKey("RS256");
    issuer.keys = [next, old];
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(next)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map(() => 200),
    );
  });
});
