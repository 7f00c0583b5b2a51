// The other end of a session: a standard WebSocket, as a page has it.
import assert from "node:assert/strict";

/** A standard WebSocket whose messages are kept from the first one on. */
export class Peer {
  constructor(url, protocols = []) {
    this.messages = [];
    this.ws = new WebSocket(url, protocols);
    this.ws.binaryType = "arraybuffer";
    this.closed = new Promise((resolve) => this.ws.addEventListener("close", resolve));
    this.ws.addEventListener("message", ({ data }) => {
      this.messages.push(data);
      this.wake?.();
    });
    this.ws.addEventListener("close", () => this.wake?.());
    this.ws.addEventListener("error", () => this.wake?.());
  }
  async next() {
    while (this.messages.length === 0) {
      assert.ok(this.ws.readyState <= WebSocket.OPEN, "the socket closed before a message came");
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
    return this.messages.shift();
  }
  send(data) {
    this.ws.send(data);
  }
  close(...reason) {
    this.ws.close(...reason);
    return this.closed;
  }
}
