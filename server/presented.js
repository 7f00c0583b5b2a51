// What an upgrade presents: one ticket, in the query or beside `ws-ticket.v1` among the subprotocols, as the gate's own /ws takes it.
import { refusal } from "./refusal.js";

const OWN = "ws-ticket.v1";
/** What has this in it is a ticket, or has one wrapped up in it. */
const PREFIX = "wst_";
/** No ticket has more characters, so nobody is asked about one that has. */
const LONGEST = 512;
/** The cookie of BIND=cookie. The others are the app's own, and no business of the gate's. */
const COOKIE = "__Host-ws-ticket";
const BASE = "http://localhost";

/** A header's value, of a `Request` or of Node's. */
export function header({ headers }, name) {
  if (typeof headers.get === "function") return headers.get(name) ?? undefined;
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** `{ ticket, origin, cookie, address, protocol }`; or the refusal. */
export function presentedBy(request, address) {
  if (header(request, "upgrade")?.toLowerCase() !== "websocket") {
    return refusal(426, "upgrade_required", "Expected a WebSocket upgrade.", { Upgrade: "websocket" });
  }
  // Node has a path where a `Request` has a URL.
  if (!URL.canParse(request.url, BASE)) return refusal(400, "request_malformed", "Expected a URL that can be read.");
  const { searchParams } = new URL(request.url, BASE);
  const list = header(request, "sec-websocket-protocol") ?? "";
  const offers = list.split(",").flatMap((offer) => offer.trim() || []);
  const offered = offers.filter((offer) => offer.includes(PREFIX));
  const tickets = [...searchParams.getAll("ticket"), ...offered];
  if (tickets.length === 0) return refusal(400, "ticket_missing", "Expected one ticket.");
  if (tickets.length > 1) return refusal(400, "ticket_repeated", "Expected one ticket, found several.");
  if (offered.length > 0 && !offers.includes(OWN)) {
    return refusal(400, "subprotocol_invalid", "Expected ws-ticket.v1 beside the ticket in Sec-WebSocket-Protocol.");
  }
  // Never the ticket: whatever stands in the answer's header, the client is told.
  const protocol = offers.find((offer) => offer !== OWN && !offered.includes(offer)) ?? offers.find((o) => o === OWN);
  const [ticket] = tickets;
  if (ticket.length > LONGEST) return refusal(400, "ticket_malformed", "Expected a ticket as the gate gives it.");
  return { ticket, origin: header(request, "origin"), cookie: bond(header(request, "cookie")), address, protocol };
}

function bond(cookies) {
  const own = cookies?.split(";").filter((pair) => pair.trim().startsWith(`${COOKIE}=`));
  return own?.length > 0 ? own.join(";") : undefined;
}
