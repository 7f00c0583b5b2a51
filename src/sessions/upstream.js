// The socket of a server behind the gate: connects it, and gives it to the client as it is. No message passes through here.

/** What a request says of its own hop, of its own handshake, or of who sends it; in the spelling of `plain`. */
const OWN = new Set(
  `cf-access-jwt-assertion connection content-length host keep-alive proxy-authenticate proxy-authorization proxy-connection te
  trailer transfer-encoding upgrade`.split(/\s+/),
);
const CREDENTIALS = new Set(["authorization", "cookie"]);

/**
 * The name as the most careless server reads it: many make `_` of every `-` (CGI does, RFC 3875 §4.1.18), some of every other sign,
 * and so can't tell `X_Ticket_Subject` from the gate's own header.
 */
const plain = (name) => name.toLowerCase().replace(/[^a-z0-9]/g, "-");

/** The client's headers that go on: none that stands for something only the gate says, in any spelling. */
export function passed(headers, ours, credentials) {
  const taken = new Set(ours.map(([name]) => plain(name)));
  return [...headers].filter(([name]) => {
    const spelled = plain(name);
    if (spelled.startsWith("x-ticket-") || spelled.startsWith("sec-websocket-")) return false;
    if (CREDENTIALS.has(spelled)) return credentials && spelled === name && !taken.has(spelled);
    return !OWN.has(spelled) && !taken.has(spelled);
  });
}

/** Pairs of lines. */
function pairs(head) {
  const lines = head === "" ? [] : head.split("\n");
  return lines.flatMap((name, at) => (at % 2 === 0 ? [[name, lines[at + 1]]] : []));
}

/**
 * Connects to `url`, by the `binding` where there is one, within `ms`. A `Response` with the socket; the status of another answer; 0
 * where there was none, or a socket that speaks what nobody asked for; `null` where it took too long.
 *
 * `head` has the gate's own headers, a line for each name and value. `client` is the client's request, where its headers go on.
 * `offers` are the subprotocols that are asked for, and `otherwise` what the client hears where the other side chose none.
 */
export async function connect(binding, url, client, credentials, head, offers, otherwise, ms) {
  const ours = pairs(head);
  const headers = new Headers(client === undefined ? [] : passed(client.headers, ours, credentials));
  for (const [name, value] of ours) headers.set(name, value);
  headers.set("Upgrade", "websocket");
  if (offers !== "") headers.set("Sec-WebSocket-Protocol", offers);
  const controller = new AbortController();
  const init = { headers, redirect: "manual", signal: controller.signal };
  if (binding !== undefined && client?.cf) init.cf = client.cf;
  const answering = (binding ?? globalThis).fetch(url, init);
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms, null);
  });
  const answer = await Promise.race([answering.catch(() => 0), late]);
  clearTimeout(timer);
  if (answer === null) {
    controller.abort();
    // Where it can't be called off any more.
    answering.then(giveUp, () => {});
  }
  if (answer === null || answer === 0) return answer;
  const socket = answer.webSocket;
  if (answer.status !== 101 || !socket) {
    giveUp(answer);
    return answer.status === 101 ? 0 : answer.status;
  }
  const chosen = answer.headers.get("Sec-WebSocket-Protocol");
  if (chosen !== null && !offers.split(", ").includes(chosen)) {
    giveUp(answer);
    return 0;
  }
  const protocol = chosen ?? otherwise;
  const told = protocol === undefined ? undefined : { "Sec-WebSocket-Protocol": protocol };
  return new Response(null, { status: 101, webSocket: socket, headers: told });
}

/** Ends what nobody wants. */
function giveUp({ body, webSocket }) {
  if (webSocket) {
    webSocket.accept();
    webSocket.close(1001);
  } else {
    body?.cancel().catch(() => {});
  }
}
