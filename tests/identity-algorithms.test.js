// Every algorithm a token may be signed with, from every source of keys: who signs right gets a ticket, and a key of one
// algorithm is of no use for another.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { refuses, welcomed } from "./support/caller.js";
import { startGates } from "./support/harness.js";
import { ALGORITHMS, AUDIENCE, makeKey, secretKey, sign, startIssuer } from "./support/issuer.js";
import { bearer, inSeconds, SECRET } from "./support/jwt.js";
import { report } from "./support/refused.js";

report();

const LONG = randomBytes(48).toString("base64url");
const HEX = randomBytes(48).toString("hex");
const LONG_BEFORE = randomBytes(48).toString("base64url");
const HMACS = ["HS256", "HS384", "HS512"];
const RSA = ALGORITHMS.filter((alg) => /^[RP]S/.test(alg));
/** What a key is for when neither it nor a setting says: an algorithm for each kind of key. */
const USUAL = ["RS256", "ES256", "ES384", "ES512", "EdDSA"];
const KV = { TICKET_STORE: "kv" };
const claims = (sub) => ({ sub, exp: inSeconds(3600), iss: "https://login.example", aud: AUDIENCE });
let people = 0;

const made = new Map();
/** A key for each algorithm, made once. */
async function keyFor(alg) {
  if (!made.has(alg)) made.set(alg, makeKey(alg));
  return made.get(alg);
}
const keyForEach = async (names) =>
  Object.fromEntries(await Promise.all(names.map(async (alg) => [alg, await keyFor(alg)])));

/** Asserts that this key's token gets its subject a ticket. */
async function admits(gate, key, header) {
  people += 1;
  const sub = `user-${people}`;
  assert.equal((await welcomed(gate, bearer(await sign(key, claims(sub), header)))).subject, sub);
}

async function rejects(gate, key, reason, header) {
  await refuses(gate, bearer(await sign(key, claims("mallory"), header)), { reason }, { never: ["mallory"] });
}

describe("secrets", () => {
  const GATES = {
    plain: { JWT_SECRET: SECRET },
    previous: { JWT_SECRET: SECRET, JWT_SECRET_PREVIOUS: LONG },
    all: { JWT_SECRET: LONG, JWT_SECRET_PREVIOUS: LONG_BEFORE, JWT_ALGORITHMS: "HS256,HS384,HS512" },
    decoded: { JWT_SECRET: `base64:${LONG}`, JWT_SECRET_PREVIOUS: `hex:${HEX}`, JWT_ALGORITHMS: "HS256,HS384" },
    literal: { JWT_SECRET: `text:base64:${LONG}` },
    ...Object.fromEntries(HMACS.map((alg) => [alg, { JWT_SECRET: LONG, JWT_ALGORITHMS: alg }])),
  };
  let gates;
  before(async () => {
    const list = await startGates(Object.values(GATES).map((vars) => ({ vars: { ...KV, ...vars }, edge: true })));
    gates = Object.fromEntries(Object.keys(GATES).map((name, index) => [name, list[index]]));
  });
  after(() => gates?.plain.close());

  test("without JWT_ALGORITHMS a secret is for HS256 alone", async () => {
    await admits(gates.plain, secretKey(SECRET));
    await rejects(gates.plain, secretKey(SECRET, "HS384"), "token_algorithm");
    await rejects(gates.plain, secretKey(SECRET, "HS512"), "token_algorithm");
  });

  test("the previous secret verifies as the present one does", async () => {
    for (const secret of [SECRET, LONG]) await admits(gates.previous, secretKey(secret));
    await rejects(gates.previous, secretKey(LONG_BEFORE), "token_signature");
  });

  test("a secret that is written in base64 or hexadecimal stands for its bytes", async () => {
    const bytes = (text, encoding) => ({ alg: "HS256", privateKey: Buffer.from(text, encoding) });
    for (const key of [bytes(LONG, "base64"), bytes(HEX, "hex")]) {
      for (const alg of ["HS256", "HS384"]) await admits(gates.decoded, { ...key, alg });
    }
    for (const text of [LONG, `base64:${LONG}`, HEX, `hex:${HEX}`]) {
      await rejects(gates.decoded, secretKey(text), "token_signature");
    }
    await admits(gates.literal, secretKey(`base64:${LONG}`));
    for (const key of [secretKey(LONG), bytes(LONG, "base64"), secretKey(`text:base64:${LONG}`)]) {
      await rejects(gates.literal, key, "token_signature");
    }
  });

  for (const alg of HMACS) {
    test(`${alg}: by either secret, and by no third`, async () => {
      for (const secret of [LONG, LONG_BEFORE]) await admits(gates.all, secretKey(secret, alg));
      await rejects(gates.all, secretKey(randomBytes(64).toString("base64url"), alg), "token_signature");
    });

    test(`${alg}: the whole of a signature, and no byte more`, async () => {
      const [header, payload, signature] = (await sign(secretKey(LONG, alg), claims("mallory"))).split(".");
      const bytes = Buffer.from(signature, "base64url");
      const flipped = Buffer.from(bytes);
      flipped[bytes.length - 1] ^= 1;
      const shorter = [0, 1, 16, bytes.length / 2, bytes.length - 1].map((length) => bytes.subarray(0, length));
      for (const bad of [...shorter, flipped, Buffer.concat([bytes, Buffer.alloc(1)])]) {
        const token = `${header}.${payload}.${bad.toString("base64url")}`;
        await refuses(gates.all, bearer(token), { reason: "token_signature" }, { never: ["mallory"] });
      }
    });

    test(`${alg} alone refuses its relatives`, async () => {
      await admits(gates[alg], secretKey(LONG, alg));
      for (const other of HMACS.filter((name) => name !== alg)) {
        await rejects(gates[alg], secretKey(LONG, other), "token_algorithm");
      }
      for (const other of ALGORITHMS) await rejects(gates[alg], await keyFor(other), "token_algorithm");
    });
  }
});

