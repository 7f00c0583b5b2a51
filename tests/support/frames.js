// RFC 6455 from the server's side, as much as tests need: the handshake's answer, whole frames out, masked frames in.
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];

/** The 101, as it stands on the wire. */
export function accept(key, protocol) {
  const proof = createHash("sha1")
    .update(key + GUID)
    .digest("base64");
  const chosen = protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${proof}\r\n${chosen}\r\n`;
}

function frame(opcode, payload) {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** One connection after the 101. `messages` has strings and Buffers in the order in which they came. */
export class Connection {
  #socket;
  #pending = Buffer.alloc(0);
  #parts = [];
  #opcode;
  messages = [];
  open = true;
  onmessage = () => {};
  /** The path is dead: what comes is not heard, not even a close. */
  deaf = false;

  constructor(socket, head, about) {
    this.#socket = socket;
    Object.assign(this, about);
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.open = false;
        resolve(this.closing);
      });
    });
    socket.on("data", (chunk) => this.#read(chunk));
    this.#read(head);
  }

  send(data) {
    if (typeof data === "string") this.#write(TEXT, Buffer.from(data));
    else this.#write(BINARY, data);
  }

  ping() {
    this.#write(PING, Buffer.from("are you there"));
  }

  /** A clean close; the peer answers it. */
  close(code, reason = "") {
    const payload = Buffer.alloc(code === undefined ? 0 : 2);
    if (code !== undefined) payload.writeUInt16BE(code);
    this.#write(CLOSE, Buffer.concat([payload, Buffer.from(reason)]));
    this.sentClose = true;
  }

  /** The network is gone. */
  cut() {
    this.#socket.destroy();
  }

  #write(opcode, payload) {
    if (this.#socket.writable) this.#socket.write(frame(opcode, payload));
  }

  #read(chunk) {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const bytes = this.#pending;
      if (bytes.length < 2) return;
      const short = bytes[1] & 0x7f;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length < start + 4) return;
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
      const end = start + 4 + length;
      if (bytes.length < end) return;
      this.#pending = bytes.subarray(end);
      const mask = bytes.subarray(start, start + 4);
      const payload = bytes.subarray(start + 4, end).map((byte, index) => byte ^ mask[index % 4]);
      this.#take(bytes[0], Buffer.from(payload));
    }
  }

  #take(first, payload) {
    if (this.deaf) return;
    const opcode = first & 0x0f;
    if (opcode === PING) return this.#write(PONG, payload);
    if (opcode === PONG) return;
    if (opcode === CLOSE) return this.#leave(payload);
    if (opcode !== CONTINUATION) this.#opcode = opcode;
    this.#parts.push(payload);
    if ((first & 0x80) === 0) return;
    const whole = Buffer.concat(this.#parts.splice(0));
    const message = this.#opcode === TEXT ? whole.toString("utf8") : whole;
    this.messages.push(message);
    this.onmessage(message);
  }

  #leave(payload) {
    const code = payload.length >= 2 ? payload.readUInt16BE() : 1005;
    this.closing ??= { code, reason: payload.subarray(2).toString("utf8") };
    if (!this.sentClose) this.#write(CLOSE, payload);
    this.#socket.end();
  }
}
