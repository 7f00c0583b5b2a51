//! Every refusal that a client can see, as problem details (RFC 9457) with a stable `code`.
//!
//! The table in `docs/protocol.md` is this file in prose. A problem says what was expected and never repeats what came.

use serde::Serialize;

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A request whose URL can't be read, or has a login in it.
    RequestMalformed,
    /// No such route.
    NotFound,
    /// The route has other methods.
    MethodNotAllowed {
        /// Those that it has, as `Allow` wants them.
        allow: &'static str,
    },
    /// A preflight that asks for what can't be the name of a header, or for too many.
    PreflightMalformed,
    /// An `Origin` that isn't allowed.
    OriginRefused,
    /// The `Origin` of all pages that have none of their own. It can't be allowed, for anybody can have it.
    OriginOpaque,
    /// A cookie that may be a login, from nobody knows which page.
    OriginMissing,
    /// A request for a ticket that no script made: a form's, or one whose answer nobody can read.
    FetchModeRefused,
    /// A request to `/ws` that doesn't ask for an upgrade.
    UpgradeRequired,
    /// An upgrade that isn't RFC 6455's.
    HandshakeInvalid,
    /// `Sec-WebSocket-Protocol` isn't a list of different tokens, or has a ticket without the name of our protocol.
    SubprotocolInvalid,
    /// No ticket.
    TicketMissing,
    /// More than one ticket.
    TicketRepeated,
    /// A ticket in the query or in a subprotocol, where `TICKET_CARRIAGE` doesn't have it.
    CarriageRefused,
    /// Not in the form of a ticket.
    TicketMalformed,
    /// Unknown, expired or used: one answer, so that guessing teaches nothing.
    TicketRefused,
    /// No login.
    IdentityMissing {
        /// Where one is looked for.
        expected: &'static str,
    },
    /// Whoever would redeem a ticket hasn't the secret for it.
    RedeemRefused,
    /// A login that isn't good.
    IdentityRefused,
    /// A login that may not have a ticket.
    IdentityForbidden,
    /// Whoever knows the logins gave no answer.
    IdentityUnavailable,
    /// A room that the login doesn't allow.
    RoomRefused,
    /// What the ticket would have to carry doesn't fit into it.
    GrantTooLarge,
    /// Too many.
    RateLimited,
    /// Whoever counts them gave no answer.
    LimiterUnavailable,
    /// A body of another media type.
    MediaTypeUnsupported,
    /// Too large a body.
    BodyTooLarge,
    /// A body that isn't what is expected.
    BodyMalformed {
        /// What would be.
        expected: &'static str,
    },
    /// None of the operator's own tokens.
    AdminRefused,
    /// What should be a logout token is none, or not one for this gate.
    LogoutRefused,
    /// A logout can't be done now.
    LogoutFailed,
    /// A proxy that doesn't say which request it holds back, or under which id.
    OriginalMalformed,
    /// A store gave no answer.
    StoreUnavailable {
        /// After how many seconds it makes sense to try again.
        retry_after: u32,
    },
    /// What stands behind the gate says that this client may not come.
    UpstreamRefused,
    /// What stands behind the gate opened no socket.
    UpstreamFailed,
    /// What stands behind the gate gave no answer in time.
    UpstreamTimeout,
    /// The room takes no more members.
    RoomFull,
    /// The room gave no answer.
    RoomUnavailable,
    /// The monitor gave no answer.
    MonitorUnavailable,
    /// A store's record can't be read.
    RecordCorrupt,
    /// The configuration is wrong.
    Misconfigured,
    /// The gate is for development, and was asked by a host that isn't a developer's own.
    DevelopmentOnly,
    /// A fault of the gate's own.
    Internal,
}

/// The body of a refusal.
#[derive(Serialize)]
pub struct Details {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
    code: &'static str,
}

