// The wire, exact origins: an origin is allowed byte for byte or not at all, where a ticket is asked for and where it is
// presented. An origin that is refused costs no store call and burns nothing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGate } from "./support/harness.js";
import { bearer, good, SECRET } from "./support/jwt.js";
import { assertProblem } from "./support/problem.js";
import { refused, report } from "./support/refused.js";
import { refusesUntouched } from "./support/untouched.js";

const APP = "https://app.example.com";
const ALLOWED = [
  APP,
  "http://localhost:3000",
  "https://xn--bcher-kva.example",
  "http://127.0.0.1:8080",
  "http://[::1]:8080",
  "https://shop.example:8443",
];

const REFUSED = {
  "longer and shorter": [
    "https://app.example.com.evil.example",
    "https://app.example.com.",
    "https://app.example.comm",
    "https://app.example.co",
    "https://app.example.com-evil.example",
    "https://evil-app.example.com",
    "https://evilapp.example.com",
    "https://x.app.example.com",
    "https://.app.example.com",
    "https://example.com",
    "https://com",
    "https://",
    "https",
    "app.example.com",
    "//app.example.com",
  ],
  "another port": [
    "https://app.example.com:443",
    "https://app.example.com:8443",
    "https://app.example.com:80",
    "https://app.example.com:0",
    "https://app.example.com:",
    "http://localhost",
    "http://localhost:3001",
    "http://localhost:30000",
    "http://localhost:300",
    "http://localhost:03000",
    "http://localhost:3000:3000",
    "https://shop.example",
    "https://shop.example:443",
  ],
  "another scheme": [
    "http://app.example.com",
    "wss://app.example.com",
    "https:app.example.com",
    "https:/app.example.com",
    "https:\\\\app.example.com",
    "httpss://app.example.com",
    "blob:https://app.example.com",
    "file://",
    "data:text/html,x",
    "chrome-extension://app.example.com",
    "view-source:https://app.example.com",
  ],
  "another case": [
    "HTTPS://app.example.com",
    "https://APP.EXAMPLE.COM",
    "https://App.example.com",
    "http://LOCALHOST:3000",
  ],
  "something behind it": [
    "https://app.example.com/",
    "https://app.example.com//",
    "https://app.example.com/chat",
    "https://app.example.com?",
    "https://app.example.com#",
    "https://app.example.com\\",
    "https://app.example.com%00",
    "https://app.example.com%2e",
    "https://app.example.com;",
    "https://app.example.com'",
    "http://localhost:3000/",
  ],
  "a user before it": [
    "https://eve@app.example.com",
    "https://:@app.example.com",
    "https://@app.example.com",
    "https://app.example.com@evil.example",
    "https://app.example.com:443@evil.example",
    "https://app.example.com%40evil.example",
  ],
  "no origin at all": ["null", "NULL", "undefined", "*", "https://*", "https://*.example.com", "", "0", "about:blank"],
  "several in one": [
    ALLOWED.join(","),
    `${APP},${APP}`,
    `${APP}, https://evil.example`,
    `https://evil.example, ${APP}`,
    `${APP},`,
    `,${APP}`,
    `${APP} https://evil.example`,
    `${APP} ${APP}`,
    `${APP};${ALLOWED[1]}`,
  ],
  "spaces inside": [
    "https:// app.example.com",
    "https://app.example.com :443",
    "https://app .example.com",
    "https://app.\texample.com",
    "https://app.example.com\u00a0",
    "\u00a0https://app.example.com",
    "https://app.example.com\u3000",
    "\ufeffhttps://app.example.com",
    "https://app.example.com\u200b",
  ],
  "letters that look alike": [
    "https://аpp.example.com",
    "https://app.examplе.com",
    "https://ａpp.example.com",
    "https://app.example。com",
    "https://app。example.com",
    "https://app․example.com",
    "https://app.example.com\u0338",
    "https://ap\u0070\u0301.example.com",
    "https://xn--pp-7kc.example.com",
    "https://bücher.example",
    "https://bu\u0308cher.example",
    "https://BÜCHER.example",
    "https://XN--BCHER-KVA.example",
    "https://xn--bcher-kv.example",
    "https://xn--bcher-kvaa.example",
    "https://bcher.example",
    "http://ⅼocalhost:3000",
    "http://①②⑦.0.0.1:8080",
  ],
  "an address in other words": [
    "http://127.1:8080",
    "http://127.0.1:8080",
    "http://2130706433:8080",
    "http://0x7f000001:8080",
    "http://0x7f.0.0.1:8080",
    "http://0177.0.0.1:8080",
    "http://127.0.0.01:8080",
    "http://127.0.0.1.:8080",
    "http://127.0.0.2:8080",
    "http://0.0.0.0:8080",
    "http://localhost:8080",
    "http://::1:8080",
    "http://[0:0:0:0:0:0:0:1]:8080",
    "http://[::0001]:8080",
    "http://[::01]:8080",
    "http://[::1%25eth0]:8080",
    "http://[::ffff:127.0.0.1]:8080",
    "http://[::]:8080",
    "http://[::2]:8080",
  ],
};

