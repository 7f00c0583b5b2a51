// What the platform loads: the Worker's default export and its Durable Objects, in front of the wasm.
//
// A plain object: the entry that `worker-build` makes is a class behind three proxies for each request, which cost more than the
// gate itself. What its proxies are for is done here by a call: after a panic the wasm begins anew with fresh memory. wasm-bindgen
// does that as an export is called, but only when the call's texts are in the old memory, so `revive` comes first; and an object
// that was made in the old memory is made again.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import * as wasm from "./index.js";
import { telling } from "./src/objects/counting.js";
import { Monitor } from "./src/objects/monitor.js";
import { Room } from "./src/objects/room.js";
import * as wire from "./src/platform/wire.js";

// A panic's stack is long.
Error.stackTraceLimit = 100;
/** Its `instanceId` is another one whenever the wasm has begun anew. */
const state = wasm.__worker_init_state();

function handle(facts, bytes, request, env) {
  wasm.revive();
  return wasm.handle(facts, bytes, request, env);
}

function counted() {
  wasm.revive();
  return wasm.counted();
}

/** Keeps a request alive that was answered, until what was counted in it has been told, where there is anybody to tell. */
function tell(env, ctx, how) {
  const told = telling(env, counted, how);
  if (told !== undefined) ctx.waitUntil(told);
}

export default {
  fetch(request, env, ctx) {
    const length = wire.lengthOf(request);
    const facts = wire.facts(request, length);
    const reading = wire.body(request, length);
    const answer =
      reading === undefined
        ? handle(facts, undefined, request, env)
        : reading.then((bytes) => handle(facts, bytes ?? undefined, request, env));
    // A request whose client hangs up would otherwise be cut off in the middle, and what it holds in the wasm's memory
    // never freed.
    const then = () => tell(env, ctx);
    if (!(answer instanceof Promise)) then();
    else ctx.waitUntil(env.TICKET_MONITOR === undefined ? answer : answer.then(then, then));
    return answer;
  },
};

/**
 * What a Worker that opens the socket itself asks, by a service binding to this entrypoint: `env.GATE.redeem({ ticket, attempt, … })`.
 * Only who may deploy can bind it, so it wants no secret. It answers as `POST /ws-ticket/redeem` does, and throws where that
 * would have another status than 200: an outage is no "no".
 */
export class Redeem extends WorkerEntrypoint {
  async redeem(presented) {
    wasm.revive();
    const answering = wasm.redeem(JSON.stringify(presented ?? null), this.env);
    // As with a request: what was begun is done to its end, whoever hangs up.
    if (answering instanceof Promise) this.ctx.waitUntil(answering);
    const answer = await answering;
    tell(this.env, this.ctx);
    const told = JSON.parse(answer.slice(3));
    if (answer.startsWith("200")) return told;
    throw new Error(`${told.code}: ${told.detail}`);
  }
}

/** Elects who has a ticket. */
export class TicketShard extends DurableObject {
  #instance;
  #shard;

  get shard() {
    wasm.revive();
    if (this.#instance !== state.instanceId) {
      this.#shard = new wasm.TicketShard(this.ctx, this.env);
      this.#instance = state.instanceId;
    }
    return this.#shard;
  }

  /** What a gate asks, by RPC: `src/objects/asks.rs`. */
  ask(path, body) {
    return this.shard.ask(path, body);
  }

  fetch(request) {
    return this.shard.fetch(request);
  }

  alarm() {
    return this.shard.alarm();
  }
}

/** Holds the sockets of a room, with `SESSION=hub`. */
export class TicketRoom extends Room {
  async renewal(ticket, { id, origin, bond }) {
    wasm.revive();
    const answer = await wasm.renew(JSON.stringify({ ticket, id, origin, bond }), this.env);
    // At once: while it waits a room doesn't sleep, and is billed.
    tell(this.env, this.ctx, { gather: 0, times: 1 });
    return answer.startsWith("200") ? JSON.parse(answer.slice(3)) : answer;
  }
}

/** Adds up what the service does. */
export { Monitor as TicketMonitor };
