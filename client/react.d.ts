// What ws-ticket-client/react exports. The README says what it does.
import type { Issue, TicketCloseEvent, TicketErrorEvent, TicketSocket, TicketSocketOptions } from "./index.js";

export interface UseTicketSocketOptions extends Omit<TicketSocketOptions, "signal"> {
  onOpen?: (event: Event) => void;
  onMessage?: (event: MessageEvent) => void;
  onError?: (event: TicketErrorEvent) => void;
  onClose?: (event: TicketCloseEvent) => void;
}

/**
 * One socket for as long as the component is mounted; none while `issue` is null. Another `issue`, `body`, `protocols` or `carriage` makes
 * another socket; functions and `headers` may be made anew for each rendering, the latest count.
 */
export declare function useTicketSocket(
  issue: Issue | null | undefined,
  options?: UseTicketSocketOptions,
): {
  /** `closed` when it has stopped for good, and while there is none. */
  status: "connecting" | "open" | "closed";
  /** As the socket's; throws an `InvalidStateError` while there is none. */
  send: TicketSocket["send"];
  reconnect: TicketSocket["reconnect"];
};
