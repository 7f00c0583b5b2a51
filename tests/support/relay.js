// A TCP relay in front of a gate: the network between a browser and it, to be cut and healed. Its own port stays when the gate is
// restarted and has another one, and with it the origin that the browser sees.
import net from "node:net";

/** `gate` is anything with a `url`, which may change. */
export async function startRelay(gate) {
  const relay = new Relay(gate);
  await relay.heal();
  return relay;
}

class Relay {
  #open = new Set();
  #server;

  constructor(gate) {
    this.gate = gate;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** How many connections there are. */
  get open() {
    return this.#open.size;
  }

  /** Ends what is connected, as a restart of the gate does; new connections go through. */
  drop() {
    for (const socket of this.#open) socket.destroy();
  }

  /** What is connected leads nowhere any more, and nobody is told, as when a phone leaves its Wi-Fi; new connections go through. */
  freeze() {
    for (const socket of this.#open) socket.unpipe().pause();
  }

  /** Ends what is connected, and refuses what comes. */
  async cut() {
    const { promise, resolve } = Promise.withResolvers();
    this.#server.close(resolve);
    this.drop();
    await promise;
  }

  /** Takes connections again. */
  async heal() {
    this.#server = net.createServer({ noDelay: true }, (client) => this.#pass(client));
    await new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(this.port ?? 0, "127.0.0.1", resolve);
    });
    this.port = this.#server.address().port;
  }

  async close() {
    if (this.#server.listening) await this.cut();
  }

  #pass(client) {
    const { hostname, port } = new URL(this.gate.url);
    const server = net.connect({ host: hostname, port, noDelay: true });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ]) {
      this.#open.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        this.#open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
