// Private keys for UPSTREAM_PRIVATE_KEY, made for the run.
import { generateKeyPairSync } from "node:crypto";

/** In PEM, as `openssl genpkey` writes it. */
export const privateKey = (type, options) =>
  generateKeyPairSync(type, options).privateKey.export({ type: "pkcs8", format: "pem" });

export const P256 = privateKey("ec", { namedCurve: "P-256" });
export const ED25519 = privateKey("ed25519");

/** A key of the right form whose number is none: only the platform knows. */
export const ZERO = (() => {
  const der = Buffer.from(P256.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const at = der.indexOf(Buffer.from([0x04, 32])) + 2;
  der.fill(0, at, at + 32);
  return `-----BEGIN PRIVATE KEY-----\n${der.toString("base64")}\n-----END PRIVATE KEY-----`;
})();
