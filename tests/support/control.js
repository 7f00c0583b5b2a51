// What an operator's server asks.

/** The `ADMIN_TOKEN` of tests. */
export const TOKEN = "an-admin-token-of-32-bytes-at-least";

/** POST with a JSON body and the token. */
export function control(gate, path, body, token = TOKEN) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return gate.request({ method: "POST", path, headers, body: JSON.stringify(body) });
}
