// For React: one socket for as long as a component is mounted.
import { useCallback, useEffect, useRef, useState } from "react";
import { TicketSocket } from "./socket.js";

const FUNCTIONS = ["issue", "body", "fetch", "delay", "onUnauthenticated"];

/** What makes another connection when it changes. Functions don't: their latest is called. */
const identity = (value) => (typeof value === "function" ? "function" : JSON.stringify(value));

export function useTicketSocket(issue, options = {}) {
  const [status, setStatus] = useState(issue == null ? "closed" : "connecting");
  const socket = useRef(null);
  const latest = useRef({});
  useEffect(() => {
    latest.current = { ...options, issue };
  });
  const { body, protocols, carriage } = options;
  const key = issue == null ? null : [issue, body, protocols, carriage].map(identity).join();
  useEffect(() => {
    if (key === null) {
      setStatus("closed");
      return undefined;
    }
    const mounted = new AbortController();
    const { signal } = mounted;
    const given = { ...latest.current };
    // Headers also where they are none: those of the first rendering may hold a token of yesterday.
    for (const name of ["headers", ...FUNCTIONS]) {
      if (name !== "headers" && typeof given[name] !== "function") continue;
      given[name] = (...all) => {
        const value = latest.current[name];
        return typeof value === "function" ? value(...all) : value;
      };
    }
    const { issue, onOpen, onMessage, onError, onClose, ...own } = given;
    const current = new TicketSocket(issue, { ...own, signal });
    const on = (type, name, next) =>
      current.addEventListener(
        type,
        (event) => {
          if (next) setStatus(next(event));
          latest.current[name]?.(event);
        },
        { signal },
      );
    on("open", "onOpen", () => "open");
    on("message", "onMessage");
    on("error", "onError");
    on("close", "onClose", ({ willReconnect }) => (willReconnect ? "connecting" : "closed"));
    socket.current = current;
    setStatus("connecting");
    // Closes the socket, and takes the listeners away: nothing of it is heard any more.
    return () => {
      mounted.abort();
      socket.current = null;
    };
  }, [key]);
  const send = useCallback((data) => {
    if (!socket.current) throw new DOMException("there is no socket", "InvalidStateError");
    socket.current.send(data);
  }, []);
  const reconnect = useCallback(() => socket.current?.reconnect(), []);
  return { status, send, reconnect };
}
