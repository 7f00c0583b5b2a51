// Tokens that an attacker makes, who knows everything but a private key: each is refused, and no address that a token names is
// ever asked for anything.
import assert from "node:assert/strict";
import { createHmac, createPublicKey, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { UnsecuredJWT } from "jose";
import { refuses, welcomed } from "./support/caller.js";
import { startGates } from "./support/harness.js";
import { ALGORITHMS, AUDIENCE, makeKey, sign, startIssuer } from "./support/issuer.js";
import { bearer, encode, inSeconds, mint } from "./support/jwt.js";
import { refused, report } from "./support/refused.js";

report();

const CLAIMS = { iss: "https://login.example", aud: AUDIENCE, sub: "recognisable-mallory", exp: inSeconds(3600) };
/** Whose public halves the gate with public keys has: one of each kind. */
const HELD = ["RS256", "ES256", "ES512", "EdDSA"];
const signature = Buffer.from(randomBytes(256)).toString("base64url");

describe("forgeries", () => {
  let issuer;
  let attacker;
  let keys;
  let gates;
  before(async () => {
    keys = Object.fromEntries(await Promise.all(ALGORITHMS.map(async (alg) => [alg, await makeKey(alg)])));
    keys.attacker = await makeKey("RS256");
    issuer = await startIssuer(ALGORITHMS.map((alg) => keys[alg]));
    attacker = await startIssuer([keys.attacker]);
    const named = { JWT_ISSUER: CLAIMS.iss, JWT_AUDIENCE: AUDIENCE };
    const pems = HELD.map((alg) => keys[alg].pem).join("");
    const [jwks, pem] = await startGates([
      { vars: issuer.vars({ ...named, JWT_ALGORITHMS: ALGORITHMS.join(",") }), edge: true },
      { vars: { ...named, TICKET_STORE: "kv", JWT_PUBLIC_KEY: pems }, edge: true },
    ]);
    gates = { "a set of keys": jwks, "public keys": pem };
  });
  after(async () => {
    await Object.values(gates ?? {})[0]?.close();
    await Promise.all([issuer?.close(), attacker?.close()]);
  });

  /** Refused by both gates, with the reasons allowed to differ where the two look at different things first. */
  async function everywhere(token, reason, reasonOfPublicKeys = reason) {
    const reasons = { "a set of keys": reason, "public keys": reasonOfPublicKeys };
    for (const [name, gate] of Object.entries(gates)) {
      await refuses(gate, bearer(token), { reason: reasons[name] }, { never: ["recognisable-mallory"] });
    }
  }

  test("what an honest issuer signs is good everywhere: the forgeries fail for what is forged in them", async () => {
    for (const gate of Object.values(gates)) {
      for (const alg of HELD) {
        const token = await sign(keys[alg], { ...CLAIMS, sub: `honest-${alg}` });
        assert.equal((await welcomed(gate, bearer(token))).subject, `honest-${alg}`);
      }
    }
  });

  test("alg none, in every spelling, with a signature and without", async () => {
    const none = new UnsecuredJWT(CLAIMS).encode();
    await everywhere(none, "token_algorithm");
    const good = (await sign(keys.RS256, CLAIMS)).split(".");
    for (const alg of ["none", "None", "NONE", "nOnE", "", "null", "HS1", "rs256", "RS256 ", "RS1"]) {
      const header = encode({ alg, kid: keys.RS256.kid, typ: "JWT" });
      for (const tail of ["", good[2], signature]) await everywhere(`${header}.${good[1]}.${tail}`, "token_algorithm");
    }
  });

  test("an alg that is no text", async () => {
    for (const alg of [null, 7, ["RS256"], { name: "RS256" }, true]) {
      await everywhere(`${encode({ alg, kid: keys.RS256.kid })}.${encode(CLAIMS)}.${signature}`, "token_malformed");
    }
    await everywhere(`${encode({ kid: keys.RS256.kid })}.${encode(CLAIMS)}.${signature}`, "token_malformed");
  });

  test("an HMAC with what everybody knows as its secret", async () => {
    const { jwk, pem } = keys.RS256;
    const der = createPublicKey(pem).export({ format: "der", type: "spki" });
    const document = JSON.stringify({ keys: issuer.keys.map((key) => key.jwk) });
    const texts = [pem, pem.trimEnd(), pem.replaceAll("\n", "\\n"), der, der.toString("base64"), JSON.stringify(jwk)];
    const more = [document, jwk.n, Buffer.from(jwk.n, "base64url"), jwk.kid, issuer.jwksUrl, "", "null", "undefined"];
    for (const secret of [...texts, ...more]) {
      for (const signWith of ["HS256", "HS384", "HS512"]) {
        await everywhere(
          mint(CLAIMS, { secret, signWith, header: { alg: signWith, kid: jwk.kid } }),
          "token_algorithm",
        );
      }
      await everywhere(mint(CLAIMS, { secret, header: { alg: "RS256", kid: jwk.kid } }), "token_signature");
    }
  });

  test("a key that the token brings along, or an address to fetch one from", async () => {
    const own = keys.attacker;
    const certificate = [encode("a certificate"), encode("of another")];
    const address = attacker.jwksUrl;
    const brought = [
      { jwk: own.jwk },
      { jwk: own.jwk, jku: address },
      { jku: address },
      { x5u: address },
      { x5c: certificate, x5t: "AAAA", "x5t#S256": "AAAA" },
      { jwk: own.jwk, x5c: certificate, jku: address, x5u: address },
    ];
    for (const header of brought) {
      await everywhere(await sign(own, CLAIMS, header), "token_key_unknown", "token_signature");
      await everywhere(await sign(own, CLAIMS, { ...header, kid: keys.RS256.kid }), "token_signature");
      await everywhere(await sign(own, CLAIMS, { ...header, kid: address }), "token_key_unknown", "token_signature");
    }
    assert.equal(attacker.fetches, 0, "an address that stood in a token was asked");
    assert.ok(issuer.asked.every(({ url, method }) => url === issuer.path && method === "GET"));
  });

  test("a kid that is anything else than the name of a key", async () => {
    const strange = [
      "",
      " ",
      "../../../dev/null",
      "' OR 1=1 --",
      "*",
      `${keys.RS256.kid} `,
      keys.RS256.kid.toLowerCase(),
    ];
    for (const kid of [...strange, "k".repeat(4000), "__proto__", "\u0000", "键"]) {
      await everywhere(await sign(keys.attacker, CLAIMS, { kid }), "token_key_unknown", "token_signature");
    }
    for (const kid of [7, [keys.RS256.kid], {}, true]) {
      const header = encode({ alg: "RS256", kid });
      await everywhere(`${header}.${encode(CLAIMS)}.${signature}`, "token_malformed");
    }
  });

  test("the right kid for the wrong kind of key", async () => {
    for (const alg of ALGORITHMS.filter((name) => name !== "RS256")) {
      const token = await sign(keys[alg], CLAIMS, { kid: keys.RS256.kid });
      await refuses(gates["a set of keys"], bearer(token), { reason: "token_key_unknown" });
    }
  });

  test("a signature that is none of the key's", async () => {
    for (const alg of HELD) {
      const [header, payload, good] = (await sign(keys[alg], CLAIMS)).split(".");
      const bytes = Buffer.from(good, "base64url");
      const flipped = Buffer.from(bytes);
      flipped[0] ^= 1;
      const changed = encode({ ...CLAIMS, sub: "recognisable-mallory-2" });
      const others = [Buffer.alloc(bytes.length), flipped, bytes.subarray(1), Buffer.concat([bytes, Buffer.alloc(1)])];
      const longer = [
        Buffer.alloc(0),
        Buffer.concat([bytes, bytes]),
        Buffer.alloc(bytes.length, 0xff),
        randomBytes(64),
      ];
      for (const bad of [...others, ...longer]) {
        await everywhere(`${header}.${payload}.${bad.toString("base64url")}`, "token_signature");
      }
      await everywhere(`${header}.${changed}.${good}`, "token_signature");
      await everywhere(
        `${encode({ alg, kid: keys[alg].kid, typ: "JWT", x: 1 })}.${payload}.${good}`,
        "token_signature",
      );
    }
  });

  test("an ECDSA signature in DER, and one of zeros (CVE-2022-21449)", async () => {
    const [header, payload, good] = (await sign(keys.ES256, CLAIMS)).split(".");
    const raw = Buffer.from(good, "base64url");
    const integer = (part) => Buffer.concat([Buffer.from([2, 33, 0]), part]);
    const pair = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
    const der = Buffer.concat([Buffer.from([0x30, pair.length]), pair]);
    for (const bad of [der, Buffer.alloc(64), Buffer.alloc(70)]) {
      await everywhere(`${header}.${payload}.${bad.toString("base64url")}`, "token_signature");
    }
  });

  test("an extension that the issuer calls critical", async () => {
    for (const header of [
      { crit: ["exp"], exp: 1 },
      { crit: ["http://openid.net/x"], "http://openid.net/x": true },
    ]) {
      await everywhere(await sign(keys.RS256, CLAIMS, header), "token_critical_extension");
    }
    const payload = JSON.stringify(CLAIMS);
    const header = encode({ alg: "RS256", kid: keys.RS256.kid, crit: ["b64"], b64: false });
    await everywhere(`${header}.${encode(payload)}.${signature}`, "token_critical_extension");
  });

  test("parts that are not what they should be", async () => {
    const [header, payload, good] = (await sign(keys.RS256, CLAIMS)).split(".");
    const tokens = [
      `${header}.${payload}`,
      `${header}.${payload}.${good}.${good}`,
      `.${payload}.${good}`,
      `${header}..${good}`,
      `${header}=.${payload}.${good}`,
      `${header}.${payload}.${good}==`,
      `${header}.${payload}.${good.slice(0, -1)}!`,
      `${header}.${payload}.+${good.slice(1)}`,
      `${encode("[]")}.${payload}.${good}`,
      `${encode("{")}.${payload}.${good}`,
      `${encode(`{"alg":"HS256","alg":"RS256","kid":"${keys.RS256.kid}"}`)}.${payload}.${good}`,
      `${Buffer.from([0xff, 0xfe]).toString("base64url")}.${payload}.${good}`,
      JSON.stringify({ protected: header, payload, signature: good }),
    ];
    for (const token of tokens) await everywhere(token, "token_malformed");
  });

  test("claims that are no object, though they are signed", async () => {
    for (const claims of ["[]", '"alice"', "null", "7", "", "{", '{"sub":"a","exp":1e999}', "\u0000"]) {
      await everywhere(await sign(keys.RS256, claims), "token_malformed");
    }
  });

  test("an encrypted token, and one in another place than the header", async () => {
    const five = Array.from({ length: 5 }, () => randomBytes(24).toString("base64url"));
    await everywhere(five.join("."), "token_malformed");
    const token = await sign(keys.RS256, CLAIMS);
    const mac = createHmac("sha256", "x").update(token).digest("base64url");
    const elsewhere = [{ "X-Authorization": token }, { "Proxy-Authorization": `Bearer ${token}` }, { "X-Mac": mac }];
    for (const gate of Object.values(gates)) {
      for (const headers of elsewhere) await refuses(gate, headers, { code: "identity_missing" });
      for (const path of [`/ws-ticket?access_token=${token}`, `/ws-ticket?token=${token}`]) {
        assert.equal((await gate.request({ method: "POST", path })).status, 401);
        refused();
      }
    }
  });

  test("a token is 16 KiB at most", async () => {
    for (const gate of Object.values(gates)) {
      const longest = await sized(16_384, { ...CLAIMS, sub: "patient" });
      assert.equal((await welcomed(gate, bearer(longest))).subject, "patient");
      await refuses(gate, bearer(await sized(16_385, CLAIMS)), { reason: "token_too_long" });
      await refuses(gate, bearer("x".repeat(16_385)), { reason: "token_too_long" });
    }
  });

  /** A good token of exactly so many characters. */
  async function sized(length, claims) {
    for (let pad = 11_500; pad < 12_500; pad += 1) {
      // A part of base64url has any length but one character more than a multiple of four; the header makes up for it.
      for (const x of ["", "x", "xx"]) {
        const size = (text) => encode(text).length;
        const total =
          size({ alg: "RS256", kid: keys.RS256.kid, typ: "JWT", x }) + size({ ...claims, pad: "p".repeat(pad) });
        if (total + 2 + 342 === length) return sign(keys.RS256, { ...claims, pad: "p".repeat(pad) }, { x });
      }
    }
    throw new Error(`no token of ${length} characters`);
  }
});
