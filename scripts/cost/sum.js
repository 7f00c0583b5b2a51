// From what a ticket takes to a month's bill, step by step.
import { LOG_BYTES, MONITOR, ROOM, STORES, TICKET } from "./operations.js";
import { DAYS, PLAN, PRICES } from "./prices.js";

/** One line of a bill: how much, how much of it is included, and what the rest costs. */
function line(what, quantity) {
  const { name, included, per, dollars, source } = PRICES[what];
  const billed = Math.max(0, quantity - included);
  return { what, name, quantity, included, billed, price: { dollars, per }, dollars: (billed / per) * dollars, source };
}

/**
 * A month with so many tickets a day, each used once: `{ lines, dollars, plan, freePlan }`. `roomMessages`: how many messages each session
 * sends in a room; without it there are no rooms. `logs`: whether the gate's log is counted. `isolates`: how many are at work at any time,
 * where there is a monitor.
 */
export function month(store, ticketsPerDay, { roomMessages, logs = false, isolates } = {}) {
  const tickets = ticketsPerDay * DAYS;
  const takes = { ...TICKET, ...STORES[store] };
  if (roomMessages !== undefined) {
    takes.objectRequests = (takes.objectRequests ?? 0) + ROOM.connection + roomMessages / ROOM.messagesPerRequest;
  }
  if (logs) takes.logBytes = LOG_BYTES;
  const beside = isolates === undefined ? {} : monitored(isolates, ticketsPerDay);
  const lines = Object.entries({ ...zeros(beside), ...takes }).map(([what, each]) =>
    line(what, each * tickets + (beside[what] ?? 0) * DAYS),
  );
  const dollars = lines.reduce((sum, each) => sum + each.dollars, PLAN.dollars);
  return { store, ticketsPerDay, plan: PLAN.dollars, lines, dollars, freePlan: freePlan(takes, beside) };
}

const zeros = (object) => Object.fromEntries(Object.keys(object).map((name) => [name, 0]));

/** What the monitor takes a day. Nobody tells it anything where nothing happened: at most both halves of each ticket. */
function monitored(isolates, ticketsPerDay) {
  const day = 86_400;
  const tells = Math.min(isolates * MONITOR.tells * day, 2 * ticketsPerDay);
  return {
    objectRequests: tells,
    rowsWritten: Math.min(tells, MONITOR.rowsWritten * day),
    objectSeconds: Math.min(tells * 10, day) * MONITOR.objectSeconds,
  };
}

/** How many tickets a day the free plans allow, and by what: `{ ticketsPerDay, by }`. `beside` is what is used of them anyway. */
function freePlan(takes, beside) {
  const ceilings = Object.entries({ ...zeros(beside), ...takes }).flatMap(([what, each]) => {
    const { free, freeMonth, name } = PRICES[what];
    const aDay = free ?? (freeMonth === undefined ? undefined : freeMonth / DAYS);
    const left = Math.max(0, aDay - (beside[what] ?? 0));
    // What tickets don't take is no ceiling, unless there is too little of it anyway.
    if (aDay === undefined || (each === 0 && left > 0)) return [];
    return [{ ticketsPerDay: left === 0 ? 0 : Math.floor(left / each), by: name }];
  });
  return ceilings.reduce((least, each) => (each.ticketsPerDay < least.ticketsPerDay ? each : least));
}
