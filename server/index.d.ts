/** Whose ticket it is. */
export interface Grant {
  /** Who, in the words of the app's own login. */
  subject: string;
  /** What the ticket was asked for; absent where nothing was said. */
  room?: string;
  /** What `TICKET_CLAIMS` names of the login. */
  claims: Record<string, unknown>;
  /** When the ticket was issued. */
  issuedAt: Date;
  /** When the ticket would have expired. It doesn't say when the session must end. */
  expiresAt: Date;
  /** The ticket's public id, as the gate's log has it. */
  ticketId: string;
  /** This connection's id, as the gate's log has it. */
  session: string;
}

/** What the gate is asked. */
export interface Presented {
  ticket: string;
  attempt: string;
  origin?: string | null;
  cookie?: string | null;
  address?: string | null;
}

/** A service binding to the gate's entrypoint `Redeem`. */
export interface GateBinding {
  redeem(presented: Presented): Promise<unknown>;
}

/** The gate by HTTP. */
export interface GateUrl {
  /** Where it is: `https://gate.example.com`. */
  url: string | URL;
  /** Its `REDEEM_SECRET`. */
  secret: string;
  /** How long an answer is waited for, in milliseconds. 5000 unless said. */
  timeoutMs?: number;
}

/** What Node's `upgrade` event has. */
export interface NodeRequest {
  url?: string;
  headers: Record<string, string | string[] | undefined>;
}

export interface Options {
  gate: GateBinding | GateUrl;
  /** The client's IP address, where it is known: refused tickets then count for the gate's `REFUSAL_LIMIT`. */
  address?: string | null;
}

export interface Admitted {
  grant: Grant;
  /** The subprotocol that the 101 must name, where there is one. Never the ticket. */
  protocol?: string;
  /** The same as a header for the 101. */
  headers: Headers;
}

/**
 * Who comes with this upgrade, once; or the `Response` that refuses it: 400 without exactly one ticket, 401 for a ticket that opens
 * nothing, 426 where no upgrade is asked for, 429 and 503 where the gate says so or says nothing. It never throws for what a client sent.
 */
export function redeem(request: Request | NodeRequest, options: Options): Promise<Admitted | Response>;
