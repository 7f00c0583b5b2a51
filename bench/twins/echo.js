// A Worker behind the gate, or by itself: a socket that sends every message back. It gives out a ticket that it doesn't look at.
export default {
  fetch(request) {
    if (request.method === "POST") return Response.json({ ticket: "x" });
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    server.send('{"type":"welcome"}');
    server.addEventListener("message", ({ data }) => server.send(data));
    return new Response(null, { status: 101, webSocket: client });
  },
};
