// What the platform loads: the Worker's default export and its Durable Objects, in front of the wasm.
//
// A plain object: the entry that `worker-build` makes is a class behind three proxies for each request, which cost more than the
// gate itself. What its proxies are for is done here by a call: after a panic the wasm begins anew with fresh memory, and an
// object made before must not be used again. wasm-bindgen sees to the first in every call of an export; see `shard` for the second.
import { DurableObject } from "cloudflare:workers";
import * as wasm from "./index.js";
import * as wire from "./wire.js";

// A panic's stack is long.
Error.stackTraceLimit = 100;

export default {
  fetch(request, env, ctx) {
    const facts = wire.facts(request);
    const reading = wire.body(request);
    const answer =
      reading === undefined
        ? wasm.handle(facts, undefined, request, env)
        : reading.then((bytes) => wasm.handle(facts, bytes ?? undefined, request, env));
    // A request whose client hangs up would otherwise be cut off in the middle, and what it holds in the wasm's memory
    // never freed.
    if (answer instanceof Promise) ctx.waitUntil(answer);
    return answer;
  },
};

/** Elects who has a ticket. */
export class TicketShard extends DurableObject {
  #instance;
  #shard;

  /** The shard, made anew where the wasm that it was made in is gone: its pointer would lead into another's memory. */
  get shard() {
    // Asking for the number is what lets the wasm begin anew, if it has to.
    const { instanceId } = wasm.__worker_init_state();
    if (this.#instance !== instanceId) {
      this.#shard = new wasm.TicketShard(this.ctx, this.env);
      this.#instance = instanceId;
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
