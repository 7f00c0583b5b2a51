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
  /** When the ticket would have expired. */
  expiresAt: Date;
  /** When the session must end; absent where the gate is of a version that doesn't say. */
  sessionEndsAt?: Date;
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
  /** Where it is: `https://gate.example.com`, with its `BASE_PATH` where it has one. */
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

/** Who comes, by the gate's word. */
export type AssertedGrant = Pick<Grant, "subject" | "room" | "claims" | "ticketId" | "session" | "sessionEndsAt">;

/** A JWK Set (RFC 7517). */
export interface KeySet {
  keys: readonly object[];
}

interface Expected {
  /** The gate's origin, as its pages see it and the assertion's `iss` has it: `https://gate.example.com`, also where it has a `BASE_PATH`. */
  issuer: string;
  /**
   * The gate's `UPSTREAM_AUDIENCE`; where that isn't set the origin of `UPSTREAM_URL`, with `https:` for `wss:` and `http:` for `ws:`, or
   * `upstream` for a service binding.
   */
  audience: string;
  /**
   * Hears why an assertion is refused, for your log: `form`, `signature`, or the claim that is wrong, such as `iss`, `aud` or `exp`. The
   * client isn't told.
   */
  onRefused?: (reason: string) => void;
  /** By how much the two clocks may differ, in seconds: 0 to 60, 5 unless said. */
  clockToleranceSeconds?: number;
}

/** How assertions are verified: by just one of these. */
export type AssertionKeys = Expected &
  (
    | {
        /** The gate's `UPSTREAM_SECRET`, 32 bytes or more; several while it is changed. */
        secret: string | readonly string[];
        jwks?: undefined;
        jwksUrl?: undefined;
      }
    | {
        /** What the gate shows at `/.well-known/jwks.json`. */
        jwks: KeySet;
        secret?: undefined;
        jwksUrl?: undefined;
      }
    | {
        /** Where it shows that. Read when it is needed, and kept for 5 minutes; for an hour where the gate gives no answer. */
        jwksUrl: string | URL;
        secret?: undefined;
        jwks?: undefined;
      }
  );

export interface Asserted {
  grant: AssertedGrant;
  /** The first subprotocol that the client offers of the app's own: choose this one, another of them, or none. */
  protocol?: string;
  /** The same as a header for the 101. */
  headers: Headers;
}

/**
 * Who comes with a socket that the gate hands on, by its header `X-Ticket-Assertion`; or the `Response` that refuses it: 401 without an
 * assertion, or with one that isn't the gate's, isn't for this audience or has expired; 503 where the gate's key can't be had. It throws a
 * `TypeError` for keys that can't be meant, and never for what a client sent. An assertion can be verified more than once: it lives for 60
 * seconds, and `grant.ticketId` tells whether it was here before.
 */
export function verifyAssertion(request: Request | NodeRequest, keys: AssertionKeys): Promise<Asserted | Response>;
