// The servers behind a row of `rows.js`: real ones, each with a proxy in front that can fail. A backing has `vars` (the settings
// of a gate that uses it), `fault()` and `heal()` (the proxy's), the `server` itself, `entries()` (what it holds) and `close()`.
import { plainRedis, startRedis } from "./redis-server.js";
import { startProxy } from "./tcp-proxy.js";
import { startBridge } from "./upstash-bridge.js";

/** Redis as Debian ships it, or the one that REDIS_URL names. */
export const redis = async () => behindProxy(await plainRedis());

/** A Redis that is older than 6.2, as far as we can see: it doesn't know GETDEL. */
export const oldRedis = async () => behindProxy(await startRedis({ without: ["GETDEL"] }));

async function behindProxy(server) {
  const proxy = await startProxy(server.url);
  return backing(server, proxy, { REDIS_URL: proxy.url });
}

/** Upstash's REST API in front of a Redis. */
export async function upstash() {
  const server = await plainRedis();
  const bridge = await startBridge(server.url);
  return backing(server, bridge, bridge.vars);
}

function backing(server, front, vars) {
  return {
    vars,
    server,
    fault: (...how) => front.fault(...how),
    heal: () => front.heal(),
    entries: async () => (await server.entries()).filter(({ key }) => key.startsWith("wst:")),
    async close() {
      await front.close();
      await server.stop();
    },
  };
}
