// Attempts, connections and the waits between them: everything that one socket has is a variable here, where nobody else sees it.
import { watch } from "./alive.js";
import { ask } from "./ask.js";
import { after, check, closeEvent, refuse, sizeOf } from "./contract.js";
import { facts } from "./errors.js";

/** In place of a connection. */
const NONE = { close() {} };

/** Connects for `target`, a TicketSocket, which hears of it by events. */
export function connect(target, issue, options) {
  const {
    protocols = [],
    carriage,
    baseDelay = 1000,
    maxDelay = 30000,
    delay,
    maxRetries = options.reconnect === false ? 0 : Infinity,
    attemptTimeout = 10000,
    stableAfter = 5000,
    queue: mostQueued = 100,
    queueBytes = 1000000,
    onUnauthenticated,
    signal: until,
    WebSocket: Socket = WebSocket,
  } = options;
  const asks = !issue.call;
  // What the app's own fetch takes is not known here.
  check(asks && !options.fetch ? issue : "http://x", [].concat(protocols), options);

  let phase; // aborted when it's over
  let wake; // asks whether it has to wait, or whether the connection is still there
  let socket = NONE; // while open
  let ending = 0; // or CLOSING, or CLOSED
  let binaryType = "blob";
  let queued = 0;
  let failures = 0;
  let refused; // a 401, and no ticket since
  let dropped; // a 4401, and no connection that lived since
  const queue = [];

  const state = () => ending || +(socket.readyState === 1);

  const report = (error) => {
    const { message } = facts(error);
    target.dispatchEvent(Object.assign(new Event("error"), { error, message }));
    return message;
  };

  const enter = () => {
    phase?.abort();
    phase = new AbortController();
    const { signal } = phase;
    // The network, or the page, is back.
    const seen = ({ type }) => (type === "visibilitychange" && document.hidden) || wake?.();
    for (const type of ["online", "pageshow", "visibilitychange"])
      globalThis.addEventListener?.(type, seen, { signal });
    wake = undefined;
    return signal;
  };

  const finish = (end) => {
    ending = 3;
    phase.abort();
    socket = NONE;
    until?.removeEventListener("abort", stop);
    target.dispatchEvent(closeEvent(end, false, failures, 0));
  };

  // For `ms`, or until something wakes it, but not before `earliest`.
  const rest = (ms, earliest) => {
    const signal = enter();
    wake = () => rest(Math.min(ms, earliest - Date.now()), earliest);
    after(ms, signal, attempt);
  };

  // Without waiting for the peer, who may not be there any more: what the old socket still tells isn't heard.
  const drop = (reason, now) => {
    const old = socket;
    socket = NONE;
    over(undefined, { reason }, now);
    old.close();
  };

  const attempt = async () => {
    const signal = enter();
    const fail = (error) => signal.aborted || over(error);
    after(attemptTimeout, signal, () => fail(new Error("timeout")));
    let made = NONE;
    let ping;
    let watched;
    signal.onabort = () => made === socket || made.close();
    let answered;
    try {
      const answer = await (asks ? ask(issue, options, signal) : issue({ signal }));
      if (signal.aborted) return;
      answered = true;
      refused = false;
      ping = options.ping ?? answer.ping;
      const url = new URL(answer.url);
      let carried = answer.protocols ?? [];
      if (carriage === "subprotocol") {
        url.searchParams.delete("ticket");
        carried = ["ws-ticket.v1", answer.ticket];
      }
      made = new Socket(url.href, [].concat(carried, protocols));
    } catch (error) {
      // What is thrown about an answer may hold its ticket.
      return fail(answered ? new Error("bad answer") : error);
    }
    made.onopen = () => {
      if (signal.aborted) return made.close();
      made.binaryType = binaryType;
      try {
        while (queue.length) {
          made.send(queue[0]);
          queued -= sizeOf(queue.shift());
        }
      } catch (error) {
        // What the app sends as it hears of it belongs behind the rest: there is no connection yet.
        return fail(error);
      }
      socket = made;
      const open = enter();
      after(stableAfter, open, () => {
        failures = 0;
        dropped = false;
      });
      if (ping) {
        watched = watch(made, ping, options, open, () => drop("no answer"));
        wake = watched._check;
      }
      target.dispatchEvent(new Event("open"));
    };
    made.onmessage = (event) => {
      if (made === socket && !watched?._heard(event.data)) target.dispatchEvent(new MessageEvent("message", event));
    };
    made.onerror = made.onclose = (event) => {
      if (made !== socket) return fail(new Error("connection failed"));
      if (event.type === "error") return report(new Error("connection failed"));
      socket = NONE;
      over(undefined, event);
    };
  };

  // An attempt has failed, or its connection has ended.
  const over = async (error, end, now) => {
    const signal = enter();
    const { status, code, _least: least } = facts(error);
    wake = () => {};
    end ??= { reason: report(error) };
    if (signal.aborted) return;
    // What a function of the app's own throws is meant.
    if (status === 401 || (status === 403 && (code || !asks))) end.code = status + 4000;
    const lost = end.code === 4401;
    const last = (!now && failures >= maxRetries) || (lost && !onUnauthenticated) || end.code === 4403;
    if (ending || last) return finish(end);
    const question = lost && !(error ? refused : dropped);
    // That there is no network is a hint only: there may be a way all the same.
    const offline = globalThis.navigator?.onLine === false;
    let pause = offline ? maxDelay : Math.random() * Math.min(maxDelay, baseDelay * 2 ** failures || 0);
    if (!now) failures++;
    try {
      const wanted = !now && delay?.(failures);
      if (wanted >= 0) pause = +wanted;
    } catch (problem) {
      report(problem);
    }
    if (now || question) pause = 0;
    // What a timer can hold.
    const wait = Math.min(2 ** 31 - 1, least + pause);
    target.dispatchEvent(closeEvent(end, true, failures, wait));
    if (signal.aborted) return;
    if (!question) return rest(wait, Date.now() + least);
    refused = true;
    dropped ||= !error;
    wake = undefined;
    let goOn;
    try {
      goOn = await onUnauthenticated({ status, code, signal });
    } catch (problem) {
      report(problem);
    }
    if (signal.aborted) return;
    if (goOn) rest(0, 0);
    else finish(end);
  };

  const close = (code, reason) => {
    if (code !== undefined) {
      code = Math.round(code);
      if (code !== 1000 && !(code >= 3000 && code < 5000)) refuse("code", "InvalidAccessError");
    }
    if (sizeOf(reason) > 123) refuse("reason");
    if (ending) return;
    ending = 2;
    // Where there is a connection, its server has a while to answer.
    const end = socket === NONE && { reason, code: code ?? 1005 };
    after(end ? 0 : 2000, enter(), () => finish(end));
    socket.close(code, reason);
  };

  // Once, and not for each phase by its signal: of several such listeners on one target, Node loses all but the last.
  const stop = () => close();
  until?.addEventListener("abort", stop);

  // A timer even now: what React mounts twice asks once.
  rest(0, 0);
  if (until?.aborted) close();

  return {
    _state: state,
    _close: close,
    _socket: () => socket,
    _buffered: () => queued + (socket.bufferedAmount || 0),
    _binary(type) {
      if (type === "blob" || type === "arraybuffer") socket.binaryType = binaryType = type;
      return binaryType;
    },
    _send(data) {
      if (state() === 1) return socket.send(data);
      if (!(data?.byteLength >= 0 || data?.arrayBuffer)) data = `${data}`;
      const size = sizeOf(data);
      if (!ending) {
        if (queue.length >= mostQueued || queued + size > queueBytes) refuse("queue", "InvalidStateError");
        // A copy: the caller may reuse its buffer.
        queue.push((data.buffer ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data).slice());
      }
      queued += size;
    },
    _reconnect() {
      if (ending) return;
      if (socket === NONE && wake) wake();
      else drop("reconnect", true);
    },
    _take() {
      queued = 0;
      return queue.splice(0);
    },
  };
}
