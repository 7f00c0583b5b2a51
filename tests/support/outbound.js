// What of wrangler's harness is no part of the platform is taken out of the way: requests go to workerd and come from it, with nothing
// in between that a deployed gate doesn't have.
//
// In front of workerd the harness has a second workerd, a proxy that mends handshakes, rewrites `Origin`, repeats what a restart
// interrupted, and doubles what a request costs. Behind it, it sends what Workers `fetch` through Node, which follows every redirect
// and turns a connection that fails into an answer of status 500.
import { unstable_DevEnv as DevEnv } from "wrangler";

let done = false;

/** From here on every harness of this process is workerd alone. */
export function askDirectly() {
  if (done) return;
  done = true;
  const { config, proxy } = new DevEnv();
  outgoing(Object.getPrototypeOf(config));
  incoming(Object.getPrototypeOf(proxy));
}

function outgoing(controller) {
  const { set } = controller;
  controller.set = function (input, ...rest) {
    const { outboundService: _, ...dev } = input.dev;
    return set.call(this, { ...input, dev }, ...rest);
  };
}

/** The URL that `listen()` tells is the proxy's; here it is workerd's own, which may be another one after a reload. */
function incoming(controller) {
  for (const event of ["onConfigUpdate", "onBundleStart", "onReloadStart"]) controller[event] = () => {};
  controller.onReloadComplete = function ({ proxyData }) {
    const { protocol, hostname, port } = proxyData.userWorkerUrl;
    const ready = { url: new URL(`${protocol}//${hostname}:${port}`) };
    this.ready.resolve(ready);
    this.ready = { ...this.ready, promise: Promise.resolve(ready) };
  };
}
