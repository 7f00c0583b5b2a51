// One room: the sockets of those who are in it, and what each of them says handed on to the others. It promises that no frame passes a
// session after its end, in either direction, by this object's clock; that a message reaches each other member once; and that it sleeps
// while nobody speaks.
//
// It is a script because each step is a call of the platform's: no message enters the wasm, and a broadcast is one loop where the sockets
// are. All that must outlast its memory stands in the sockets' attachments, which live exactly as long as they do: when a close event
// never comes there is nothing to clear away, and no table that says otherwise. No timers and no promises that wait: they would keep it
// awake, and billed (https://developers.cloudflare.com/durable-objects/best-practices/websockets/).
import { DurableObject } from "cloudflare:workers";
import { EXPIRED, REVOKED, TOO_LARGE, TOO_MUCH, UNHEARD } from "../platform/closing.js";
import { Meter, sizeOf } from "../platform/meter.js";
import { Ended } from "./room/ended.js";
import { renewalIn } from "./room/renewal.js";

/** What the room answers by when it takes nobody in; `src/sessions/hub.rs` knows them. */
const [FULL, NOT_TAKEN] = [240, 241];
/** Of this form are attachments; one of another is a later version's. */
const VERSION = 1;
/** What a member may send in a second, with four seconds' worth at once; a message has at most 1 MiB. */
const [MESSAGES, BYTES] = [128, 256 * 1024];
/** What the room hands on in a second, with four seconds' worth at once: a message's bytes count for each who gets it. */
const HANDED_ON = 16 * 1024 * 1024;
/** How many bytes are sent to a member that says nothing, not even a ping: the platform doesn't tell how many lie unsent. */
const UNHEARD_BYTES = 4 * 1024 * 1024;
/** How long before its end a session is told, in milliseconds. */
const NOTICE = 60_000;
/** Ends that lie in one second are woken for together. */
const TOGETHER = 1000;
/** An alarm that should have come so long ago isn't coming. */
const LATE = 5000;
/** How many sockets an object can hold (https://developers.cloudflare.com/durable-objects/api/state/#acceptwebsocket). */
const SOCKETS_MOST = 32_768;
/** How many tickets' public names a session keeps: that which opened it, and the last that renewed it. */
const TICKETS_MOST = 8;
/** How many tickets a session may present that are refused. */
const REFUSED_MOST = 5;
const [PING, PONG] = ["ws-ticket:ping", "ws-ticket:pong"];

export class Room extends DurableObject {
  /** Sockets that are open and not ended, with what is known of each; made anew after a sleep. */
  #members;
  #handedOn = new Meter(1e9, HANDED_ON);
  #ended;
  /** For when the alarm is set, as far as this instance knows. */
  #alarm;

