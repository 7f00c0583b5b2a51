// How much somebody may send: messages and bytes a second, with a reserve that fills up again. One message is never larger than the
// reserve of bytes.

/** How many seconds' worth may come at once. */
const RESERVE = 4;
const encoder = new TextEncoder();

export class Meter {
  #messages;
  #bytes;
  #at;

  /** `messages` and `bytes`: a second. Full to begin with. */
  constructor(messages, bytes, now = Date.now()) {
    Object.assign(this, { messages, bytes });
    this.#messages = messages * RESERVE;
    this.#bytes = bytes * RESERVE;
    this.#at = now;
  }

  /** The bytes of the largest message. */
  get largest() {
    return this.bytes * RESERVE;
  }

  /**
   * Takes a message of `size` bytes; false, and nothing is taken, where there isn't enough left for it. A clock that was set back gives
   * nothing.
   */
  take(size, now = Date.now()) {
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    this.#messages = Math.min(this.messages * RESERVE, this.#messages + seconds * this.messages);
    this.#bytes = Math.min(this.bytes * RESERVE, this.#bytes + seconds * this.bytes);
    if (this.#messages < 1 || this.#bytes < size) return false;
    this.#messages -= 1;
    this.#bytes -= size;
    return true;
  }
}

/** The bytes of a message as they go over the wire, or `Infinity` where they are certainly more than `most`. */
export function sizeOf(data, most) {
  if (typeof data !== "string") return data.byteLength;
  return data.length > most ? Infinity : encoder.encode(data).byteLength;
}
