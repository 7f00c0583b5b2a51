// Put in front of the gate, for what only a look from outside can tell or do; the figures of such a side are compared with care.
//   QUIET=yes       what the gate logs is dropped before the runtime sees it
//   TRIP_MS         each ask of a shard takes so many milliseconds more, as over a network
// GET /__operations tells how often each store's binding was asked since the last look.
import { asked } from "./asked.js";
import gate from "./gate.js";

export * from "./gate.js";

const log = console.log;
const counted = {};
const count = (name) => {
  counted[name] = (counted[name] ?? 0) + 1;
};

/** The bindings, each counted. Made once: the gate starts with them. */
let bindings;
const wrapped = (env) => {
  bindings ??= {
    ...env,
    ...(env.TICKET_SHARD && { TICKET_SHARD: asked.shard(env.TICKET_SHARD, Number(env.TRIP_MS ?? 0), count) }),
    ...(env.WS_TICKETS_KV && { WS_TICKETS_KV: asked.kv(env.WS_TICKETS_KV, count) }),
  };
  return bindings;
};

export default {
  fetch(request, env, ctx) {
    if (request.url.endsWith("/__operations")) {
      const answer = Response.json(counted);
      for (const name of Object.keys(counted)) delete counted[name];
      return answer;
    }
    console.log = env.QUIET === "yes" ? () => undefined : log;
    return gate.fetch(request, wrapped(env), ctx);
  },
};
