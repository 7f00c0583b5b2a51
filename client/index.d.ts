// What ws-ticket-client exports. The README says what it does when.

/** What opens a connection, once. */
export interface Opening {
  /** Absolute, `ws:` or `wss:` (browsers also take `http:` and `https:`). */
  url: string | URL;
  /** Subprotocols to offer before the app's own. */
  protocols?: string | readonly string[];
  /** The ticket itself, which `carriage: "subprotocol"` needs. */
  ticket?: string;
  /** The text message that the session answers with `ws-ticket:pong`; as a gate answers it. */
  ping?: string;
}

/**
 * A source of tickets: the URL of a gate's `POST /ws-ticket`, or a function that is called before each attempt to connect.
 * What it rejects with may have a `status`: 401 and 403 are understood as from a gate; and a `retryAfter`, in seconds or as an HTTP date.
 */
export type Issue = string | URL | ((context: { signal: AbortSignal }) => Opening | Promise<Opening>);

type HeadersLike = Headers | Record<string, string> | [string, string][];

/** A class like `WebSocket`, as far as it is used. */
export type WebSocketClass = new (url: string, protocols: string[]) => object;

/** A lost login: what refused the ticket, if it was that, and not a connection that was closed with 4401. */
export interface LostLogin {
  /** 401. */
  status?: number;
  /** The gate's; `login` where the answer was a redirect or a page in HTML. */
  code?: string;
  /** Aborted when the answer isn't waited for any more. */
  signal: AbortSignal;
}

/** How to ask a gate. Not used where `issue` is a function, but for `signal`. */
export interface RequestOptions {
  /** Headers of the request for a ticket, or a function that is called for each: an `Authorization`, say. */
  headers?: HeadersLike | ((context: { signal: AbortSignal }) => HeadersLike | Promise<HeadersLike>);
  /** Sent as JSON: `{ room: "lobby" }`; or a function that is called for each request. */
  body?: object | ((context: { signal: AbortSignal }) => object | undefined | Promise<object | undefined>);
  /** Whether cookies go with it, as for `fetch`. Default: to the page's own origin. */
  credentials?: "include" | "omit" | "same-origin";
  /** In place of the global `fetch`. */
  fetch?: (url: string | URL, init: RequestInit) => Promise<Response>;
}

/** What to do about failures. A number below 0, or that is none, is refused with a `RangeError`. */
export interface RetryOptions {
  /** The bound of the first wait, in milliseconds. It doubles with each failure; a wait is anything from 0 to the bound. Default: 1000. */
  baseDelay?: number;
  /** What the bound doesn't exceed, in milliseconds. Default: 30000. */
  maxDelay?: number;
  /**
   * In place of the random wait: milliseconds to wait before the retry `attempt`, from 1. A `Retry-After` still comes on top. What is no number,
   * or below 0, leaves the random wait.
   */
  delay?: (attempt: number) => number | undefined;
  /** How many retries there are until a connection lives for `stableAfter`; then it stops. Default: no end. */
  maxRetries?: number;
  /** How long an attempt may take, ticket and connection together, in milliseconds, from 1. Default: 10000. */
  attemptTimeout?: number;
  /**
   * The login has been lost: a ticket was refused with 401, or a connection closed with 4401. It is called once for each loss. True means
   * to go on, at once; anything else, or an exception, to stop. Default: to stop.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function without a return is a usual one
  onUnauthenticated?: (lost: LostLogin) => boolean | undefined | void | Promise<boolean | undefined | void>;
  /** Closes it. */
  signal?: AbortSignal;
}

export interface TicketSocketOptions extends RequestOptions, RetryOptions {
  /** The app's own subprotocols. */
  protocols?: string | readonly string[];
  /** `"subprotocol"` takes the ticket out of the URL. Default: as the gate answers, which is `"query"` unless that is off. */
  carriage?: "query" | "subprotocol";
  /**
   * What asks whether the connection still leads anywhere, when nothing was heard for `pingInterval`. Default: `ping` of the gate's answer. False:
   * nothing asks. A text: the app's own message, for other servers; its answer is a message like any other.
   */
  ping?: false | string;
  /** How long nothing may be heard before it is asked, in milliseconds, from 1. Default: 30000. */
  pingInterval?: number;
  /** How long nothing may be heard then, in milliseconds, from 1. Default: 5000. */
  pingTimeout?: number;
  /** False: one attempt and one connection, for libraries that reconnect by themselves. Default: true. */
  reconnect?: boolean;
  /** How long a connection must have lived for failures before it to be forgotten, in milliseconds. Default: 5000. */
  stableAfter?: number;
  /** How many messages wait while there is no connection. 0: none; `send` throws then. Default: 100. */
  queue?: number;
  /** How many bytes these may have together. Default: 1000000. */
  queueBytes?: number;
  /** In place of the global `WebSocket`. */
  WebSocket?: WebSocketClass;
}

