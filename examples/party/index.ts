// Rooms of partyserver behind the gate: server/README.md has it word for word, but for where the package is.
import { type Connection, routePartykitRequest, Server } from "partyserver";
import { type GateBinding, redeem } from "../../server/index.js";

interface Env extends Cloudflare.Env {
  GATE: GateBinding;
  Party: DurableObjectNamespace<Party>;
}

export class Party extends Server<Env> {
  override onMessage(connection: Connection, message: string | ArrayBuffer) {
    this.broadcast(message, [connection.id]);
  }
}

async function onBeforeConnect(request: Request, env: Env) {
  const admitted = await redeem(request, { gate: env.GATE });
  if (admitted instanceof Response) return admitted;
  const inside = new Request(request);
  inside.headers.set("X-Subject", encodeURIComponent(admitted.grant.subject));
  return inside;
}

export default {
  fetch: async (request, env) =>
    (await routePartykitRequest(request, env, { onBeforeConnect: (asked) => onBeforeConnect(asked, env) })) ??
    new Response("not found", { status: 404 }),
} satisfies ExportedHandler<Env>;
