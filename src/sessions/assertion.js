// The private key of assertions, by WebCrypto (https://developers.cloudflare.com/workers/runtime-apis/web-crypto/).

const IMPORT = { ES256: { name: "ECDSA", namedCurve: "P-256" }, EdDSA: { name: "Ed25519" } };
const SIGN = { ES256: { name: "ECDSA", hash: "SHA-256" }, EdDSA: { name: "Ed25519" } };

/** The key, ready to sign and never to be read again, and the coordinates of its public half. */
export async function open(pkcs8, algorithm) {
  const readable = await crypto.subtle.importKey("pkcs8", pkcs8, IMPORT[algorithm], true, ["sign"]);
  const { x, y } = await crypto.subtle.exportKey("jwk", readable);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, IMPORT[algorithm], false, ["sign"]);
  return { key, x, y };
}

/** The signature, as JWS has it: of ECDSA both numbers one after the other (RFC 7518 §3.4), which is what WebCrypto gives. */
export async function sign(key, algorithm, message) {
  return new Uint8Array(await crypto.subtle.sign(SIGN[algorithm], key, message));
}
