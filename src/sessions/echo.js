// The session that sends every message back as it was: text as text, bytes as bytes. A ping is answered. No message enters the wasm.
//
// It ends by a timer of the isolate's, and nobody can end it from outside: where it runs is known to nobody. What it sends to a client
// that doesn't read stays in the isolate's memory, and the platform doesn't say how much that is; so what a session may send has limits.
import { EXPIRED, TOO_LARGE, TOO_MUCH } from "../platform/closing.js";
import { Meter, sizeOf } from "../platform/meter.js";

/** A second, with four seconds' worth at once; a message has at most 4 MiB. */
const [MESSAGES, BYTES] = [1024, 1024 * 1024];
/** All that one session sends back. */
const BYTES_IN_ALL = 64 * 1024 * 1024;
/** What a timer can hold, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * The answer that opens it; `welcome` is its first frame, and `protocol`, where there is one, the subprotocol. It ends at `endsAt`,
 * milliseconds since 1970, where there is an end.
 */
export function open(welcome, protocol, ping, pong, endsAt) {
  const { 0: client, 1: server } = new WebSocketPair();
  // By default bytes arrive as a `Blob`, which can't be read at once
  // (https://developers.cloudflare.com/workers/configuration/compatibility-flags/, websocket_standard_binary_type).
  server.binaryType = "arraybuffer";
  server.accept();
  server.send(welcome);
  const meter = new Meter(MESSAGES, BYTES);
  let left = BYTES_IN_ALL;
  let over = false;
  let timer;
  const stop = () => {
    over = true;
    clearTimeout(timer);
  };
  const end = ([code, reason]) => {
    stop();
    server.close(code, reason);
  };
  const wait = () => {
    const ms = endsAt - Date.now();
    if (ms <= 0) end(EXPIRED);
    else timer = setTimeout(wait, Math.min(ms, LONGEST));
  };
  server.addEventListener("message", ({ data }) => {
    // After a close messages may still come.
    if (over) return;
    const size = sizeOf(data, meter.largest);
    left -= size;
    try {
      if (Date.now() >= endsAt) end(EXPIRED);
      else if (size > meter.largest) end(TOO_LARGE);
      else if (left < 0 || !meter.take(size)) end(TOO_MUCH);
      else server.send(data === ping ? pong : data);
    } catch {
      // The other side is gone, or going: the platform answers its close by itself.
    }
  });
  server.addEventListener("close", stop);
  server.addEventListener("error", stop);
  if (endsAt !== undefined) wait();
  const headers = protocol === undefined ? undefined : { "Sec-WebSocket-Protocol": protocol };
  return new Response(null, { status: 101, webSocket: client, headers });
}
