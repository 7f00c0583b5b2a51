// The request for a ticket.

/** What the gate answers; or it throws, with what the gate says of it. */
export async function ask(url, { headers, body, credentials, fetch = globalThis.fetch }, signal) {
  const given = (value) => (typeof value === "function" ? value({ signal }) : value);
  headers = new Headers(await given(headers));
  // Safe across origins, and proxies that log people in answer 401 to it in place of a redirect or of a page.
  headers.set("Accept", "application/json");
  body = await given(body);
  if (body) {
    headers.set("Content-Type", "application/json");
    body = JSON.stringify(body);
  }
  // A gate never redirects, but a login in front of it does.
  const response = await fetch(url, { method: "POST", headers, body, credentials, redirect: "manual", signal });
  const type = response.headers.get("Content-Type");
  const answer = await response.json().catch(() => {});
  if (response.ok && !/html/i.test(type)) return answer;
  let { status } = response;
  let code;
  // A redirect, of which a page sees the status 0, or a page to log in.
  if (status < 400) {
    status = 401;
    code = "login";
  }
  // Firewalls answer 403 too: only what says so in the gate's own form is the gate's word.
  else if (/problem/.test(type)) code = answer?.code;
  throw Object.assign(new Error(`no ticket: ${code ?? status}`), {
    status,
    code,
    retryAfter: response.headers.get("Retry-After"),
  });
}
