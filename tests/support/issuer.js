// An issuer of tokens with a JWKS, as an identity provider is one: npm `jose` makes its keys and signs its tokens. What no
// honest issuer would sign is made here too, by the same means; `jwt.js` has the forgeries that need no key.
import { generateKeyPairSync, sign as signBytes } from "node:crypto";
import { CompactSign, exportJWK, exportSPKI, generateKeyPair } from "jose";
import { encode, inSeconds } from "./jwt.js";
import { WebServer } from "./web-server.js";

/** Every algorithm that a set of public keys can be for. `Ed25519` is another name of the last one. */
export const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA"],
];
export const AUDIENCE = "chat";

const bytes = (text) => new TextEncoder().encode(text);
let made = 0;

/** A key pair. Further members replace those of its JWK; `undefined` takes one away. */
export async function makeKey(alg, members = {}) {
  made += 1;
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: `${alg}-${made}`, alg, use: "sig", ...members };
  return { alg, kid: jwk.kid, jwk, privateKey, pem: await exportSPKI(publicKey) };
}

/** A secret as a key, for HS256, HS384 and HS512. */
export const secretKey = (secret, alg = "HS256") => ({ alg, privateKey: bytes(secret) });

/** An RSA key of fewer bits than jose would make or use. */
export function weakKey(modulusLength) {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength });
  const kid = `weak-${modulusLength}`;
  const jwk = { ...publicKey.export({ format: "jwk" }), kid, alg: "RS256", use: "sig" };
  const pem = publicKey.export({ format: "pem", type: "spki" });
  return { alg: "RS256", kid, jwk, pem, weak: privateKey };
}

/** A token. `header` goes over `{ alg, kid, typ }`; claims may be anything, also a text, which is signed as it is. */
export async function sign(key, claims, header = {}) {
  const all = clean({ alg: key.alg, kid: key.kid, typ: "JWT", ...header });
  const payload = typeof claims === "string" ? claims : JSON.stringify(claims);
  if (key.weak) {
    const signed = `${encode(all)}.${encode(payload)}`;
    return `${signed}.${signBytes("sha256", Buffer.from(signed), key.weak).toString("base64url")}`;
  }
  const options = all.crit && { crit: Object.fromEntries(all.crit.map((name) => [name, true])) };
  return new CompactSign(bytes(payload)).setProtectedHeader(all).sign(key.privateKey, options);
}

const clean = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/** An issuer that publishes these keys at `path`. */
export async function startIssuer(keys = [], path = "/jwks.json") {
  return new Issuer(keys, path).listen();
}

class Issuer extends WebServer {
  constructor(keys, path) {
    super(({ url }) => this.#published(url));
    Object.assign(this, { keys, path, headers: {}, beside: {}, written: (json) => json });
  }

  get jwksUrl() {
    return this.url + this.path;
  }

  /** How often the keys were asked for. */
  get fetches() {
    return this.asked.length;
  }

  /** The settings of a gate that trusts it. */
  vars(more = {}) {
    const jwks = { JWT_JWKS_URL: this.jwksUrl, JWT_ISSUER: this.url, JWT_AUDIENCE: AUDIENCE };
    return { ENVIRONMENT: "development", PAGE: "off", TICKET_STORE: "kv", IDENTITY: "jwt", ...jwks, ...more };
  }

  /** Claims for an hour; those given go over them. */
  claims(claims = {}) {
    return { iss: this.url, aud: AUDIENCE, sub: "alice", exp: inSeconds(3600), ...claims };
  }

  /** A good token, by the first key if no other is named. */
  token(claims, key = this.keys[0], header = {}) {
    return sign(key, this.claims(claims), header);
  }

  #published(url) {
    if (url !== this.path) return { status: 404, headers: {}, body: "" };
    const body = this.written(JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk), ...this.beside }));
    return { status: 200, headers: { "Content-Type": "application/jwk-set+json", ...this.headers }, body };
  }
}
