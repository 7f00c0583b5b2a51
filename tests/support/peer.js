// The other end of a session: a standard WebSocket, as a page has it.
import assert from "node:assert/strict";
import { PATIENCE_MS } from "./pace.js";

/** A standard WebSocket whose messages are kept from the first one on. */
export class Peer {
  /** `headers` are what no page could set: its Origin. */
  constructor(url, protocols = [], headers = {}) {
    this.messages = [];
    this.ws = new WebSocket(url, { protocols, headers });
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
      const late = new Error(`nothing came in ${PATIENCE_MS} ms`);
      await new Promise((resolve, reject) => {
        this.wake = resolve;
        setTimeout(reject, PATIENCE_MS, late).unref();
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
