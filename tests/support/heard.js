/** The first message of a socket of `ws`, which is closed then; or the status of its refusal. */
export function heard(socket) {
  return new Promise((resolve, reject) => {
    socket.on("message", (text) => {
      resolve(String(text));
      socket.close();
    });
    socket.on("unexpected-response", (_, { statusCode }) => {
      resolve(statusCode);
      socket.terminate();
    });
    socket.on("error", reject);
  });
}