describe("a set of public keys", () => {
  let issuer;
  let gates;
  let keys;
  before(async () => {
    keys = await keyForEach(ALGORITHMS);
    keys.open = await makeKey("RS256", { alg: undefined, use: undefined });
    keys.Ed25519 = await makeKey("Ed25519");
    issuer = await startIssuer(Object.values(keys));
    const choices = [undefined, ...ALGORITHMS, "Ed25519", ALGORITHMS.join(",")];
    const vars = (JWT_ALGORITHMS) => issuer.vars({ JWT_ISSUER: "https://login.example", JWT_ALGORITHMS });
    const list = await startGates(choices.map((choice) => ({ vars: vars(choice), edge: true })));
    gates = Object.fromEntries(["plain", ...ALGORITHMS, "Ed25519", "all"].map((name, index) => [name, list[index]]));
  });
  after(async () => {
    await gates?.plain.close();
    await issuer?.close();
  });

  test("without JWT_ALGORITHMS it is for RS256 alone", async () => {
    await admits(gates.plain, keys.RS256);
    for (const alg of ALGORITHMS.slice(1)) await rejects(gates.plain, keys[alg], "token_algorithm");
  });

  for (const alg of ALGORITHMS) {
    test(`${alg}: alone and beside the others`, async () => {
      await admits(gates[alg], keys[alg]);
      await admits(gates.all, keys[alg]);
      for (const other of ALGORITHMS.filter((name) => name !== alg)) {
        await rejects(gates[alg], keys[other], "token_algorithm");
      }
      for (const hmac of HMACS) await rejects(gates.all, secretKey(LONG, hmac), "token_algorithm");
    });
  }

  test("an RSA key that names no algorithm verifies all of RSA's; one that names one, only that", async () => {
    for (const alg of RSA) {
      await admits(gates.all, await signsWith(keys.open, alg));
      if (alg !== "RS256") await rejects(gates.all, await signsWith(keys.RS256, alg), "token_key_unknown");
      if (alg !== "PS384") await rejects(gates.all, await signsWith(keys.PS384, alg), "token_key_unknown");
    }
  });

  test("EdDSA and Ed25519 are two names of one algorithm, in key, token and setting (RFC 9864)", async () => {
    for (const gate of [gates.EdDSA, gates.Ed25519, gates.all]) {
      for (const key of [keys.EdDSA, keys.Ed25519]) {
        for (const alg of ["EdDSA", "Ed25519"]) await admits(gate, { ...key, alg });
      }
    }
  });
});

