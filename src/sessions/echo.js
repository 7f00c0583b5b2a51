// The session that sends every message back as it was: text as text, bytes as bytes. A ping is answered. No message enters the wasm.

/** The answer that opens it; `welcome` is its first frame, and `protocol`, where there is one, the subprotocol. */
export function open(welcome, protocol, ping, pong) {
  const { 0: client, 1: server } = new WebSocketPair();
  // By default bytes arrive as a `Blob`, which can't be read at once
  // (https://developers.cloudflare.com/workers/configuration/compatibility-flags/, websocket_standard_binary_type).
  server.binaryType = "arraybuffer";
  server.accept();
  server.send(welcome);
  server.addEventListener("message", ({ data }) => {
    try {
      server.send(data === ping ? pong : data);
    } catch {
      // The other side is gone, or going: the platform answers its close by itself.
    }
  });
  const headers = protocol === undefined ? undefined : { "Sec-WebSocket-Protocol": protocol };
  return new Response(null, { status: 101, webSocket: client, headers });
}