/** As the text goes over the wire: Node writes a header's characters as single bytes, and an empty one is lost on the way. */
const from = (origin) =>
  origin === ""
    ? { "x-edge-headers": JSON.stringify({ origin }) }
    : { Origin: Buffer.from(origin, "utf8").toString("latin1") };

describe("exact origins", () => {
  let gate;
  before(async () => {
    const vars = { TICKET_STORE: "kv", JWT_SECRET: SECRET, ALLOWED_ORIGINS: ALLOWED.join(",") };
    gate = await startGate({ vars, edge: true });
  });
  after(() => gate?.close());

  const post = (headers) => gate.post(undefined, { ...bearer(good()), ...headers });
  const preflight = (headers) =>
    gate.request({
      method: "OPTIONS",
      path: "/ws-ticket",
      headers: { ...headers, "Access-Control-Request-Method": "POST" },
    });

  /** Refused in all three places; nothing is told across origins, and a ticket that is out opens afterwards. */
  async function refusesEverywhere(headers, never) {
    const send = async (ticket) => {
      for (const answer of [await post(headers), await preflight(headers)]) {
        assertProblem(answer, 403, "origin_refused", { never });
        const told = Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"));
        assert.deepEqual(told, [], "CORS headers for an origin that is not allowed");
        assert.equal(answer.headers["set-cookie"], undefined);
        refused();
      }
      return gate.upgrade(ticket, { headers });
    };
    const minted = [undefined, { ...bearer(good()), Origin: APP }];
    const opened = () => ({ headers: { Origin: APP } });
    await refusesUntouched(gate, send, 403, "origin_refused", { minted, opened, never });
  }

  test("each origin that is listed is allowed as it stands", async () => {
    for (const origin of ALLOWED) {
      const answer = await post(from(origin));
      assert.equal(answer.status, 200, origin);
      assert.equal(answer.headers["access-control-allow-origin"], origin);
      assert.equal(await gate.opens(answer.json.ticket, { headers: from(origin) }), 101, origin);
    }
  });

  for (const [what, origins] of Object.entries(REFUSED)) {
    test(`refuses ${what}`, async () => {
      for (const origin of origins) {
        try {
          await refusesEverywhere(from(origin), origin.length > 11 ? [origin] : []);
        } catch (error) {
          error.message = `${JSON.stringify(origin)}: ${error.message}`;
          throw error;
        }
      }
    });
  }

  test("refuses two headers, even the same twice", async () => {
    for (const two of [
      [APP, APP],
      [APP, "https://evil.example"],
      ["https://evil.example", APP],
      [APP, "null"],
    ]) {
      await refusesEverywhere({ Origin: two }, ["evil.example"]);
    }
  });

  test("refuses bytes that are no text, and texts of any length", async () => {
    for (const bytes of ["\xff\xfe", `${APP}\xff`, `\xc0${APP}`, `https://\xe0pp.example.com`]) {
      await refusesEverywhere({ Origin: bytes }, []);
    }
    for (const length of [200, 2000, 8000]) await refusesEverywhere({ Origin: `https://${"a".repeat(length)}` }, []);
    await refusesEverywhere({ Origin: `${APP}/${"a".repeat(4000)}` }, []);
  });
});

report();