describe("public keys", () => {
  let gates;
  let keys;
  const written = {
    several: ({ RS256, ES512, EdDSA, second }) => [RS256, ES512, EdDSA, second].map(({ pem }) => pem).join(""),
    escaped: ({ RS256, ES256 }) => `${RS256.pem}${ES256.pem}`.replaceAll("\n", "\\n"),
    carriageReturns: ({ ES256 }) => ES256.pem.replaceAll("\n", "\r\n"),
    spaced: ({ ES256, EdDSA }) => `\n${ES256.pem}\n\n${EdDSA.pem.trimEnd()}`,
    pss: ({ RS256 }) => RS256.pem,
    both: ({ RS256 }) => RS256.pem,
    all: ({ RS256 }) => RS256.pem,
    ed: ({ EdDSA }) => EdDSA.pem,
  };
  const algorithms = { pss: "PS256", both: "RS256,PS256", all: RSA.join(","), ed: "Ed25519" };
  before(async () => {
    keys = { ...(await keyForEach(ALGORITHMS)), second: await makeKey("RS256") };
    const plain = Object.fromEntries(USUAL.map((alg) => [alg, () => keys[alg].pem]));
    const all = Object.entries({ ...plain, ...written });
    const vars = (name, pem) => ({ ...KV, JWT_PUBLIC_KEY: pem(keys), JWT_ALGORITHMS: algorithms[name] });
    const list = await startGates(all.map(([name, pem]) => ({ vars: vars(name, pem), edge: true })));
    gates = Object.fromEntries(all.map(([name], index) => [name, list[index]]));
  });
  after(() => gates?.RS256.close());

  for (const alg of USUAL) {
    test(`the kind of the key says ${alg}, whatever the token calls its key`, async () => {
      await admits(gates[alg], keys[alg]);
      await admits(gates[alg], keys[alg], { kid: undefined });
      await admits(gates[alg], keys[alg], { kid: "another" });
      await rejects(gates[alg], await makeKey(alg), "token_signature");
      for (const other of ALGORITHMS.filter((name) => name !== alg)) {
        await rejects(gates[alg], keys[other], "token_algorithm");
      }
    });
  }

  test("RSA keys are for PS256 where that is asked for", async () => {
    await admits(gates.pss, await signsWith(keys.RS256, "PS256"));
    await rejects(gates.pss, keys.RS256, "token_algorithm");
    for (const alg of ["RS256", "PS256"]) await admits(gates.both, await signsWith(keys.RS256, alg));
    for (const alg of RSA) await admits(gates.all, await signsWith(keys.RS256, alg));
  });

  test("an Ed25519 key by both names of its algorithm", async () => {
    for (const gate of [gates.EdDSA, gates.ed]) {
      for (const alg of ["EdDSA", "Ed25519"]) await admits(gate, { ...keys.EdDSA, alg });
    }
  });

  test("several keys: any of them verifies, and no other", async () => {
    for (const name of ["RS256", "ES512", "EdDSA", "second"]) await admits(gates.several, keys[name]);
    await rejects(gates.several, await makeKey("RS256"), "token_signature");
    await rejects(gates.several, await makeKey("ES512"), "token_signature");
    await rejects(gates.several, await signsWith(keys.RS256, "PS256"), "token_algorithm");
  });

  test("line breaks may be written as \\n, may be CRLF, and may be around the blocks", async () => {
    for (const alg of ["RS256", "ES256"]) await admits(gates.escaped, keys[alg]);
    await admits(gates.carriageReturns, keys.ES256);
    for (const alg of ["ES256", "EdDSA"]) await admits(gates.spaced, keys[alg]);
  });
});

/** The same RSA key, used for another algorithm than it was made for. */
async function signsWith({ privateKey, kid }, alg) {
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", privateKey);
  const [name, hash] = [alg.startsWith("P") ? "RSA-PSS" : "RSASSA-PKCS1-v1_5", `SHA-${alg.slice(2)}`];
  return {
    alg,
    kid,
    privateKey: await crypto.subtle.importKey("pkcs8", pkcs8, { name, hash }, false, ["sign"]),
  };
}
