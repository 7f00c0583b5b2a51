// The socket as an app sees it. What it does is in connect.js.
import { connect } from "./connect.js";
import { complete } from "./contract.js";

export class TicketSocket extends EventTarget {
  #core;
  constructor(issue, options) {
    super();
    this.#core = connect(this, issue, options?.concat ? { protocols: options } : options || {});
  }
  get readyState() {
    return this.#core._state();
  }
  get url() {
    return this.#core._socket().url?.split("?")[0] ?? "";
  }
  get protocol() {
    return this.#core._socket().protocol ?? "";
  }
  get extensions() {
    return this.#core._socket().extensions ?? "";
  }
  get bufferedAmount() {
    return this.#core._buffered();
  }
  get binaryType() {
    return this.#core._binary();
  }
  set binaryType(type) {
    this.#core._binary(type);
  }
  send(data) {
    // biome-ignore lint/complexity/noArguments: how many there were is the question
    if (!arguments.length) throw new TypeError("data");
    this.#core._send(data);
  }
  close(code, reason) {
    this.#core._close(code, reason);
  }
  reconnect() {
    this.#core._reconnect();
  }
  takeQueue() {
    return this.#core._take();
  }
}
complete(TicketSocket);
