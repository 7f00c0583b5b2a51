// A small issuer of tokens, for development: `npm run issuer`. It shows the two things that a gate needs of an issuer: a set of
// public keys, and tokens that name the key they are signed with. Who asks gets a token for any name, so it stays on this machine.
//
//   GET /jwks.json                       the public keys (RFC 7517); also at /cdn-cgi/access/certs, where Cloudflare Access has them
//   GET /token?sub=alice[&rooms=a,b]     a token for an hour
//
// `--alg ES256` (or another) signs with another algorithm than RS256, `--port` listens on another port than 8788. Every start makes
// a new key.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";

const AUDIENCE = "ws-ticket";
const ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");

const { alg, port } = parseArgs({
  options: { alg: { type: "string", default: "RS256" }, port: { type: "string", default: "8788" } },
}).values;
if (!ALGORITHMS.includes(alg)) throw new Error(`--alg is one of ${ALGORITHMS.join(", ")}`);
const issuer = `http://127.0.0.1:${port}`;

const { privateKey, publicKey } = await generateKeyPair(alg);
const jwk = await exportJWK(publicKey);
// The key's own thumbprint is its name: two keys never share one.
const kid = await calculateJwkThumbprint(jwk);
const jwks = JSON.stringify({ keys: [{ ...jwk, kid, alg, use: "sig" }] });

function token(sub, rooms) {
  return new SignJWT(rooms === null ? {} : { rooms: rooms.split(",") })
    .setProtectedHeader({ alg, kid, typ: "JWT" })
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(privateKey);
}

const server = createServer(async (request, response) => {
  const answer = (status, headers, body) => response.writeHead(status, headers).end(body);
  if (request.method !== "GET") return answer(405, { Allow: "GET" });
  if (!URL.canParse(request.url, issuer)) return answer(400, {});
  const { pathname, searchParams } = new URL(request.url, issuer);
  if (["/jwks.json", "/cdn-cgi/access/certs"].includes(pathname)) {
    // For how long the gate may keep the keys. A new key is published for that long before anything is signed with it.
    return answer(200, { "Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=300" }, jwks);
  }
  const sub = searchParams.get("sub");
  if (pathname !== "/token" || !sub) return answer(404, { "Content-Type": "text/plain" }, "GET /token?sub=alice\n");
  const headers = { "Content-Type": "text/plain", "Cache-Control": "no-store" };
  return answer(200, headers, await token(sub, searchParams.get("rooms")));
});
server.listen(Number(port), "127.0.0.1", () => console.log(`${alg} tokens of ${issuer}: ${issuer}/token?sub=alice`));
