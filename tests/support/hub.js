// Members of rooms.
import assert from "node:assert/strict";
import { Peer } from "./peer.js";

/** A member of the room that the body asks for: `{ peer, welcome, issued }`; with an app's subprotocols there is no welcome. */
export async function enter(gate, body, protocols = [], headers = {}) {
  const issued = await gate.issue(body, headers);
  const peer = new Peer(issued.url, protocols, headers);
  const welcome = protocols.length === 0 ? JSON.parse(await peer.next()) : undefined;
  if (protocols.length > 0) await new Promise((resolve) => peer.ws.addEventListener("open", resolve));
  return { peer, welcome, issued };
}

/** Leaves, and asserts that nothing came that wasn't read: a ping's answer comes behind all that was sent before. */
export async function silent(...members) {
  for (const { peer } of members) {
    peer.send("ws-ticket:ping");
    assert.equal(await peer.next(), "ws-ticket:pong");
    assert.deepEqual(peer.messages, []);
  }
  await Promise.all(members.map(({ peer }) => peer.close()));
}
