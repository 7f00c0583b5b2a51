// What tests of the client share: sockets that are watched and always closed, and waiting for what should come about.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { TicketSocket } from "../../client/index.js";
import { startServer } from "./client-server.js";
import { until } from "./pace.js";

export { sleep, until };

/** Retries that don't make tests slow. */
export const FAST = { baseDelay: 20, maxDelay: 40 };

/** A TicketSocket and all its events: `log` as text, `events` as they are, `messages` as data. */
export class Watched {
  log = [];
  events = [];
  messages = [];

  constructor(issue, options, Class = TicketSocket) {
    this.socket = new Class(issue, options);
    for (const type of ["open", "message", "error", "close"])
      this.socket.addEventListener(type, (event) => this.#note(event));
  }

  #note(event) {
    this.events.push(event);
    if (event.type === "message") this.messages.push(event.data);
    const went = event.willReconnect ? " …" : "";
    this.log.push(event.type === "close" ? `close ${event.code}${went}` : event.type);
    // Whatever is told to the app, no ticket is in it.
    const { type, message, reason, error } = event;
    const told = inspect({ type, message, reason, error, url: this.socket.url }, { depth: 9, showHidden: true });
    assert.doesNotMatch(told, /wst_/, "an event holds a ticket");
  }

  count(text) {
    return this.log.filter((line) => line.startsWith(text)).length;
  }
  last(type) {
    return this.events.findLast((event) => event.type === type);
  }
  /** Until so many connections have opened. */
  opened(count = 1) {
    return until(() => this.count("open") >= count, `${count} opened: ${this.log}`);
  }
  /** Until it has stopped for good. */
  async stopped() {
    await until(() => this.socket.readyState === 3 && this.last("close")?.willReconnect === false, "it stopped");
    return this.last("close");
  }
}

/**
 * As long as ten attempts of another socket take, which is refused each time: whatever was to come as soon as `FAST` has come by then, on
 * any machine.
 */
export async function silence() {
  const server = await startServer();
  server.onTicket = () => ({ status: 503 });
  const other = new Watched(server.issue, FAST);
  await until(() => other.count("close") >= 10, "another socket was refused ten times");
  other.socket.close();
  await other.stopped();
  await server.close();
}

/** `watch(issue, options)`, for tests in which everything that is watched is closed at the end of the test `t`. */
export function watching(t) {
  return (issue, options, Class) => {
    const watched = new Watched(issue, options, Class);
    t.after(() => watched.socket.close());
    return watched;
  };
}
