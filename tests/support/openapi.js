// Holds answers to docs/openapi.yaml: `departs` throws when one has a status, a content type, a body, a `code` or a header that the
// document doesn't declare for its path and method, or lacks one that it does. The client calls it for every answer of a gate.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { parse } from "yaml";
import { broken, lowered } from "./relations.js";

/** Headers that are not the gate's to say, each by whom and why. They are neither demanded nor looked at. */
const TRANSPORT = new Map([
  ["connection", "hop by hop (RFC 9110 §7.6.1): workerd's server writes its own"],
  ["keep-alive", "hop by hop"],
  ["transfer-encoding", "hop by hop: how the server frames a body"],
  ["content-length", "how the server frames a body"],
  ["content-encoding", "compression, which the server agrees on with the client; the client undoes it"],
  ["date", "a server's duty (RFC 9110 §6.6.1)"],
  ["upgrade", "hop by hop: workerd's server writes it on a 101 and drops it from all else"],
  ["sec-websocket-accept", "computed by the server from the key of the handshake (RFC 6455 §4.2.2)"],
  ["mf-content-encoding", "the local runtime's, where a Worker is called directly"],
  ["sec-websocket-extensions", "compression, which the server agrees on with the client"],
]);
/** Cloudflare's edge names itself and the request in these. */
const isTransport = (name) => TRANSPORT.has(name) || name.startsWith("cf-");
/** Under which name `faulty-entry.js` shows what workerd's server would drop. */
const SHOWN_AS = { "x-edge-upgrade": "upgrade" };

/** Where the document has every path that it doesn't name. */
const ELSEWHERE = "/{file}";
/** And those below the socket's. */
const BELOW = "/ws/{below}";

const text = readFileSync(new URL("../../docs/openapi.yaml", import.meta.url), "utf8");

export class Departure extends Error {}

/** The document as it is written. */
export const document = () => parse(text);

/** What an API document declares: `departs`, `declared` (every answer) and `seen` (how often each was validated). */
export class Contract {
  #responses = new Map();
  /** `POST /ws-ticket 200`, `* /ws 405 method_not_allowed`: how many. */
  seen = new Map();

  constructor(api) {
    this.api = api;
    this.ajv = new Ajv({ strict: true, strictTypes: false });
    addFormats(this.ajv);
    // To ajv the document is a schema that has schemas in it; its own members are no keywords.
    this.ajv.addVocabulary(Object.keys(api));
    this.ajv.addSchema(api, "api");
  }

  /** How many answers were validated. */
  get count() {
    return [...this.seen.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Every answer that is declared, as `seen` names them. */
  get declared() {
    const names = [];
    for (const operation of this.#operations()) {
      for (const status of Object.keys(operation.responses)) {
        const { codes } = this.#response(operation, status);
        // What has no body has no code to tell them by.
        const told = codes.length > 0 && operation.method !== "HEAD" ? codes : [undefined];
        names.push(...told.map((code) => nameOf(operation, status, code)));
      }
    }
    return names;
  }

  /**
   * Throws a `Departure` when the answer to a request is none that the document allows, else names it as `declared` does.
   * `path` may have a query.
   */
  departs(method, path, requestHeaders, answer) {
    const { pathname } = new URL(`http://gate${path}`);
    const fail = (what) => {
      throw new Departure(`${method} ${pathname} answered ${answer.status}: ${what} (docs/openapi.yaml)`);
    };
    const operation = this.#operation(method, pathname);
    const response = this.#response(operation, answer.status) ?? fail("the status is not declared");
    const headers = headersOf(answer);
    const body = this.#body(method, response, headers.get("content-type"), answer.body, fail);
    // A HEAD has no body, and then there is no more than one code that it could be.
    const code = body?.code ?? (response.codes.length === 1 ? response.codes[0] : undefined);
    this.#headers(response, headers, code, fail);
    const asked = lowered(requestHeaders);
    const relation = broken({ asked, answer, headers, body, code });
    if (relation !== undefined) fail(relation);
    const name = nameOf(operation, answer.status, method === "HEAD" && operation.method === "HEAD" ? undefined : code);
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1);
    return name;
  }

  #body(method, response, type, bytes, fail) {
    const has = bytes !== undefined && bytes.length > 0;
    if (response.content.size === 0) {
      if (type !== undefined && !response.headers.has("content-type")) fail(`the content type ${type} is not declared`);
      if (has) fail("a body is not declared");
      return undefined;
    }
    const validate = response.content.get(type) ?? fail(`the content type ${type} is not declared`);
    if (method === "HEAD") return has ? fail("a HEAD has a body") : undefined;
    // A file's own content is its own business.
    if (!/json$/.test(type)) return undefined;
    let body;
    try {
      body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      fail("the body is not JSON");
    }
    if (!validate(body)) fail(`the body${this.#why(validate)}`);
    return body;
  }

