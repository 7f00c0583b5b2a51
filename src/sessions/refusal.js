// A socket that is opened only to say why there is none: a page sees nothing of a refused upgrade but that it failed.

/** The answer: nothing is delivered before the close. `protocol`: one of those that were offered, without which browsers give up. */
export function refuse(code, reason, protocol) {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  const headers = protocol === undefined ? undefined : { "Sec-WebSocket-Protocol": protocol };
  return new Response(null, { status: 101, webSocket: client, headers });
}
