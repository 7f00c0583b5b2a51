// A refusal, as the gate's own: problem details (RFC 9457) with a stable code, and nothing of what came.
const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  426: "Upgrade Required",
  429: "Too Many Requests",
  503: "Service Unavailable",
};

export function refusal(status, code, detail, headers = {}) {
  const body = JSON.stringify({ type: "about:blank", title: TITLES[status], status, detail, code });
  const own = { "Content-Type": "application/problem+json", "Cache-Control": "no-store" };
  const challenge = status === 401 ? { "WWW-Authenticate": "Ticket" } : {};
  const later = status === 503 ? { "Retry-After": "1" } : status === 429 ? { "Retry-After": "60" } : {};
  return new Response(body, { status, headers: { ...own, ...challenge, ...later, ...headers } });
}
