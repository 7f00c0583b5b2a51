// A request as it comes in, read in one go, and an answer made in one go: each crossing into the wasm costs, and each look at a
// request from there would be one. wire.rs is the other side.

/** The headers that anybody in the gate reads, in the order of `Header` in wire.rs. */
export const HEADERS = [
  "access-control-request-headers",
  "authorization",
  "cf-access-jwt-assertion",
  "cf-connecting-ip",
  "content-type",
  "cookie",
  "origin",
  "sec-fetch-mode",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "upgrade",
];

/** Where nothing is. No header can have it, and a method or a URL neither. */
const NOTHING = "\0";
/** A body up to here is read at once, where its length is known: the largest that the gate takes. */
export const SHORT = 4096;

/** What the gate wants to know of a request: a line each, for none can have a line break in it. */
export function facts(request) {
  const { headers, method, url } = request;
  let text = `${method}\n${url}\n${lengthOf(request)}`;
  const cf = method === "POST" ? request.cf : undefined;
  text += `\n${cf?.continent ?? NOTHING}\n${cf?.longitude ?? NOTHING}`;
  for (const name of HEADERS) text += `\n${headers.get(name) ?? NOTHING}`;
  return text;
}

/** Of the body: in bytes, or nothing where it isn't known. Only a POST's body is ever looked at. */
function lengthOf(request) {
  if (request.method !== "POST") return "0";
  return request.headers.get("content-length") ?? (request.body === null ? "0" : NOTHING);
}

/** The bytes of a short body, `null` where it ends too early; `undefined` where there is none, or another way to read it. */
export function body(request) {
  const length = Number(lengthOf(request).replace(NOTHING, "0"));
  if (!(length > 0 && length <= SHORT)) return undefined;
  return request.arrayBuffer().then(
    (bytes) => new Uint8Array(bytes),
    () => null,
  );
}

/** The answer. `head`: names and values of its headers, a line each. */
export function respond(status, head, body) {
  const lines = head.split("\n");
  const headers = [];
  for (let at = 0; at + 1 < lines.length; at += 2) headers.push([lines[at], lines[at + 1]]);
  // A body is no part of a 204 (RFC 9110 §15.3.5).
  return new Response(body === "" ? null : body, { status, headers });
}
