// Asks a shard, in one call from the wasm. `shards.rs` is the other side.
import { within } from "../platform/race.js";

/**
 * Whether objects take asks by RPC. One of an earlier version, or behind another entry than ours, doesn't, and is asked by
 * fetch. Nothing has happened in an object that says so.
 */
let byRpc = true;
const hasNoRpc = (error) => error instanceof TypeError && /\bRPC\b/.test(error.message);

/**
 * The object's word: three digits, and a record behind them where there is one. It is waited for at most `ms` milliseconds: then
 * the ask is given up and the promise rejected with `null`.
 */
export async function ask(namespace, name, hint, path, body, ms) {
  // A stub of its own for each call: one that has failed stays broken
  // (https://developers.cloudflare.com/durable-objects/best-practices/error-handling/).
  const stub = hint === undefined ? namespace.getByName(name) : namespace.getByName(name, { locationHint: hint });
  let asked = byRpc ? stub.ask(path, body) : byFetch(stub, path, body);
  const answering = asked.then(
    (word) => word,
    (error) => {
      if (!hasNoRpc(error)) throw error;
      byRpc = false;
      asked = byFetch(stub, path, body);
      return asked;
    },
  );
  try {
    return await within(ms, answering);
  } catch (error) {
    // What was given up ends here, and not with the request, which a WebSocket may keep alive for hours.
    asked[Symbol.dispose]?.();
    throw error;
  }
}

/** The same by fetch: a promise that can be given up like that of a call by RPC. */
function byFetch(stub, path, body) {
  const giveUp = new AbortController();
  const method = body === undefined ? "GET" : "POST";
  const asked = stub.fetch(`https://shard${path}`, { method, body, signal: giveUp.signal });
  const word = asked.then(async (answer) => `${answer.status}${await answer.text()}`);
  return Object.assign(word, { [Symbol.dispose]: () => giveUp.abort() });
}
