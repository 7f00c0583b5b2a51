// What the runtime charges for what a client and an operator see of the gate, and nothing else: the facts that are read of a request,
// the answer with its headers, the socket with its welcome, the log lines. All texts are constants; nothing is decided, made up,
// remembered or checked. No gate that shows the same can cost less.
const TICKET = "wst_m_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const ID = "00000000-0000-4000-8000-000000000000";
const BODY = `{"ticket":"${TICKET}","expires_in":300,"expires_at":"2026-11-26T12:00:00.000Z","url":"ws://127.0.0.1:65535/ws?ticket=${TICKET}","ping":"ws-ticket:ping"}`;
const WELCOME = `{"type":"welcome","session":"${ID}","subject":"dev","room":null,"expires_at":"2026-11-26T12:00:00.000Z"}`;
const LOGS = [
  [
    '{"event":"store","level":"info","operation":"issue","outcome":"issued","store":"memory","ms":0}',
    `{"event":"issued","level":"info","ticket_id":"${ID}","expires_in":300}`,
  ],
  [
    '{"event":"store","level":"info","operation":"consume","outcome":"granted","store":"memory","ms":0}',
    `{"event":"consumed","level":"info","ticket_id":"${ID}","session":"${ID}","age_ms":12}`,
  ],
];
const POST = ["origin", "cookie", "authorization", "content-type", "sec-fetch-mode"];
const GET = ["origin", "cookie", "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version", "upgrade"];

/** Looks at them as somebody who needs them would. */
let seen = 0;
export const looked = () => seen;
function read({ headers, method, url }, names) {
  for (const name of names) seen += headers.get(name)?.length ?? 0;
  seen += method.length + url.length;
}

export default {
  fetch(request, env) {
    if (request.method === "POST") {
      read(request, POST);
      seen += Number(request.headers.get("content-length"));
      if (env.QUIET !== "yes") for (const line of LOGS[0]) console.log(line);
      const headers = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Content-Type": "application/json",
        Vary: "Origin",
        "Access-Control-Allow-Origin": "http://127.0.0.1:65535",
        "Access-Control-Expose-Headers": "Retry-After",
      };
      return new Response(BODY, { status: 200, headers });
    }
    read(request, GET);
    const { 0: client, 1: server } = new WebSocketPair();
    server.binaryType = "arraybuffer";
    server.accept();
    server.send(WELCOME);
    server.addEventListener("message", ({ data }) => server.send(data === "ws-ticket:ping" ? "ws-ticket:pong" : data));
    if (env.QUIET !== "yes") for (const line of LOGS[1]) console.log(line);
    return new Response(null, { status: 101, webSocket: client });
  },
};
