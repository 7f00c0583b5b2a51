// A TicketSocket of the page that the gate serves: `ws-ticket-client` as the browser loads it, under the page's own policy.

/** What Chromium writes to the console while there is no way to the gate. */
export const NO_WAY = [
  /^Failed to load resource: net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INTERNET_DISCONNECTED|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)$/,
  /^WebSocket connection to '\S+' failed: /,
];

// A hidden tab draws no frames, which is what Playwright waits by.
const POLLING = 50;

/** Opens one, `window.socket`, and writes down what happens to it: `window.seen`. Resolves when it is open. */
export async function openSocket(page, options = {}) {
  await page.evaluate(async (options) => {
    const { TicketSocket } = await import("/ws-ticket-client.js");
    const socket = new TicketSocket("/ws-ticket", options);
    const seen = [];
    socket.addEventListener("open", () => seen.push(["open"]));
    socket.addEventListener("message", ({ data }) => seen.push(["message", data]));
    socket.addEventListener("close", ({ code, willReconnect }) => seen.push(["close", code, willReconnect]));
    Object.assign(globalThis, { socket, seen });
  }, options);
  await opened(page, 1);
}

/** Waits until it was opened `times` times and the welcome of the last has come. */
export function opened(page, times) {
  const enough = (times) => {
    const { seen, socket } = globalThis;
    const last = seen.findLastIndex(([event]) => event === "open");
    const welcome = seen.slice(last).some(([event, data]) => event === "message" && data.includes('"welcome"'));
    return socket.readyState === 1 && welcome && seen.filter(([event]) => event === "open").length === times;
  };
  return page.waitForFunction(enough, times, { polling: POLLING });
}

/** Waits until it has lost its connection for the `times`th time. */
export const lost = (page, times) =>
  page.waitForFunction((times) => globalThis.seen.filter(([event]) => event === "close").length >= times, times, {
    polling: POLLING,
  });

/**
 * As long as `ms` of the page's own timers take, and a way to its server and back: what the page had by then asked for has been asked.
 */
export const rest = (page, ms) =>
  page.evaluate(async (ms) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    await fetch("/health").catch(() => {});
  }, ms);

/** Sends and waits for the echo. */
export async function echoes(page, text) {
  await page.evaluate((text) => globalThis.socket.send(text), text);
  await page.waitForFunction((text) => globalThis.seen.some(([, data]) => data === text), text);
}

/** What the gate has seen: how many tickets, all different, and how many of them opened a socket. */
export function tickets(gate) {
  const ids = (name) => gate.events().flatMap(({ event, ticket_id }) => (event === name ? [ticket_id] : []));
  return {
    issued: new Set(ids("issued")).size,
    consumed: new Set(ids("consumed")).size,
    refused: ids("refused").length,
  };
}
