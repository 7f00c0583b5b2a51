// The wire, the answer of `POST /ws-ticket` in a client's hands: Node's own WebSocket, which is made as a browser's is.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { refused, report } from "./support/refused.js";

const V1 = "ws-ticket.v1";

for (const carriage of ["", "query", "subprotocol"]) {
  describe(`the answer, TICKET_CARRIAGE=${carriage}`, () => {
    const bare = carriage === "subprotocol";
    let gate;
    before(async () => {
      gate = await startGate({ vars: { ...DEVELOPMENT, TICKET_STORE: "kv", TICKET_CARRIAGE: carriage } });
    });
    after(() => gate?.close());

    test("is what a WebSocket is made of: a URL with the ticket, or one without and the subprotocols", async () => {
      const { ticket, url, protocols } = await gate.issue();
      const end = bare ? "" : `?ticket=${ticket}`;
      assert.equal(url, `ws://${new URL(gate.url).host}/ws${end}`);
      assert.deepEqual(protocols, bare ? [V1, ticket] : undefined);
    });

    for (const [own, says] of [
      [[], bare ? V1 : ""],
      [["chat"], "chat"],
      [["graphql-ws", "chat"], "graphql-ws"],
    ]) {
      test(`opens with ${own.length} subprotocols of the app's own, and one of them is chosen`, async () => {
        const { url, protocols = [] } = await gate.issue({ sub: "alice" });
        const socket = new WebSocket(url, [...protocols, ...own]);
        const [{ data }] = await once(socket, "message");
        assert.equal(JSON.parse(data).subject, "alice");
        assert.equal(socket.protocol, says);
        socket.close();
        await once(socket, "close");
      });
    }

    test("a client that leaves half of it out is refused, and burns nothing", async () => {
      const { ticket, url, protocols = [] } = await gate.issue();
      const wrong = bare ? new WebSocket(url, protocols[1]) : new WebSocket(url.split("?")[0]);
      await once(wrong, "error");
      refused();
      assert.equal(await gate.opens(ticket, bare ? { query: "", headers: offered(protocols) } : {}), 101);
    });
  });
}

function offered(protocols) {
  return { "Sec-WebSocket-Protocol": protocols.join(", ") };
}

report();
