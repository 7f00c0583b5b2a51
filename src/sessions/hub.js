// Takes somebody into a room, in one call from the wasm. hub.rs is the other side.
import { within } from "../platform/race.js";

/**
 * The room's answer with the socket; the status of another answer; `null` where there was none within `ms` milliseconds. `facts`: what
 * `src/objects/room.js` is told, as JSON.
 */
export async function enter(namespace, name, facts, ms) {
  const controller = new AbortController();
  const headers = { Upgrade: "websocket", "X-Ticket-Session": encodeURIComponent(facts) };
  const answering = namespace.getByName(name).fetch("https://room/", { headers, signal: controller.signal });
  let answer;
  try {
    answer = await within(ms, answering);
  } catch (error) {
    controller.abort();
    // Where it can't be called off any more.
    answering.then(leave, () => {});
    if (error === null) return null;
    throw error;
  }
  return answer.status === 101 && answer.webSocket ? answer : answer.status;
}

/** What the room's method answers, as JSON; it is waited for at most `ms` milliseconds. */
export async function ask(namespace, name, method, json, ms) {
  return JSON.stringify(await within(ms, namespace.getByName(name)[method](JSON.parse(json))));
}

/** Ends what nobody waits for any more. */
function leave({ webSocket }) {
  webSocket?.accept();
  webSocket?.close(1001);
}