  #headers(response, headers, code, fail) {
    for (const [name, value] of headers) {
      const declared = response.headers.get(name);
      if (declared === undefined) {
        if (name !== "content-type" && !isTransport(name)) fail(`the header ${name} is not declared`);
        continue;
      }
      const { validate, byCode } = declared;
      if (!validate(declared.read(value))) fail(`the header ${name}${this.#why(validate)}`);
      if (byCode === undefined || code === undefined) continue;
      if (!(code in byCode)) fail(`the header ${name} does not belong to ${code}`);
      // "*": what the schema allows.
      if (byCode[code] !== "*" && value !== String(byCode[code])) fail(`the header ${name} is not what ${code} has`);
    }
    for (const [name, { required, byCode }] of response.headers) {
      const wanted = byCode === undefined ? required : code in byCode;
      if (wanted && !headers.has(name) && !isTransport(name)) fail(`the header ${name} is missing`);
    }
  }

  /** Never with a value: it may be a ticket. */
  #why({ errors }) {
    const own = errors.find(({ keyword }) => keyword !== "oneOf") ?? errors[0];
    const { instancePath, message, params } = own;
    return `${instancePath} ${message} ${params.additionalProperty ?? ""}`.trimEnd();
  }

  /** What answers a method of a path, with or without a slash at its end: the operation, or what there is for all others. */
  #operation(method, pathname) {
    const bare = pathname.replace(/(?<=.)\/$/, "");
    const elsewhere = bare.startsWith("/ws/") ? BELOW : ELSEWHERE;
    const path = Object.hasOwn(this.api.paths, bare) ? bare : elsewhere;
    const item = this.api.paths[path];
    const named = item[method.toLowerCase()];
    return named ? { method, path, ...named } : { method: "*", path, ...item["x-otherwise"] };
  }

  *#operations() {
    for (const [path, item] of Object.entries(this.api.paths)) {
      for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]) {
        if (item[method.toLowerCase()] !== undefined) yield { method, path, ...item[method.toLowerCase()] };
      }
      yield { method: "*", path, ...item["x-otherwise"] };
    }
  }

  /** A response with its validators, compiled when it is first met. */
  #response({ method, path, responses }, status) {
    const key = `${method} ${path} ${status}`;
    let response = this.#responses.get(key);
    if (response === undefined && Object.hasOwn(responses, status)) {
      response = this.#compile(this.#resolved(responses[status]));
      this.#responses.set(key, response);
    }
    return response;
  }

  #compile({ headers = {}, content = {} }) {
    const compiled = { headers: new Map(), content: new Map(), codes: [] };
    for (const [name, written] of Object.entries(headers)) {
      const { required = false, schema, "x-by-code": byCode } = this.#resolved(written);
      const validate = this.ajv.compile(schema);
      const read =
        schema.type === "integer"
          ? (value) => (/^(0|[1-9]\d*)$/.test(value) ? Number(value) : value)
          : (value) => value;
      compiled.headers.set(name.toLowerCase(), { required, validate, byCode, read });
    }
    for (const [type, { schema }] of Object.entries(content)) {
      compiled.content.set(
        type.startsWith("text/") ? `${type}; charset=utf-8` : type,
        this.ajv.compile(absolute(schema)),
      );
      compiled.codes.push(...(schema.properties?.code?.enum ?? []));
    }
    return compiled;
  }

  #resolved(node) {
    if (node.$ref === undefined) return node;
    const found = node.$ref
      .split("/")
      .slice(1)
      .reduce((at, name) => at?.[name], this.api);
    if (found === undefined) throw new Error(`${node.$ref} is not in docs/openapi.yaml`);
    return this.#resolved(found);
  }
}

/** A schema whose references say in which document they are. */
function absolute(schema) {
  return JSON.parse(JSON.stringify(schema), (key, value) => (key === "$ref" ? `api${value}` : value));
}

/** By lower-case name; one that comes twice is one list (RFC 9110 §5.3). */
function headersOf({ rawHeaders }) {
  const headers = new Map();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    const shown = SHOWN_AS[name] ?? name;
    headers.set(shown, headers.has(shown) ? `${headers.get(shown)}, ${rawHeaders[i + 1]}` : rawHeaders[i + 1]);
  }
  return headers;
}

const nameOf = ({ method, path }, status, code) =>
  [method, path, status, code].filter((part) => part !== undefined).join(" ");

/** The project's own. */
export const contract = new Contract(document());
export const departs = contract.departs.bind(contract);
