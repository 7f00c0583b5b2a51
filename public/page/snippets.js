// The code that takes a gate into an app, with this gate's address and its way of knowing people. tests/browser-code.test.js runs it.

/** Of what is pasted, the login is the reader's. */
const TOKEN = `const token = async () => "the token of your login";\n`;
const knowsTokens = (identity) => identity === "jwt" || identity === "forward";
const browserKnows = (identity) => identity === "access" || identity === "forward";
const body = (identity) => (identity === "dev" ? { sub: "alice", room: "lobby" } : { room: "lobby" });
/** As people write it: `{ sub: "alice", room: "lobby" }`. */
const literal = (object) =>
  JSON.stringify(object)
    .replaceAll(/"(\w+)":/g, " $1: ")
    .replaceAll(/,\s+/g, ", ")
    .replace("}", " }");

/** With ws-ticket-client, which lies beside the app's own script. */
function client({ origin, identity }) {
  const jwt = identity === "jwt";
  const options = [
    ...(jwt ? [`  headers: async () => ({ Authorization: \`Bearer \${await token()}\` }),`] : []),
    ...(browserKnows(identity) ? [`  credentials: "include",`] : []),
    `  body: ${literal(body(identity))},`,
  ];
  return `import { TicketSocket } from "./ws-ticket-client.js";

${jwt ? `${TOKEN}\n` : ""}const socket = new TicketSocket("${origin}/ws-ticket", {
${options.join("\n")}
});
socket.onopen = () => socket.send("hello");
socket.onmessage = ({ data }) => console.log(data);
socket.onclose = ({ code, willReconnect }) => {
  console.log(code, willReconnect ? "comes back" : "is over");
};`;
}

/** With what every browser has. */
function browser({ origin, identity }) {
  const jwt = identity === "jwt";
  const headers = [
    `    "Content-Type": "application/json",`,
    ...(jwt ? [`    Authorization: \`Bearer \${await token()}\`,`] : []),
  ];
  return `${jwt ? `${TOKEN}\n` : ""}const answer = await fetch("${origin}/ws-ticket", {
  method: "POST",${browserKnows(identity) ? `\n  credentials: "include",` : ""}
  headers: {
${headers.join("\n")}
  },
  body: JSON.stringify(${literal(body(identity))}),
});
if (!answer.ok) throw new Error(\`no ticket: \${answer.status}\`);
const { url, protocols } = await answer.json();
const socket = new WebSocket(url, protocols);
socket.onopen = () => socket.send("hello");
socket.onmessage = ({ data }) => console.log(data);`;
}

// How a program passes Cloudflare Access as a person (https://developers.cloudflare.com/cloudflare-one/tutorials/cli/).
const ACCESS = '-H "cf-access-token: $token"';
const GIVEN = {
  dev: "",
  jwt: "token='the token of your login'\n",
  forward: "token='the token of your login'\n",
  access: 'token=$(cloudflared access token --app="$gate")\n',
};

/** One ticket, presented twice. A cookie, where the gate binds tickets to one, is kept by hand: it is for https alone. */
function curl({ origin, identity, carriage, bind }) {
  const asks = [`-H 'Content-Type: application/json' -d '${JSON.stringify(body(identity))}'`];
  if (knowsTokens(identity)) asks.unshift(`-H "Authorization: Bearer $token"`);
  if (identity === "access") asks.unshift(ACCESS);
  const carries = carriage.includes("query") ? "?ticket=$ticket" : "";
  const presents = [
    "-H 'Connection: Upgrade' -H 'Upgrade: websocket'",
    "-H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='",
    ...(carries ? [] : [`-H "Sec-WebSocket-Protocol: ws-ticket.v1, $ticket"`]),
    ...(identity === "access" ? [ACCESS] : []),
    ...(bind === "cookie" ? [`-H "Cookie: $cookie"`] : []),
  ];
  return `gate=${origin}
${GIVEN[identity] ?? ""}answer=$(curl -si -X POST "$gate/ws-ticket" \\
  ${asks.join(" \\\n  ")})
ticket=$(printf '%s' "$answer" | sed -n 's/.*"ticket":"\\([^"]*\\)".*/\\1/p')
${bind === "cookie" ? `cookie=$(printf '%s' "$answer" | sed -n 's/^[Ss]et-[Cc]ookie: \\([^;]*\\).*/\\1/p')\n` : ""}for try in 1 2; do
  curl -so /dev/null -w '%{http_code}\\n' --http1.1 --max-time 2 "$gate/ws${carries}" \\
    ${presents.join(" \\\n    ")}
done`;
}

const KINDS = { client, browser, curl };

/** The code of a kind, `client`, `browser` or `curl`, for a gate at the URL `origin`, without a slash at its end, that says these `facts` of itself. */
export function snippet(kind, origin, { identity = "jwt", carriage = ["query"], bind = "origin" } = {}) {
  return KINDS[kind]({ origin, identity, carriage, bind });
}
