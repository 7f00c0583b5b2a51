// A server on 127.0.0.1 that a gate asks: it keeps what it was asked, and it can fail.
//
// A fault holds until `heal()`:
//   refuse  the port is closed
//   hang    nothing is answered
//   stall   the headers and one byte of the body come, and then nothing
//   cut     the connection ends without an answer
//   half    the connection ends in the middle of the body
//   flood   a body without an end
//   slow    the answer comes after `ms` milliseconds
//   answer  `status`, `headers` and `body` are the answer
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const MODES = ["refuse", "hang", "stall", "cut", "half", "flood", "slow", "answer"];
const BLOCK = Buffer.alloc(16_384, " ");

export class WebServer {
  #fault;
  #answer;

  /** `answer` gives `{ status, headers, body }` for what was asked: `{ method, url, headers, body }`. */
  constructor(answer) {
    this.#answer = answer;
    this.asked = [];
  }

  async listen() {
    this.server = http.createServer((request, response) => this.#serve(request, response));
    await new Promise((resolve, reject) =>
      this.server.once("error", reject).listen(this.port ?? 0, "127.0.0.1", resolve),
    );
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  /** What was asked is counted from here on. */
  forget() {
    this.asked = [];
  }

  async fault(mode, { ms = 0, status = 200, headers = {}, body = "" } = {}) {
    if (!MODES.includes(mode)) throw new Error(`no such fault: ${mode}`);
    await this.heal();
    this.#fault = { mode, ms, status, headers, body };
    if (mode === "refuse") await this.#stop();
  }

  async heal() {
    this.#fault = undefined;
    if (!this.server.listening) await this.listen();
  }

  async close() {
    if (this.server.listening) await this.#stop();
  }

  async #stop() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  async #serve(request, response) {
    // One request a connection: what is kept open would outlive a refusal.
    response.setHeader("Connection", "close");
    response.on("error", () => {});
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url, headers } = request;
    const asked = { method, url, headers, body: Buffer.concat(chunks).toString() };
    this.asked.push(asked);
    const fault = this.#fault ?? { mode: "pass" };
    if (fault.mode === "hang") return;
    if (fault.mode === "cut") return request.socket.destroy();
    if (fault.mode === "slow") await sleep(fault.ms);
    const { status, headers: given, body } = fault.mode === "answer" ? fault : this.#answer(asked);
    response.writeHead(status, given);
    if (fault.mode === "flood") return flood(response);
    if (fault.mode === "stall") return response.write(" ");
    if (fault.mode === "half") return response.write(body.slice(0, body.length / 2), () => request.socket.destroy());
    response.end(body);
  }
}

function flood(response) {
  while (!response.destroyed && response.write(BLOCK));
  if (!response.destroyed) response.once("drain", () => flood(response));
}
