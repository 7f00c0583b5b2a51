// What holds between a request and its answer, and between parts of an answer: the rest of docs/openapi.yaml, which it has only in
// prose because a schema sees one value at a time.

const TICKET = /wst_[a-z0-9]{1,16}_[A-Za-z0-9_-]{43}/;
const BOND = /^[ \t]*__Host-ws-ticket=(.*?)[ \t]*$/;
const GOOD_BOND = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const BEFORE_ORIGIN = ["method_not_allowed", "origin_refused", "internal_error"];

/** Request headers by lower-case name, as they reach a gate: changes that `faulty-entry.js` makes are made. */
export function lowered(headers) {
  const asked = new Map();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) asked.set(name.toLowerCase(), [value].flat().join(", "));
  }
  for (const [name, value] of Object.entries(JSON.parse(asked.get("x-edge-headers") ?? "{}"))) {
    if (value === null) asked.delete(name);
    else asked.set(name, value);
  }
  return asked;
}

/** RFC 9110 §5.6.1: empty elements count for nothing. */
const list = (text) => (text ?? "").split(",").flatMap((part) => part.trim() || []);

function origins({ asked, headers, code }) {
  const allowed = headers.get("access-control-allow-origin");
  if (allowed === undefined) {
    for (const name of ["access-control-allow-credentials", "access-control-expose-headers"]) {
      if (headers.has(name)) return `${name} without Access-Control-Allow-Origin`;
    }
    // Whoever was not refused for it may read the answer.
    // An empty Origin counts as none: the platform drops it.
    const passed = headers.has("vary") && Boolean(asked.get("origin")) && !BEFORE_ORIGIN.includes(code);
    return passed ? "Access-Control-Allow-Origin is missing" : undefined;
  }
  if (allowed !== asked.get("origin")) return "Access-Control-Allow-Origin is not the request's Origin";
  if (code === "origin_refused") return "Access-Control-Allow-Origin for an origin that is refused";
  return headers.has("access-control-expose-headers") ? undefined : "Access-Control-Expose-Headers is missing";
}

function preflight({ asked, headers }) {
  const allowed = headers.get("access-control-allow-headers");
  const wanted = list(asked.get("access-control-request-headers")).join(", ") || "authorization, content-type";
  return allowed === undefined || allowed === wanted ? undefined : "not the headers that were asked for";
}

function subprotocol({ asked, answer, headers }) {
  if (answer.status !== 101) return undefined;
  const offered = list(asked.get("sec-websocket-protocol"));
  const own = offered.find((name) => name !== "ws-ticket.v1" && !name.includes("wst_"));
  const right = own ?? offered.find((name) => name === "ws-ticket.v1");
  return headers.get("sec-websocket-protocol") === right ? undefined : "not the subprotocol that was to be selected";
}

function issued({ body }) {
  if (body?.ticket === undefined) return undefined;
  const { ticket, url, protocols } = body;
  if (protocols !== undefined) return protocols[1] === ticket ? undefined : "protocols holds another ticket";
  if (url === undefined) return undefined;
  return url.endsWith(`?ticket=${ticket}`) ? undefined : "url holds another ticket";
}

function bond({ asked, headers }) {
  const set = headers.get("set-cookie");
  const brought = (asked.get("cookie") ?? "").split(";").flatMap((pair) => BOND.exec(pair)?.[1] ?? []);
  if (set === undefined || brought.length !== 1 || !GOOD_BOND.test(brought[0])) return undefined;
  return set.startsWith(`__Host-ws-ticket=${brought[0]};`) ? undefined : "the cookie that was brought is not kept";
}

function secrecy({ answer, body }) {
  if (body?.ticket !== undefined) return undefined;
  const all = answer.rawHeaders.join("\n") + (answer.body ?? "");
  return TICKET.test(all) ? "a ticket is shown" : undefined;
}

const RELATIONS = [origins, preflight, subprotocol, issued, bond, secrecy];

/** What doesn't hold, in words; undefined when all does. */
export function broken(exchange) {
  for (const relation of RELATIONS) {
    const wrong = relation(exchange);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
