// The URL for libraries that make their own connections.
import { TicketSocket } from "./socket.js";

export function ticketUrl(issue, { onError, ...options } = {}) {
  // Refuses what can never work at once, and asks for nothing.
  new TicketSocket(issue, options).close();
  const { baseDelay = 1000, maxDelay = 30000, signal } = options;
  let refusals = 0;
  const next = (resolve, reject) => {
    function Url(url, protocols) {
      if (!protocols.length) {
        refusals = 0;
        socket.onclose = null;
        resolve(url);
      }
      socket.close(3000, "no ticket in the url");
    }
    const socket = new TicketSocket(issue, { ...options, WebSocket: Url });
    socket.onclose = ({ code, reason, willReconnect }) => {
      if (willReconnect) return;
      refusals += 1;
      (onError ?? reject)(Object.assign(new Error(reason || "aborted"), { code }));
    };
  };
  return () =>
    new Promise((resolve, reject) => {
      // Some libraries call again at once after a rejection.
      const wait = refusals && !onError ? Math.min(maxDelay, baseDelay * 2 ** Math.min(refusals, 31)) : 0;
      if (!wait || signal?.aborted) return next(resolve, reject);
      const go = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", go);
        next(resolve, reject);
      };
      const timer = setTimeout(go, wait);
      signal?.addEventListener("abort", go);
    });
}
