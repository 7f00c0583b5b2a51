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
  const giveUp = new AbortController();
  let asked;
  try {
    asked = byRpc ? stub.ask(path, body) : byFetch(stub, path, body, giveUp.signal);
    const answering = asked.then(
      (word) => word,
      (error) => {
        if (!hasNoRpc(error)) throw error;
        byRpc = false;
        return byFetch(stub, path, body, giveUp.signal);
      },
    );
    return await within(ms, answering);
  } catch (error) {
    // What was given up ends here, and not with the request, which a WebSocket may keep alive for hours.
    giveUp.abort();
    asked?.[Symbol.dispose]?.();
    throw error;
  }
}

async function byFetch(stub, path, body, signal) {
  const method = body === undefined ? "GET" : "POST";
  const answer = await stub.fetch(`https://shard${path}`, { method, body, signal });
  return `${answer.status}${await answer.text()}`;
}
