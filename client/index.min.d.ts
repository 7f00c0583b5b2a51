// What index.min.js exports.
export { TicketSocket } from "./index.js";
