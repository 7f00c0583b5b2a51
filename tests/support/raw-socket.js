// A socket as a client may abuse it: any bytes out, whole frames in.
import { randomBytes } from "node:crypto";
import net from "node:net";

export const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];

/** A client's frame. `fin`, `rsv` (the three bits), `masked` and the length that it `declares` may be wrong. */
export function frame(opcode, payload = "", { fin = true, rsv = 0, masked = true, declares } = {}) {
  const bytes = Buffer.from(payload);
  const length = BigInt(declares ?? bytes.length);
  const head = Buffer.alloc(length < 126n ? 2 : length < 65_536n ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (length < 126n ? Number(length) : length < 65_536n ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(Number(length), 2);
  if (head.length === 10) head.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([head, bytes]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, bytes.map((byte, index) => byte ^ mask[index % 4])]);
}

/** A close frame with a code of any kind. */
export function close(code, reason = "") {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frame(CLOSE, Buffer.concat([head, Buffer.from(reason)]));
}

/** Opens a socket of `gate` (one of `startBare`), reads its welcome, and keeps every frame after it. */
export async function openRaw(gate) {
  const { ticket } = await gate.issue();
  const socket = new RawSocket(gate.port, ticket);
  const { opcode, payload } = await socket.next();
  if (opcode !== TEXT || JSON.parse(payload).type !== "welcome") throw new Error("the first frame is no welcome");
  return socket;
}

class RawSocket {
  #pending = Buffer.alloc(0);
  #begun = false;

  constructor(port, ticket) {
    this.socket = net.connect(port, "127.0.0.1");
    this.socket.on("data", (chunk) => {
      this.#pending = Buffer.concat([this.#pending, chunk]);
      this.#wake?.();
    });
    // A peer that has ended may tear the connection away while we write.
    this.socket.on("error", () => {});
    this.socket.on("close", () => this.#wake?.());
    const lines = [
      `GET /ws?ticket=${ticket} HTTP/1.1`,
      "Host: gate.example",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    this.socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  #wake;

  /** Writes bytes, a piece at a time where there are several. */
  send(...pieces) {
    for (const piece of pieces) this.socket.write(piece);
  }

  /** The next frame: `{ opcode, payload }`. */
  async next() {
    for (;;) {
      const found = this.#read();
      if (found) return found;
      if (this.socket.destroyed) throw new Error("the connection ended before a frame came");
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next frame, which is a close: its code, `undefined` where it has none, and its reason. */
  async closing() {
    const { opcode, payload } = await this.next();
    if (opcode !== CLOSE) throw new Error(`a frame with opcode ${opcode} came, and no close`);
    this.socket.destroy();
    return { code: payload.length < 2 ? undefined : payload.readUInt16BE(), reason: payload.toString("utf8", 2) };
  }

  #read() {
    if (!this.#begun) {
      const end = this.#pending.indexOf("\r\n\r\n");
      if (end < 0) return undefined;
      const first = this.#pending.toString("latin1", 0, end).split("\r\n")[0];
      if (!first.includes(" 101 ")) throw new Error(first);
      this.#pending = this.#pending.subarray(end + 4);
      this.#begun = true;
    }
    const bytes = this.#pending;
    if (bytes.length < 2) return undefined;
    const short = bytes[1] & 0x7f;
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < start) return undefined;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return undefined;
    this.#pending = bytes.subarray(start + length);
    return { opcode: bytes[0] & 0x0f, payload: bytes.subarray(start, start + length) };
  }
}
