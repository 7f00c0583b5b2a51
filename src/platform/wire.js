// A request as it comes in, read in one go, and an answer made in one go: each crossing into the wasm costs, and each look at a
// request from there would be one. wire.rs is the other side.

/** Where nothing is. No header can have it, and a method or a URL neither. */
const NOTHING = "\0";
/** A body up to here is read at once, where its length is known: the largest that the gate takes. */
export const SHORT = 4096;

/** The headers that somebody in the gate reads, by the method with which it does; in the order of `Header` in wire.rs. */
export const HEADERS = [
  [undefined, ["cf-connecting-ip", "cookie", "origin"]],
  ["POST", ["authorization", "cf-access-jwt-assertion", "content-type", "sec-fetch-mode"]],
  ["GET", ["sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version", "upgrade"]],
  ["OPTIONS", ["access-control-request-headers"]],
].map(([method, names]) => ({ method, names, none: `\n${NOTHING}`.repeat(names.length) }));

/** What the gate wants to know of a request: a line each, for none can have a line break in it. */
export function facts(request, length = lengthOf(request)) {
  const { headers, method, url } = request;
  let text = `${method}\n${url}\n${length}`;
  const cf = method === "POST" ? request.cf : undefined;
  text += `\n${cf?.continent ?? NOTHING}\n${cf?.latitude ?? NOTHING}\n${cf?.longitude ?? NOTHING}`;
  for (const group of HEADERS) {
    if (group.method !== undefined && group.method !== method) text += group.none;
    else for (const name of group.names) text += `\n${headers.get(name) ?? NOTHING}`;
  }
  return text;
}

/** The length of the body: in bytes, or nothing where it isn't known. Only a POST's body is ever looked at. */
export function lengthOf(request) {
  if (request.method !== "POST") return "0";
  return request.headers.get("content-length") ?? (request.body === null ? "0" : NOTHING);
}

/** The bytes of a short body, `null` where it ends too early; `undefined` where there is none, or another way to read it. */
export function body(request, length = lengthOf(request)) {
  if (length === "0" || !(Number(length) <= SHORT)) return undefined;
  return request.arrayBuffer().then(
    (bytes) => new Uint8Array(bytes),
    () => null,
  );
}

/** The answer. `head`: names and values of its headers, a line each; a name that comes twice is a list. */
export function respond(status, head, body) {
  const headers = {};
  let at = 0;
  while (at < head.length) {
    const value = head.indexOf("\n", at) + 1;
    const end = head.indexOf("\n", value);
    const name = head.slice(at, value - 1);
    const text = end < 0 ? head.slice(value) : head.slice(value, end);
    const before = headers[name];
    headers[name] = before === undefined ? text : `${before}, ${text}`;
    at = end < 0 ? head.length : end + 1;
  }
  // A body is no part of a 204 (RFC 9110 §15.3.5).
  return new Response(body === "" ? null : body, { status, headers });
}
