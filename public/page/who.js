// Who am I: a name with IDENTITY=dev, a bearer token with jwt, and nothing to fill in where the browser's login is enough.
// The token stays in its field.
import { byId } from "./dom.js";

let identity;

/** Shows the fields that the gate's `identity` wants. */
export function ask(kind) {
  identity = kind;
  for (const element of document.querySelectorAll("[data-identity]")) {
    element.hidden = !element.dataset.identity.split(" ").includes(kind);
  }
}

/** What a request for a ticket says, for the room that is filled in or another: `{ token, body, name, room }`. */
export function who(room = byId("room").value.trim()) {
  const name = identity === "dev" ? byId("name").value.trim() : "";
  const token = identity === "jwt" || identity === "forward" ? byId("token").value.trim() : "";
  const body = { ...(name && { sub: name }), ...(room && { room }) };
  return { token, body, name: name || (identity === "dev" ? "dev" : ""), room };
}