impl Problem {
    /// Its row of the table: status, code, what was expected.
    fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::RequestMalformed => {
                (400, "request_malformed", "Expected a Host that is a name or an address, with or without a port.")
            }
            Self::NotFound => (
                404,
                "not_found",
                "The routes are POST /ws-ticket, GET /ws (unless SESSION is none) and GET /health, all of them below BASE_PATH where there is one.",
            ),
            Self::MethodNotAllowed { .. } => (405, "method_not_allowed", "The header Allow names the methods."),
            Self::OriginRefused => {
                (403, "origin_refused", "Pages of this origin are not allowed; see ALLOWED_ORIGINS.")
            }
            Self::OriginOpaque => (
                403,
                "origin_refused",
                "The origin null is anybody's: sandboxed frames, files and some redirects send it. Serve the page from an origin.",
            ),
            Self::PreflightMalformed => (
                400,
                "preflight_malformed",
                "Expected a list of header names in Access-Control-Request-Headers: 64 at most, in 4096 bytes.",
            ),
            Self::OriginMissing => (
                403,
                "origin_refused",
                "A request with a Cookie must have an Origin here, as pages send it. A program leaves the Cookie out, adds a bearer token, or sends this gate's Origin.",
            ),
            Self::FetchModeRefused => (
                403,
                "fetch_mode_refused",
                "Expected a script's fetch with mode cors or same-origin, not a form or a mode whose answer can't be read.",
            ),
            Self::UpgradeRequired => (
                426,
                "upgrade_required",
                "Expected a WebSocket upgrade: the header Upgrade with websocket and nothing else.",
            ),
            Self::HandshakeInvalid => (
                400,
                "handshake_invalid",
                "Expected an RFC 6455 handshake: Sec-WebSocket-Version 13 and a Sec-WebSocket-Key of 16 bytes in base64.",
            ),
            Self::SubprotocolInvalid => (
                400,
                "subprotocol_invalid",
                "Expected different tokens in Sec-WebSocket-Protocol, 32 at most: ws-ticket.v1, the ticket, and the app's own.",
            ),
            Self::TicketMissing => (
                400,
                "ticket_missing",
                "Expected one ticket: in the query parameter ticket, or beside ws-ticket.v1 in Sec-WebSocket-Protocol.",
            ),
            Self::TicketRepeated => (400, "ticket_repeated", "Expected one ticket, found several."),
            Self::CarriageRefused => (
                400,
                "carriage_refused",
                "Tickets are not taken there; GET /health names what this gate's carriage is.",
            ),
            Self::TicketMalformed => (400, "ticket_malformed", "Expected a ticket as POST /ws-ticket gives it."),
            Self::TicketRefused => (
                401,
                "ticket_refused",
                "The ticket is unknown, expired, used, or was asked for elsewhere. Ask for a new one.",
            ),
            Self::IdentityMissing { expected } => (401, "identity_missing", expected),
            Self::RedeemRefused => {
                (401, "redeem_refused", "Expected the header Authorization: Bearer with the gate's REDEEM_SECRET.")
            }
            Self::IdentityRefused => (401, "identity_refused", "The login is not valid. Log in again."),
            Self::IdentityForbidden => (403, "identity_forbidden", "This login may not have a ticket."),
            Self::IdentityUnavailable => {
                (503, "identity_unavailable", "Whether the login is valid can't be found out now. Try again later.")
            }
            Self::RoomRefused => (403, "room_refused", "The login does not allow this room."),
            Self::GrantTooLarge => (
                422,
                "grant_too_large",
                "Login, room, claims and origin don't fit into a ticket of 512 characters. Ask for a room with a shorter name; the operator can name a store after sealed in TICKET_STORE.",
            ),
            Self::RateLimited => (429, "rate_limited", "Too many requests. Try again when Retry-After has passed."),
            Self::LimiterUnavailable => {
                (503, "limiter_unavailable", "Whether these are too many requests can't be found out now. Try again.")
            }
            Self::MediaTypeUnsupported => {
                (415, "media_type_unsupported", "Expected no body, or one of type application/json.")
            }
            Self::BodyTooLarge => {
                (413, "body_too_large", "Expected a body of 4096 bytes or less; to redeem a ticket, of 16384.")
            }
            Self::BodyMalformed { expected } => (400, "body_malformed", expected),
            Self::AdminRefused => {
                (401, "admin_refused", "Expected the header Authorization: Bearer with the gate's ADMIN_TOKEN.")
            }
            Self::LogoutRefused => (
                400,
                "logout_token_refused",
                "Expected a logout token of OpenID Connect Back-Channel Logout 1.0, with sub, that your identity provider signed for this gate, not used before.",
            ),
            // No 503: that is how the specification has it (§2.8).
            Self::LogoutFailed => (400, "logout_failed", "The logout can't be done now. Send the token again."),
            Self::OriginalMalformed => (
                400,
                "original_malformed",
                "Expected X-Original-URI or X-Forwarded-Uri with the original request's, in X-Request-ID, where it is there, 128 random bits in hexadecimal, and in X-Real-IP, where it is there, an IP address.",
            ),
            Self::StoreUnavailable { .. } => (
                503,
                "store_unavailable",
                "The ticket store gave no answer. Try again; where a ticket was presented, with a new one.",
            ),
            Self::UpstreamRefused => (
                502,
                "upstream_refused",
                "The server behind the gate refused this connection. The ticket is used up; ask for a new one only if you may come.",
            ),
            Self::UpstreamFailed => (
                502,
                "upstream_failed",
                "The server behind the gate opened no WebSocket. The ticket is used up; try again later with a new one.",
            ),
            Self::UpstreamTimeout => (
                504,
                "upstream_timeout",
                "The server behind the gate gave no answer in time. The ticket is used up; try again later with a new one.",
            ),
            Self::RoomFull => {
                (503, "room_full", "The room is full. The ticket is used up; try again later with a new one.")
            }
            Self::RoomUnavailable => {
                (503, "room_unavailable", "The room gave no answer. The ticket is used up; try again with a new one.")
            }
            Self::MonitorUnavailable => (503, "monitor_unavailable", "The monitor gave no answer. Try again."),
            Self::RecordCorrupt => (500, "record_corrupt", "The ticket's record can't be read. Ask for a new ticket."),
            Self::Misconfigured => {
                (500, "misconfigured", "The gate is misconfigured; GET /health lists what is wrong.")
            }
            Self::DevelopmentOnly => (
                500,
                "development_only",
                "ENVIRONMENT is development, where anybody may be anybody: this host is not served. The operator sets ENVIRONMENT to production, or names the host in DEVELOPMENT_HOSTS.",
            ),
            Self::Internal => (500, "internal_error", "The gate failed. Ask for a new ticket and try again."),
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.row().0
    }

    /// The stable name.
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// The body. `type` is `about:blank`, so `title` is the status's own phrase (RFC 9457 §4.2.1); `code` says more.
    pub fn details(self) -> Details {
        let (status, code, detail) = self.row();
        let title = match status {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            413 => "Content Too Large",
            415 => "Unsupported Media Type",
            422 => "Unprocessable Content",
            426 => "Upgrade Required",
            429 => "Too Many Requests",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Gateway Timeout",
            _ => "Internal Server Error",
        };
        Details { r#type: "about:blank", title, status, detail, code }
    }

    /// The headers that belong to it.
    pub fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::UpgradeRequired => &[("Upgrade", "websocket"), ("Connection", "Upgrade")],
            Self::HandshakeInvalid => &[("Sec-WebSocket-Version", "13")],
            // RFC 9110 §11.6.1 wants a challenge with every 401.
            Self::TicketRefused => &[("WWW-Authenticate", "Ticket")],
            Self::IdentityMissing { .. } | Self::RedeemRefused | Self::AdminRefused => {
                &[("WWW-Authenticate", "Bearer")]
            }
            Self::IdentityRefused => &[("WWW-Authenticate", r#"Bearer error="invalid_token""#)],
            // The period of a limit, as wrangler.jsonc has it; the platform doesn't tell what is left of it.
            Self::RateLimited => &[("Retry-After", "60")],
            Self::IdentityUnavailable => &[("Retry-After", "5")],
            Self::LimiterUnavailable | Self::RoomUnavailable | Self::MonitorUnavailable => &[("Retry-After", "1")],
            Self::RoomFull => &[("Retry-After", "30")],
            _ => &[],
        }
    }
}
