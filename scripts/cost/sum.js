// From what a ticket takes to a month's bill, step by step.
import { LOG_BYTES, ROOM, STORES, TICKET } from "./operations.js";
import { DAYS, PLAN, PRICES } from "./prices.js";

/** One line of a bill: how much, how much of it is included, and what the rest costs. */
function line(what, quantity) {
  const { name, included, per, dollars, source } = PRICES[what];
  const billed = Math.max(0, quantity - included);
  return { what, name, quantity, included, billed, price: { dollars, per }, dollars: (billed / per) * dollars, source };
}

/**
 * A month with so many tickets a day, each used once: `{ lines, dollars, plan, freePlan }`. `roomMessages`: how many messages each session
 * sends in a room; without it there are no rooms. `logs`: whether the gate's log is counted.
 */
export function month(store, ticketsPerDay, { roomMessages, logs = false } = {}) {
  const tickets = ticketsPerDay * DAYS;
  const takes = { ...TICKET, ...STORES[store] };
  if (roomMessages !== undefined) {
    takes.objectRequests = (takes.objectRequests ?? 0) + ROOM.connection + roomMessages / ROOM.messagesPerRequest;
  }
  if (logs) takes.logBytes = LOG_BYTES;
  const lines = Object.entries(takes).map(([what, each]) => line(what, each * tickets));
  const dollars = lines.reduce((sum, each) => sum + each.dollars, PLAN.dollars);
  return { store, ticketsPerDay, plan: PLAN.dollars, lines, dollars, freePlan: freePlan(takes) };
}

/** How many tickets a day the free plans allow, and by what: `{ ticketsPerDay, by }`. */
function freePlan(takes) {
  const ceilings = Object.entries(takes).flatMap(([what, each]) => {
    const { free, freeMonth, name } = PRICES[what];
    const aDay = free ?? (freeMonth === undefined ? undefined : freeMonth / DAYS);
    return aDay === undefined ? [] : [{ ticketsPerDay: Math.floor(aDay / each), by: name }];
  });
  return ceilings.reduce((least, each) => (each.ticketsPerDay < least.ticketsPerDay ? each : least));
}
