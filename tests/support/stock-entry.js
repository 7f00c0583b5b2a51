// An entry as `worker-build` makes one: it hands the request as it is to the handler of the crate `worker`, and knows nothing of ours.
import { WorkerEntrypoint } from "cloudflare:workers";
import * as wasm from "./index.js";

export default class extends WorkerEntrypoint {
  fetch(request) {
    return wasm.fetch(request, this.env, this.ctx);
  }
}

export const TicketShard = wasm.TicketShard;
export { Monitor as TicketMonitor } from "./src/objects/monitor.js";
export { Room as TicketRoom } from "./src/objects/room.js";
