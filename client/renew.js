// Keeps a session in a room: before its end a fresh ticket goes over the connection that is there, so that it doesn't break off.
import { ask } from "./ask.js";
import { after } from "./contract.js";
import { facts } from "./errors.js";

/** How many tickets of one session's end may be refused. A gate closes after five. */
const REFUSED_MOST = 2;

export function renew(socket, issue, options = {}) {
  const { signal: until, baseDelay = 1000, maxDelay = 10000, onError } = options;
  const listening = new AbortController();
  const stop = () => {
    listening.abort();
    phase.abort();
  };
  let phase = new AbortController(); // aborted when there is nothing to renew any more
  let end; // the one that is about to come
  let failures;
  let refused;

  const attempt = async () => {
    const { signal } = phase;
    try {
      const answer = await (issue.call ? issue({ signal }) : ask(issue, options, signal));
      // Another connection has a session of its own.
      if (signal.aborted || socket.readyState !== 1) return;
      const ticket = answer.ticket ?? new URL(answer.url).searchParams.get("ticket");
      socket.send(JSON.stringify({ type: "renew", ticket }));
    } catch (error) {
      if (signal.aborted) return;
      onError?.(error);
      const { status, _least } = facts(error);
      // Without the login there is no other end; when it comes, the socket asks for a ticket and hears so itself.
      if (status !== 401 && status !== 403) later(_least);
    }
  };

  const later = (least) => {
    failures += 1;
    after(least + Math.random() * Math.min(maxDelay, baseDelay * 2 ** failures), phase.signal, attempt);
  };

  const heard = ({ data }) => {
    // With a subprotocol of the app's own none of it is the gate's: others may write what they like.
    if (typeof data !== "string" || (socket.protocol && socket.protocol !== "ws-ticket.v1")) return;
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    const { type, code, session_expires_at: at } = frame ?? {};
    if (type === "expiring" && at !== end) {
      over();
      [end, failures, refused] = [at, 0, 0];
      attempt();
    } else if (type === "renewed") {
      over();
      // Announced again only where it has moved: a login that ends then gives no more.
      end = at === end ? end : undefined;
    } else if (type === "renew_refused" && end && code !== "renewal_pending") {
      if (/^ticket_/.test(code)) refused += 1;
      if (refused < REFUSED_MOST) later(0);
    }
  };

  const over = () => {
    phase.abort();
    phase = new AbortController();
  };
  const closed = () => {
    over();
    end = undefined;
  };

  const { signal } = listening;
  socket.addEventListener("message", heard, { signal });
  socket.addEventListener("close", closed, { signal });
  until?.addEventListener("abort", stop, { signal });
  if (until?.aborted) stop();
  return stop;
}