export interface TicketUrlOptions extends RequestOptions, RetryOptions {
  /**
   * Called in place of a rejection, for libraries that go wrong on one: the promise stays pending then. `code` is that of the `close`: 4401
   * for a lost login, 4403, or 1006 after `maxRetries`.
   */
  onError?: (error: Error & { code: number }) => void;
}

/** An attempt has failed, its connection has ended, or the socket was closed in between. */
export interface TicketCloseEvent extends Event {
  /** As a `WebSocket` has it. Also 4401 and 4403 where a ticket was refused with 401 and 403, and 1006 for all other failures. */
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  /** False for the last event of a socket, and for that one only. */
  readonly willReconnect: boolean;
  /** Which retry comes next, from 1, since a connection lived for `stableAfter`. In the last event: how many there were. */
  readonly attempt: number;
  /** How long it waits before that, in milliseconds. Less when the network or the page comes back. */
  readonly delay: number;
}

/** Why an attempt has failed. It never holds a ticket, unless what `issue` itself threw does. */
export interface TicketErrorEvent extends Event {
  readonly message: string;
  /** An `Error`, with `status` and `code` where a gate refused (its problem details); or what `issue`, `headers` or `onUnauthenticated` threw. */
  readonly error: unknown;
}

export interface TicketSocketEventMap {
  open: Event;
  message: MessageEvent;
  error: TicketErrorEvent;
  close: TicketCloseEvent;
}

type Handler<E> = ((this: TicketSocket, event: E) => unknown) | null;
type Listener<E> = ((this: TicketSocket, event: E) => unknown) | { handleEvent(event: E): unknown } | null;
// biome-ignore lint/suspicious/noExplicitAny: what a WebSocket calls it with is not known here
type AnyHandler = ((event: any) => any) | null;
type ListenerOptions = boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal };

/** A `WebSocket` that gets a fresh ticket before each attempt to connect, and goes on until it is told to stop. */
export declare class TicketSocket extends EventTarget {
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  /** The second argument may be the app's subprotocols, as for `WebSocket`. */
  constructor(issue: Issue, options?: TicketSocketOptions | string | readonly string[]);

  // Read as functions of anything, so that a TicketSocket can stand where a WebSocket is wanted.
  get onopen(): AnyHandler;
  set onopen(handler: Handler<Event>);
  get onmessage(): AnyHandler;
  set onmessage(handler: Handler<MessageEvent>);
  get onerror(): AnyHandler;
  set onerror(handler: Handler<TicketErrorEvent>);
  get onclose(): AnyHandler;
  set onclose(handler: Handler<TicketCloseEvent>);

  /** OPEN while there is a connection. CONNECTING also between two of them. CLOSED when it has stopped for good. */
  readonly readyState: 0 | 1 | 2 | 3;
  /** The connection's, without its query; empty while there is none. */
  readonly url: string;
  /** What the server chose; empty while there is no connection. */
  readonly protocol: string;
  readonly extensions: string;
  /** Bytes that wait, for a connection or in it. */
  readonly bufferedAmount: number;
  /** Kept from connection to connection. */
  binaryType: "blob" | "arraybuffer";

  /**
   * Sends, or queues while there is no connection; throws an `InvalidStateError` where the queue has no room. After `close` it does
   * nothing, as with `WebSocket`.
   */
  send(data: string | ArrayBuffer | ArrayBufferView | Blob): void;
  /** What waits for a connection, in order, and waits no more. Also after the end: what was never sent. */
  takeQueue(): (string | ArrayBuffer | Uint8Array | Blob)[];
  /** Drops the connection at once, without a closing handshake, and gets another with a fresh ticket; ends a wait, but not a `Retry-After`. */
  reconnect(): void;
  /**
   * Ends it for good. `code` is 1000 or 3000 to 4999, `reason` has at most 123 bytes; others are refused as by a `WebSocket`. The last `close`
   * comes within two seconds: 1006 where the server has not answered by then.
   */
  close(code?: number, reason?: string): void;

  addEventListener<K extends keyof TicketSocketEventMap>(
    type: K,
    listener: Listener<TicketSocketEventMap[K]>,
    options?: ListenerOptions,
  ): void;
  addEventListener(type: string, listener: Listener<Event>, options?: ListenerOptions): void;
  removeEventListener<K extends keyof TicketSocketEventMap>(
    type: K,
    listener: Listener<TicketSocketEventMap[K]>,
    options?: boolean | { capture?: boolean },
  ): void;
  removeEventListener(type: string, listener: Listener<Event>, options?: boolean | { capture?: boolean }): void;
}

export { ticketUrl } from "./url.js";
