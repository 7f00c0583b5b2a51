// What a WebSocket is besides a connection: its constants, its handlers, and what it refuses (https://websockets.spec.whatwg.org).

/** Gives `Class` the constants, which can't be changed, and `on…`, in whose order and with whose `this` a platform calls them. */
export function complete(Class) {
  ["open", "message", "error", "close"].forEach((type, value) => {
    const handlers = new WeakMap();
    function listener(event) {
      handlers.get(this).call(this, event);
    }
    const constant = { ["CONNECTING OPEN CLOSING CLOSED".split(" ")[value]]: { value } };
    Object.defineProperties(Class, constant);
    Object.defineProperties(Class.prototype, {
      ...constant,
      [`on${type}`]: {
        get() {
          return handlers.get(this) ?? null;
        },
        // One that takes over from another keeps its place, for a listener isn't added twice.
        set(handler) {
          const is = typeof handler === "function";
          handlers.set(this, is ? handler : null);
          this[is ? "addEventListener" : "removeEventListener"](type, listener);
        },
      },
    });
  });
}

/** `what`, in so many milliseconds, unless it's over by then. */
export const after = (ms, signal, what) => {
  const timer = setTimeout(what, ms);
  signal.addEventListener("abort", () => clearTimeout(timer));
};

/** The bytes that it takes on the wire. */
export const sizeOf = (data) => new Blob([data]).size;

export const refuse = (what, name = "SyntaxError") => {
  throw new DOMException(what, name);
};

/** Throws what can never work: numbers that can't be meant, subprotocols that are none or come twice, addresses that nobody can be asked at. */
export function check(address, protocols, options) {
  for (const name in options) {
    const value = options[name];
    if (!/Delay|Time|Inter|After|Retr|queue/.test(name) || value === undefined) continue;
    // A timer holds no more, and fires at once for less; retries may be endless.
    const held = value <= 2 ** 31 - 1 || name === "maxRetries";
    if (value !== +value || value < /T|I/.test(name) || !held) throw new RangeError(name);
  }
  try {
    // A subprotocol is a token, as the name of a header is, whatever its case. The ticket's own may not be among the app's.
    const tokens = [...new Headers(["ws-ticket.v1", ...protocols].map((name) => [name, ""]))];
    const { url } = new Request(address, { credentials: options.credentials });
    if (tokens.length > protocols.length && /^http/.test(url)) return;
  } catch {}
  refuse("issue");
}

/** `close`, a CloseEvent where the platform has one. */
export function closeEvent({ code = 1006, reason = "", wasClean = false }, willReconnect, attempt, delay) {
  const init = { code, reason, wasClean, willReconnect, attempt, delay };
  const event = new (globalThis.CloseEvent ?? Event)("close", init);
  for (const name in init) event[name] ??= init[name];
  return event;
}
