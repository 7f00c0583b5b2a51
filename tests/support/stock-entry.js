// An entry as `worker-build` makes one: it hands the request as it is to the handler of the crate `worker`, and knows nothing of ours.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import * as wasm from "./index.js";

export default class extends WorkerEntrypoint {
  fetch(request) {
    return wasm.fetch(request, this.env, this.ctx);
  }
}

export const TicketShard = wasm.TicketShard;
export { Room as TicketRoom } from "./src/objects/room.js";
export class TicketMonitor extends DurableObject {}
