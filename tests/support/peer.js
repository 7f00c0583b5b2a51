// The other end of a session: a WebSocket of npm's `ws`, whose messages are kept from the first one on.
import assert from "node:assert/strict";
import { WebSocket } from "ws";
import { PATIENCE_MS } from "./pace.js";

export class Peer {
  /** `headers` are what no page could set: its Origin. */
  constructor(url, protocols = [], headers = {}) {
    this.messages = [];
    this.ws = new WebSocket(url, protocols, { headers });
    this.ws.binaryType = "arraybuffer";
    this.closed = new Promise((resolve) => this.ws.addEventListener("close", resolve));
    this.closed.then(() => clearInterval(this.looking));
    // Once the server has said that it closes, its code is known. workerd may keep the connection for ten seconds more, and
    // nothing can come on it.
    this.looking = setInterval(() => this.#isClosing && this.ws.terminate(), 20);
    this.ws.addEventListener("message", ({ data }) => {
      this.messages.push(data);
      this.wake?.();
    });
    this.ws.addEventListener("close", () => this.wake?.());
    this.ws.addEventListener("error", () => this.wake?.());
  }
  get #isClosing() {
    return this.ws.readyState === WebSocket.CLOSING && !this.leaves;
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
    this.leaves = true;
    this.ws.close(...reason);
    return this.closed;
  }
}
