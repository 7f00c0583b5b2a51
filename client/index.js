// MIT OR Apache-2.0. README.md says what it does when.

const DEFAULTS = {
  baseDelay: 1000,
  maxDelay: 30000,
  attemptTimeout: 10000,
  stableAfter: 5000,
  queue: 100,
  queueBytes: 1000000,
};

const failure = (message, more) => Object.assign(new Error(message), more);

const closeEvent = ({ code = 1005, reason = "", wasClean = false }, willReconnect) =>
  Object.assign(new Event("close"), { code, reason, wasClean, willReconnect });

export class TicketSocket extends EventTarget {
  #issue;
  #options;
  #phase; // aborted when it's over
  #socket; // while open
  #ending = 0; // or CLOSING, or CLOSED
  #binaryType = "blob";
  #queue = [];
  #queued = 0;
  #failures = 0;
  #refused = false; // a 401, and no ticket since
  #dropped = false; // a 4401, and no connection that lived since

  constructor(issue, options) {
    super();
    const own = options?.concat ? { protocols: options } : { ...options };
    for (const name in DEFAULTS) {
      own[name] ??= DEFAULTS[name];
      if (!(own[name] >= 0 && own[name] < 2 ** 31)) throw new RangeError(name);
    }
    for (const type of ["open", "message", "error", "close"]) {
      this[`on${type}`] = null;
      this.addEventListener(type, (event) => this[`on${type}`]?.(event));
    }
    own.WebSocket ??= WebSocket;
    this.#issue = issue;
    this.#options = own;
    this.#enter();
    if (own.signal?.aborted) this.close();
    // Not at once: what React mounts twice asks once.
    queueMicrotask(() => this.#ending || this.#rest(0, 0));
  }

  get readyState() {
    return this.#ending || (this.#socket?.readyState === 1 ? 1 : 0);
  }
  get url() {
    return this.#socket?.url.split("?")[0] ?? "";
  }
  get protocol() {
    return this.#socket?.protocol ?? "";
  }
  get extensions() {
    return this.#socket?.extensions ?? "";
  }
  get bufferedAmount() {
    return this.#queued + (this.#socket?.bufferedAmount ?? 0);
  }
  get binaryType() {
    return this.#binaryType;
  }
  set binaryType(type) {
    this.#binaryType = type;
    if (this.#socket) this.#socket.binaryType = type;
  }

  send(data) {
    if (this.#ending) return;
    if (this.readyState) return this.#socket.send(data);
    const { queue, queueBytes } = this.#options;
    const { size } = new Blob([data]);
    if (this.#queue.length >= queue || this.#queued + size > queueBytes) {
      throw new DOMException("the queue is full", "InvalidStateError");
    }
    // A copy: the caller may reuse its buffer.
    this.#queue.push((data.buffer ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data).slice());
    this.#queued += size;
  }

  close(code, reason) {
    if (this.#ending) return;
    this.#socket?.close(code, reason);
    this.#ending = 2;
    if (this.#socket) return;
    this.#phase.abort();
    queueMicrotask(() => this.#finish({ code, reason }));
  }

  #finish(end) {
    this.#ending = 3;
    this.#phase.abort();
    this.dispatchEvent(closeEvent(end, false));
  }

  #enter() {
    this.#phase?.abort();
    this.#phase = new AbortController();
    const { signal } = this.#phase;
    this.#options.signal?.addEventListener("abort", () => this.close(), { signal });
    return signal;
  }

  // For `ms`, or until the network or the page is back, but `least`; and while offline.
  #rest(ms, least) {
    const signal = this.#enter();
    const until = Date.now() + least;
    let timer;
    const sleep = (ms) => {
      clearTimeout(timer);
      if (ms > 0) timer = setTimeout(sleep, ms, 0);
      else if (globalThis.navigator?.onLine !== false) this.#attempt();
    };
    const wake = ({ type }) => {
      if (type === "online" || !document.hidden) sleep(Math.min(least, until - Date.now()));
    };
    signal.onabort = () => clearTimeout(timer);
    globalThis.addEventListener?.("online", wake, { signal });
    globalThis.document?.addEventListener("visibilitychange", wake, { signal });
    sleep(ms);
  }

  async #attempt() {
    const signal = this.#enter();
    const { attemptTimeout, carriage, protocols = [], WebSocket: Socket } = this.#options;
    const fail = (message, error = failure(message)) => signal.aborted || this.#over(error);
    const deadline = setTimeout(fail, attemptTimeout, "timed out");
    let socket;
    let began;
    signal.onabort = () => {
      clearTimeout(deadline);
      if (socket !== this.#socket) socket.close();
    };
    const answer = await this.#ask(signal).catch((error) => fail("", error));
    if (signal.aborted) return;
    this.#refused = false;
    try {
      const url = new URL(answer.url);
      let carried = answer.protocols ?? [];
      if (carriage === "subprotocol") {
        url.searchParams.delete("ticket");
        carried = ["ws-ticket.v1", answer.ticket];
      }
      socket = new Socket(url.href, [].concat(carried, protocols));
    } catch ({ name }) {
      // Its message may hold the ticket.
      return fail(`unusable answer: ${name}`);
    }
    socket.binaryType = this.#binaryType;
    socket.onopen = () => {
      if (signal.aborted) return socket.close();
      this.#socket = socket;
      this.#enter();
      began = Date.now();
      for (const data of this.#queue.splice(0)) socket.send(data);
      this.#queued = 0;
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.dispatchEvent(new MessageEvent("message", event));
    };
    socket.onerror = socket.onclose = (event) => {
      if (socket !== this.#socket) return fail("connection failed");
      if (event.type === "error") return this.#report(failure("connection failed"));
      this.#socket = undefined;
      this.#over(undefined, event, Date.now() - began);
    };
  }

  async #ask(signal) {
    const { headers, body, credentials, fetch = globalThis.fetch } = this.#options;
    if (typeof this.#issue === "function") return this.#issue({ signal });
    const sent = new Headers(typeof headers === "function" ? await headers({ signal }) : headers);
    if (body) sent.set("Content-Type", "application/json");
    const request = { method: "POST", headers: sent, body: body && JSON.stringify(body), credentials, signal };
    const response = await fetch(this.#issue, request);
    const answer = await response.json().catch(() => {});
    if (response.ok) return answer;
    const { status } = response;
    const code = answer?.code;
    throw failure(`no ticket: ${code ?? status}`, { status, code, retryAfter: response.headers.get("Retry-After") });
  }

  // An attempt has failed, or its connection has ended.
  async #over(error, end, lived) {
    const { onUnauthenticated, reconnect, stableAfter, baseDelay, maxDelay } = this.#options;
    const signal = this.#enter();
    end ??= { code: { 401: 4401, 403: 4403 }[error?.status] ?? 1006, reason: this.#report(error) };
    if (signal.aborted) return;
    const { code } = end;
    if (this.#ending || reconnect === false || code === 4403 || (code === 4401 && !onUnauthenticated)) {
      return this.#finish(end);
    }
    if (lived >= stableAfter) {
      this.#failures = 0;
      this.#dropped = false;
    }
    const after = error?.retryAfter * 1000 || Date.parse(error?.retryAfter) - Date.now();
    const least = Math.min(3600000, Math.max(0, after || 0));
    const pause = least + Math.random() * Math.min(maxDelay, baseDelay * 2 ** this.#failures++);
    this.dispatchEvent(closeEvent(end, true));
    if (signal.aborted) return;
    if (code !== 4401 || (error ? this.#refused : this.#dropped)) return this.#rest(pause, least);
    this.#refused = true;
    this.#dropped ||= !error;
    let goOn;
    try {
      goOn = await onUnauthenticated();
    } catch (problem) {
      this.#report(problem);
    }
    if (signal.aborted) return;
    if (goOn) this.#rest(0, 0);
    else this.#finish(end);
  }

  #report(error) {
    const message = String(error?.message ?? error);
    this.dispatchEvent(Object.assign(new Event("error"), { error, message }));
    return message;
  }
}

const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
Object.assign(TicketSocket, STATES);
Object.assign(TicketSocket.prototype, STATES);

// For libraries that take an async function for the URL.
export const ticketUrl = (issue, options) => () =>
  new Promise((resolve, reject) => {
    function Url(url, protocols) {
      if (!protocols.length) resolve(url);
      socket.close(3000, "no ticket in the url");
    }
    const socket = new TicketSocket(issue, { ...options, WebSocket: Url });
    socket.onclose = ({ code, reason, willReconnect }) =>
      willReconnect || reject(failure(reason || "aborted", { code }));
  });
