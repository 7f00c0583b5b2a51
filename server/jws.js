// Signed tokens, taken apart strictly and verified by WebCrypto. The algorithm follows from the key, never from the token.

/** By the kind of key: how it is imported, and how it verifies (RFC 7518 §3, RFC 8037 §3.1). */
const KINDS = {
  HS256: { import: { name: "HMAC", hash: "SHA-256" }, verify: { name: "HMAC" } },
  ES256: { import: { name: "ECDSA", namedCurve: "P-256" }, verify: { name: "ECDSA", hash: "SHA-256" } },
  EdDSA: { import: { name: "Ed25519" }, verify: { name: "Ed25519" } },
};
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Base64url without padding, as it is written in one way only; `undefined` for anything else. */
function bytesOf(text) {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const again = btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return again === text ? Uint8Array.from(binary, (character) => character.charCodeAt(0)) : undefined;
}

function objectOf(text) {
  try {
    const value = JSON.parse(decoder.decode(bytesOf(text)));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `{ header, message, payload, signature }`; `undefined` for what is no token. The payload is nobody's word before `isSigned`. */
export function parse(text) {
  const parts = text.split(".");
  if (parts.length !== 3) return undefined;
  const header = objectOf(parts[0]);
  const payload = objectOf(parts[1]);
  const signature = bytesOf(parts[2]);
  if (!header || !payload || !signature) return undefined;
  return { header, payload, signature, message: encoder.encode(`${parts[0]}.${parts[1]}`) };
}

/** A key of a shared secret. */
export async function secretKey(secret) {
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), KINDS.HS256.import, false, ["verify"]);
  return { algorithm: "HS256", key };
}

/** A key of a JWK, where it is one of a kind that assertions are signed with; else `undefined`. */
export async function publicKey(jwk) {
  const is = (kty, crv) => jwk?.kty === kty && jwk.crv === crv;
  const algorithm = is("EC", "P-256") ? "ES256" : is("OKP", "Ed25519") ? "EdDSA" : undefined;
  if (algorithm === undefined || (jwk.use ?? "sig") !== "sig" || (jwk.alg ?? algorithm) !== algorithm) return undefined;
  const { kty, crv, x, y } = jwk;
  const bare = y === undefined ? { kty, crv, x } : { kty, crv, x, y };
  try {
    const key = await crypto.subtle.importKey("jwk", bare, KINDS[algorithm].import, false, ["verify"]);
    return { algorithm, key, kid: jwk.kid };
  } catch {
    return undefined;
  }
}

/** Whether the token is signed with this key. */
export async function isSigned({ header, message, signature }, { algorithm, key }) {
  return header.alg === algorithm && (await crypto.subtle.verify(KINDS[algorithm].verify, key, signature, message));
}