  constructor(ctx, env) {
    super(ctx, env);
    this.#ended = new Ended(ctx.storage.sql);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  /**
   * Whose ticket a member presents while it is here: `{ key, room, ticket, issued, ends, until }`, or the code of a refusal. The entry has
   * it, where the gate is.
   */
  renewal() {
    return Promise.resolve("not_supported");
  }

  /** Takes a member in: what the gate says of it stands in a header, which only the gate can send. */
  async fetch(request) {
    const { most, welcome, protocol, ticket, ...told } = JSON.parse(
      decodeURIComponent(request.headers.get("X-Ticket-Session")),
    );
    const now = Date.now();
    if (told.ends <= now || this.#isEnded({ ...told, ticket })) return new Response(null, { status: NOT_TAKEN });
    const members = this.#all();
    // Those that are closing count for the platform, which throws at one too many.
    const isFull = members.size >= most || this.ctx.getWebSockets().length >= SOCKETS_MOST;
    if (isFull) return new Response(null, { status: FULL });
    const { 0: client, 1: socket } = new WebSocketPair();
    this.ctx.acceptWebSocket(socket);
    const member = { ...told, tickets: [ticket], told: told.ends - now <= NOTICE };
    keep(socket, member);
    members.set(socket, awake(member, now));
    if (member.own) socket.send(welcome);
    const headers = protocol === undefined ? undefined : { "Sec-WebSocket-Protocol": protocol };
    const answer = new Response(null, { status: 101, webSocket: client, headers });
    await this.#wakeFor(next(member));
    return answer;
  }

  webSocketMessage(socket, data) {
    const from = this.#all().get(socket);
    // After a close messages may still come.
    if (from === undefined) return;
    const now = Date.now();
    const size = sizeOf(data, from.meter.largest);
    from.unheard = 0;
    if (now >= from.ends) this.#end(socket, EXPIRED);
    else if (size > from.meter.largest) this.#end(socket, TOO_LARGE);
    else if (!from.meter.take(size, now)) this.#end(socket, TOO_MUCH);
    else if (data === PING) socket.send(PONG);
    else {
      const renewal = from.own ? renewalIn(data) : undefined;
      if (renewal !== undefined) return this.#renew(socket, from, renewal);
      this.#broadcast(socket, from, data, size, now);
    }
    return this.#watchAlarm(now);
  }

  webSocketClose(socket, code, reason) {
    this.#all().delete(socket);
    try {
      // 1005 stands for none.
      if (code === 1005) socket.close();
      else socket.close(code, reason);
    } catch {
      // A code that can't be sent, or nobody is there to hear it.
    }
    return this.#watchAlarm(Date.now());
  }

  webSocketError(socket) {
    this.#all().delete(socket);
  }

  /**
   * Ends sessions from outside, by RPC: of a subject (`key`), one alone (`id`), both, or all. With `before` only those that a ticket opened
   * which was issued earlier, and until `until` none of such a ticket is taken in any more. Those in `except` stay. They are closed with
   * `code` and `reason`, where there are some. How many it ended.
   */
  end({ key, id, before = Infinity, until, except = [], code, reason, ...more }) {
    understood(more);
    if (key !== undefined && until !== undefined) this.#ended.add(key, before, until);
    const meant = (member) => is(member, key, id) && member.issued < before && !except.includes(member.id);
    return this.#endThose(meant, code === undefined ? REVOKED : [code, reason]);
  }

  /** Ends what a ticket opened or renewed, or is about to, by its public name; how many. */
  endTicket({ ticket, until, except, ...more }) {
    understood(more);
    // It may be on its way here. However often a copy comes, it is written down once.
    if (!this.#isEnded({ ticket })) this.#ended.add(ticket, until, until);
    return this.#endThose(({ tickets }) => tickets.includes(ticket), REVOKED);
  }

  async #endThose(meant, how) {
    let count = 0;
    for (const [socket, member] of this.#all()) {
      if (!meant(member)) continue;
      this.#end(socket, how);
      count += 1;
    }
    await this.#wakeFor(this.#first());
    return count;
  }

  /**
   * Gives them a new end, later or earlier, and never later than it is remembered where they are; how many there were. One that is over
   * already stays over.
   */
  async extend({ key, id, ends, except, ...more }) {
    understood(more);
    const now = Date.now();
    let count = 0;
    for (const [socket, member] of this.#all()) {
      if (!is(member, key, id)) continue;
      if (now >= member.ends) this.#end(socket, EXPIRED);
      else {
        this.#prolong(socket, member, Math.min(ends, member.until));
        count += 1;
      }
    }
    await this.#wakeFor(this.#first());
    return count;
  }

  /** The sessions of a subject, or all. */
  list({ key, except, ...more }) {
    understood(more);
    const found = [...this.#all().values()].filter((member) => is(member, key));
    return found.map(({ id, sub, issued, ends }) => ({
      session: id,
      subject: sub,
      issued_at: when(issued),
      session_expires_at: when(ends),
    }));
  }

  /** Ends the sessions whose time is over, and tells those whose time is nearly over. */
  async alarm() {
    const now = Date.now();
    this.#alarm = Infinity;
    for (const [socket, member] of this.#all()) {
      if (now >= member.ends) this.#end(socket, EXPIRED);
      else if (now >= next(member)) {
        member.told = true;
        keep(socket, member);
        this.#say(socket, member, { type: "expiring", session_expires_at: when(member.ends) });
      }
    }
    this.#ended.forget(now);
    await this.#wakeFor(this.#first());
  }

  /** Hands the message to all others: each that speaks the gate's own protocol learns who says it, the rest get it as it is. */
  #broadcast(socket, from, data, size, now) {
    const members = this.#all();
    if (!this.#handedOn.take(size * (members.size - 1), now)) return this.#end(socket, TOO_MUCH);
    let message;
    for (const [other, member] of members) {
      if (member === from) continue;
      if (now >= member.ends) this.#end(other, EXPIRED);
      else if (member.unheard + size > UNHEARD_BYTES && !this.#isThere(other, member)) this.#end(other, UNHEARD);
      else {
        member.unheard += size;
        const wrapped = member.own && typeof data === "string";
        if (wrapped) message ??= JSON.stringify({ type: "message", session: from.id, subject: from.sub, data });
        this.#send(other, wrapped ? message : data);
      }
    }
  }

  /** Whether the platform has answered a ping of it since something was last heard. */
  #isThere(socket, member) {
    const pinged = this.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
    if (pinged === member.pinged) return false;
    member.pinged = pinged;
    member.unheard = 0;
    return true;
  }

  /** A fresh ticket of the same subject for the same room prolongs the session. One at a time, so that a member can't make many calls. */
  async #renew(socket, member, { ticket }) {
    if (member.renewing) return this.#say(socket, member, { type: "renew_refused", code: "renewal_pending" });
    let found = "ticket_malformed";
    if (typeof ticket === "string") {
      member.renewing = true;
      try {
        found = await this.renewal(ticket, member);
      } finally {
        member.renewing = false;
      }
    }
    // Meanwhile it may have ended.
    if (this.#all().get(socket) !== member) return;
    if (Date.now() >= member.ends) return this.#end(socket, EXPIRED);
    const isRenewal = typeof found !== "string" && found.key === member.key && found.room === member.room;
    if (typeof found !== "string" && (!isRenewal || this.#isEnded(found))) found = "ticket_refused";
    if (typeof found === "string") {
      member.refused += found.startsWith("ticket_") ? 1 : 0;
      this.#say(socket, member, { type: "renew_refused", code: found });
      return member.refused >= REFUSED_MOST ? this.#end(socket, TOO_MUCH) : undefined;
    }
    member.issued = Math.max(member.issued, found.issued);
    member.until = Math.max(member.until, found.until);
    const [opening, ...renewals] = [...member.tickets, found.ticket];
    member.tickets = [opening, ...renewals.slice(1 - TICKETS_MOST)];
    this.#prolong(socket, member, Math.max(member.ends, found.ends));
    return this.#wakeFor(next(member));
  }

  #prolong(socket, member, ends) {
    member.ends = ends;
    // An end that is near is told by this.
    member.told = ends - Date.now() <= NOTICE;
    keep(socket, member);
    this.#say(socket, member, { type: "renewed", session_expires_at: when(ends) });
  }

  /** To those alone who speak the gate's own protocol. */
  #say(socket, member, frame) {
    if (member.own) this.#send(socket, JSON.stringify(frame));
  }

  #send(socket, data) {
    try {
      socket.send(data);
    } catch {
      // It is gone, and its close event may never come.
      this.#all().delete(socket);
    }
  }

  #end(socket, [code, reason]) {
    this.#all().delete(socket);
    try {
      // It is still listed after the close.
      socket.serializeAttachment({ v: VERSION, over: true });
      socket.close(code, reason);
    } catch {
      // It is gone already.
    }
  }

  #all() {
    if (this.#members !== undefined) return this.#members;
    this.#members = new Map();
    const now = Date.now();
    for (const socket of this.ctx.getWebSockets()) {
      const member = socket.deserializeAttachment();
      if (member?.v === VERSION && member.over) continue;
      if (socket.readyState !== WebSocket.OPEN) continue;
      // What a later version wrote isn't understood here: its client comes back with a fresh ticket.
      if (member?.v === VERSION) this.#members.set(socket, awake(member, now));
      else this.#end(socket, EXPIRED);
    }
    return this.#members;
  }

  /** Whether what the ticket opens was ended before it got here: its subject's, or what this ticket alone opens. */
  #isEnded({ key, issued, ticket }) {
    return this.#ended.includes({ key, issued }) || this.#ended.includes({ key: ticket });
  }

