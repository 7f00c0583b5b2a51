// IDENTITY=forward when the site can't be asked or answers what can't be used: that is an outage, never "not logged in", and
// nobody is let in.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LOGGED_IN, startAuthServer } from "./support/authserver.js";
import { refuses } from "./support/caller.js";
import { startGate } from "./support/harness.js";
import { deadline } from "./support/pace.js";
import { report } from "./support/refused.js";

report();

const TIMEOUT_MS = deadline(300);
const UNAVAILABLE = { status: 503, code: "identity_unavailable" };
const JSON_TYPE = { "Content-Type": "application/json" };
const json = (body, status = 200) => ["answer", { status, headers: JSON_TYPE, body }];
const told = (headers, status = 200) => ["answer", { status, headers }];
const status = (number, headers = {}, body = '{"sub":"mallory"}') => [
  "answer",
  { status: number, headers: { ...JSON_TYPE, "Remote-User": "mallory", ...headers }, body },
];

const FAULTS = [
  ["refuses connections", "failed", ["refuse"]],
  ["hangs", "timed_out", ["hang"]],
  ["stops after the headers", "timed_out", ["stall"]],
  ["is too slow", "timed_out", ["slow", { ms: 4 * TIMEOUT_MS }]],
  ["cuts the connection", "failed", ["cut"]],
  ["cuts the body", "failed", ["half"]],
  ...[400, 402, 404, 407, 418, 429, 500, 502, 503, 504].map((number) => [
    `answers ${number}`,
    "status",
    status(number),
  ]),
  ...[301, 302, 303, 307, 308].map((number) => [
    `redirects with ${number}`,
    "status",
    ["redirect", { status: number }],
  ]),
  ["answers 304", "status", ["answer", { status: 304, headers: { "Remote-User": "mallory" } }]],
  ["answers more than 64 KiB", "too_large", json(`{"sub":"alice","pad":"${"p".repeat(65_536)}"}`)],
  [
    "answers more than 64 KiB beside good headers",
    "too_large",
    ["answer", { headers: { "Remote-User": "mallory" }, body: "x".repeat(65_537) }],
  ],
  ["answers without an end", "too_large", ["flood"]],
  ["says it is JSON and isn't", "malformed", json("<html>")],
  ["answers empty JSON", "malformed", json("")],
  ["answers half of the JSON", "malformed", json('{"sub":"alice"')],
  ["answers a list", "malformed", json('["alice"]')],
  ["answers a text", "malformed", json('"alice"')],
  ["answers null", "malformed", json("null")],
  ["answers what is not UTF-8", "malformed", json(Buffer.from([0x7b, 0xff, 0x7d]))],
  ["answers JSON without sub", "malformed", json('{"user":"alice"}')],
  ["answers an empty sub", "malformed", json('{"sub":""}')],
  ["answers a sub that is no whole number", "malformed", json('{"sub":7.5}')],
  ["answers rooms that are null", "malformed", json('{"sub":"alice","rooms":null}')],
  ["answers a sub that is null", "malformed", json('{"sub":null}')],
  ["answers a sub of 257 bytes", "malformed", json(JSON.stringify({ sub: "s".repeat(257) }))],
  ["answers a sub with a line break", "malformed", json('{"sub":"a\\nb"}')],
  ["answers two subs", "malformed", json('{"sub":"alice","sub":"mallory"}')],
  ["answers an exp that is a text", "malformed", json('{"sub":"alice","exp":"4102444800"}')],
  ["answers rooms that are a text", "malformed", json('{"sub":"alice","rooms":"lobby"}')],
  ["answers rooms that are numbers", "malformed", json('{"sub":"alice","rooms":[7]}')],
  ["answers no header at all", "malformed", told({})],
  [
    "answers a login page with 200",
    "malformed",
    ["answer", { headers: { "Content-Type": "text/html" }, body: "<html>" }],
  ],
  ["answers 204 and no user", "malformed", told({}, 204)],
  ["answers an empty user", "malformed", told({ "Remote-User": "" })],
  ["answers a user of 257 bytes", "malformed", told({ "Remote-User": "u".repeat(257) })],
  [
    "answers another family's user",
    "malformed",
    told({ "X-Auth-Request-User": "mallory", "X-Remote-User": "mallory" }),
  ],
  ["answers an end that is no number", "malformed", told({ "Remote-User": "alice", "Remote-Expires": "tomorrow" })],
  [
    "answers an end that is a date",
    "malformed",
    told({ "Remote-User": "alice", "Remote-Expires": "Fri, 31 Dec 2100 00:00:00 GMT" }),
  ],
  ["answers an empty end", "malformed", told({ "Remote-User": "alice", "Remote-Expires": "" })],
];

describe("the site", () => {
  let site;
  let elsewhere;
  let gate;
  before(async () => {
    site = await startAuthServer();
    elsewhere = await startAuthServer();
    gate = await startGate({ vars: site.vars({ IDENTITY_TIMEOUT_MS: String(TIMEOUT_MS) }), edge: true });
  });
  after(async () => {
    await gate?.close();
    await Promise.all([site?.close(), elsewhere?.close()]);
  });

  for (const [what, reason, [mode, options]] of FAULTS) {
    test(what, async () => {
      const redirect = status(options?.status, { Location: elsewhere.authUrl });
      await site.fault(...(mode === "redirect" ? redirect : [mode, options]));
      site.forget();
      await refuses(gate, LOGGED_IN, UNAVAILABLE, { never: ["mallory"] });
      const failed = ({ event }) => event === "identity_failed";
      const [event, ...others] = await gate.eventually(failed);
      assert.deepEqual(others, []);
      assert.deepEqual([event.level, event.step, event.reason], ["warn", "forward", reason]);
      assert.ok(Number.isInteger(event.ms) && event.ms >= 0);
      if (mode !== "refuse") assert.equal(site.asked.length, 1, "asked more than once");
      assert.equal(elsewhere.asked.length, 0, "a redirect was followed");
      // Nothing rests: the next request is served as soon as the site is back.
      await site.heal();
      assert.equal((await gate.post(undefined, LOGGED_IN)).status, 200, "healed");
    });
  }
});
