// The search for planted secrets can find them: in every encoding, and in all that a gate lets out. Without that, finding nothing
// would prove nothing.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { startGate } from "./support/harness.js";
import { Needles } from "./support/needles.js";
import { Witness } from "./support/witness.js";

describe("the search itself", () => {
  const secret = `planted-${randomBytes(24).toString("base64url")}`;
  const bytes = Buffer.from(secret);
  const needles = new Needles();
  needles.add("it", secret);
  for (const [what, text] of [
    ["as it is", secret],
    ["a piece", secret.slice(9, 21)],
    ["in capitals", secret.toUpperCase()],
    ["hexadecimal", bytes.toString("hex")],
    ["percent-encoded", `%${bytes.toString("hex").match(/../g).join("%")}`],
    ["a list of bytes", JSON.stringify([...bytes])],
    ["escaped", [...secret].map((sign) => `\\u00${sign.charCodeAt(0).toString(16)}`).join("")],
    ...["", "a", "ab", "abc"].map((before) => [
      `base64 after ${before.length}`,
      Buffer.from(`${before}${secret}z`).toString("base64"),
    ]),
    ["base64url", Buffer.from(`{"a":"${secret}"}`).toString("base64url")],
  ]) {
    test(`finds a secret ${what}`, () => {
      assert.deepEqual(needles.find("a line without it"), []);
      assert.notDeepEqual(needles.find(`{"event":"x","text":"${text}"}`), []);
    });
  }

  test("finds a needle that a gate was made to let out: in its log, an answer and a store", async () => {
    const witness = new Witness();
    const planted = witness.secret("a needle");
    const gate = await startGate({ vars: { JWT_SECRET: planted }, edge: true });
    try {
      await gate.edge({ log: `{"event":"x","text":"${Buffer.from(planted).toString("base64")}"}` });
      await (await gate.kv()).put("a", JSON.stringify({ b: Buffer.from(planted).toString("hex") }));
      await witness.see("GET /__edge", gate.request({ path: "/__edge" }));
      await witness.collect([gate]);
      const finds = witness.finds().join("\n");
      for (const where of ["the log", "the stores", "GET /__edge: 200, body"]) assert.ok(finds.includes(where), where);
    } finally {
      await gate.close();
    }
  });
});
