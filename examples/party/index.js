// Rooms of partyserver behind the gate: server/README.md has it word for word, but for where the package is.
import { routePartykitRequest, Server } from "partyserver";
import { redeem } from "../../server/index.js";

export class Party extends Server {
  onMessage(connection, message) {
    this.broadcast(message, [connection.id]);
  }
}

async function onBeforeConnect(request, { env }) {
  const admitted = await redeem(request, { gate: env.GATE });
  if (admitted instanceof Response) return admitted;
  const inside = new Request(request);
  inside.headers.set("X-Subject", encodeURIComponent(admitted.grant.subject));
  return inside;
}

export default {
  fetch: async (request, env) =>
    (await routePartykitRequest(request, env, { onBeforeConnect: (req) => onBeforeConnect(req, { env }) })) ??
    new Response("not found", { status: 404 }),
};