  /** When the first of the members is to be told something. */
  #first() {
    let first = Infinity;
    for (const member of this.#all().values()) first = Math.min(first, next(member));
    return Math.min(first, this.#ended.first());
  }

  /** Sees to it that the alarm comes then, where it doesn't come earlier. */
  async #wakeFor(at) {
    if (at === Infinity) return;
    const now = Date.now();
    const wanted = Math.ceil(at / TOGETHER) * TOGETHER;
    this.#alarm ??= (await this.ctx.storage.getAlarm()) ?? Infinity;
    if (this.#alarm <= wanted && this.#alarm > now - LATE) return;
    this.#alarm = wanted;
    await this.ctx.storage.setAlarm(wanted);
  }

  /** An alarm that never came is set again by whatever happens; the first event after a sleep looks whether there is one. */
  #watchAlarm(now) {
    if (this.#alarm === undefined || this.#alarm <= now - LATE) return this.#wakeFor(this.#first());
  }
}

/** What an instance knows of a member beside what is kept. */
function awake(member, now) {
  return { ...member, meter: new Meter(MESSAGES, BYTES, now), pinged: 0, unheard: 0, refused: 0 };
}

/** Writes down what must outlast the object's memory. */
function keep(socket, { id, sub, key, room, tickets, origin, bond, issued, ends, until, own, told }) {
  socket.serializeAttachment({ v: VERSION, id, sub, key, room, tickets, origin, bond, issued, ends, until, own, told });
}

/** When something is to be done about it: its end, or a notice of it. */
function next({ own, told, ends }) {
  return own && !told ? ends - NOTICE : ends;
}

const is = (member, key, id) => (key === undefined || member.key === key) && (id === undefined || member.id === id);

/** A condition of a later version's ask must not be passed over: it would mean more members than it says. */
function understood(more) {
  if (Object.keys(more).length > 0) throw new Error("not understood");
}
const when = (ms) => new Date(ms).toISOString();
