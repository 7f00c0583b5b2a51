// A site's forward-auth endpoint: says whose session a request has, as JSON or in headers, or that it has none.
import { WebServer } from "./web-server.js";

/** The credentials of a user who is logged in, as a program sends them. A browser's cookie comes with an `Origin`. */
export const LOGGED_IN = { Authorization: "Session recognisable-session-of-alice" };

export async function startAuthServer() {
  return new AuthServer().listen();
}

class AuthServer extends WebServer {
  constructor() {
    super(() => this.answer);
    this.says({ sub: "alice" });
  }

  get authUrl() {
    return `${this.url}/auth`;
  }

  /** The settings of a gate that asks it. */
  vars(more = {}) {
    return {
      ENVIRONMENT: "development",
      PAGE: "off",
      TICKET_STORE: "kv",
      IDENTITY: "forward",
      AUTH_URL: this.authUrl,
      ...more,
    };
  }

  /** Answers with this JSON; a text is sent as it is. */
  says(body, { status = 200, headers = {} } = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    this.answer = { status, headers: { "Content-Type": "application/json", ...headers }, body: text };
  }

  /** Answers with these headers and no JSON. */
  sets(headers, { status = 200, body = "" } = {}) {
    this.answer = { status, headers, body };
  }
}
