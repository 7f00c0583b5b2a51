// The network between a client and a gate: TCP as it comes, and a cut for everything that is on the way.
import net from "node:net";

/** A line to the server that `url` names; its own `url` is what a client uses instead. */
export async function startLine(url) {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  const keep = (socket, other) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
  };
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    keep(near, far);
    keep(far, near);
    near.pipe(far).pipe(near);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
