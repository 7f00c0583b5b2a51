// MIT OR Apache-2.0. README.md says what it does when; index.min.js is `TicketSocket` in one file, for pages.
export { TicketSocket } from "./socket.js";
export { ticketUrl } from "./url.js";
