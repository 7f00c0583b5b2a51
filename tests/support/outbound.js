// Lets Workers of the harness ask other servers themselves. On its own the harness sends what they `fetch` through Node, which
// follows every redirect and turns a connection that fails into an answer of status 500: nothing that a platform does.
import { unstable_DevEnv as DevEnv } from "wrangler";

let done = false;

/** From here on every harness of this process leaves outgoing requests to workerd. */
export function askDirectly() {
  if (done) return;
  done = true;
  const controller = Object.getPrototypeOf(new DevEnv().config);
  const { set } = controller;
  controller.set = function (input, ...rest) {
    const { outboundService: _, ...dev } = input.dev;
    return set.call(this, { ...input, dev }, ...rest);
  };
}
