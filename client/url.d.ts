// What ws-ticket-client/url exports. The README says what it does.
import type { Issue, TicketUrlOptions } from "./index.js";

/**
 * For libraries that take an async function for the URL. Each call gets a fresh ticket and tries until it has one. It rejects where a
 * `TicketSocket` would stop, with an `Error` whose `code` is that of the `close`, and where the gate takes tickets in a subprotocol only;
 * with `onError`, that is called in place of it.
 */
export declare function ticketUrl(issue: Issue, options?: TicketUrlOptions): () => Promise<string>;
