// What ws-ticket-client/renew exports. The README says what it does.
import type { Issue, RequestOptions, TicketSocket } from "./index.js";

export interface RenewOptions extends RequestOptions {
  /** The bound of the first wait after a failure, in milliseconds. It doubles with each; a wait is anything from 0 to the bound. Default: 1000. */
  baseDelay?: number;
  /** What the bound doesn't exceed, in milliseconds. Default: 10000. */
  maxDelay?: number;
  /** Hears why there was no ticket, as the socket's `error` event would. The session goes on to its old end. */
  onError?: (error: unknown) => void;
  /** Stops it; the socket goes on. */
  signal?: AbortSignal;
}

/**
 * Renews the session of each connection of `socket` a minute before its end, for rooms of a gate (`SESSION=hub`). `issue` and the options are
 * those of the socket: the ticket must be for the same room. A session whose login ends isn't renewed beyond that.
 */
export declare function renew(socket: TicketSocket | WebSocket, issue: Issue, options?: RenewOptions): () => void;
