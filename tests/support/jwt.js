// Mints tokens as an app's login would, and as an attacker would.
import { createHmac } from "node:crypto";

/** 32 bytes: the shortest secret that is allowed. */
export const SECRET = "an-app-secret-of-thirty-two-byte";

const HASHES = { HS256: "sha256", HS384: "sha384", HS512: "sha512" };

/** Now in whole seconds, moved by `seconds`. */
export function inSeconds(seconds) {
  return Math.floor(Date.now() / 1000) + seconds;
}

/** A signed token. `header` and `signWith` are for forgeries. */
export function mint(claims, { secret = SECRET, header = {}, signWith = "HS256" } = {}) {
  const signed = `${encode({ alg: "HS256", typ: "JWT", ...header })}.${encode(claims)}`;
  return `${signed}.${createHmac(HASHES[signWith], secret).update(signed).digest("base64url")}`;
}

/** A good token for `sub`, an hour long. */
export function good(sub = "alice", claims = {}) {
  return mint({ sub, exp: inSeconds(3600), ...claims });
}

export function encode(value) {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

export const bearer = (token) => ({ Authorization: `Bearer ${token}` });
