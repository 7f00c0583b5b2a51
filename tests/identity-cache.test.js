// For how long a set of keys is kept: as its own headers say, within bounds.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGates } from "./support/harness.js";
import { makeKey, startIssuer } from "./support/issuer.js";
import { bearer, inSeconds } from "./support/jwt.js";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 24 * HOUR;

/** What the issuer says, and for how many seconds the gate then asks no more. */
const HEADERS = [
  [{}, 10 * MINUTE],
  [{ "Cache-Control": "max-age=300" }, 5 * MINUTE],
  [{ "Cache-Control": "max-age=60" }, MINUTE],
  [{ "Cache-Control": "max-age=59" }, MINUTE],
  [{ "Cache-Control": "max-age=0" }, MINUTE],
  [{ "Cache-Control": "max-age=86400" }, DAY],
  [{ "Cache-Control": "max-age=86401" }, DAY],
  [{ "Cache-Control": "max-age=31536000, immutable" }, DAY],
  [{ "Cache-Control": "max-age=99999999999999999999" }, DAY],
  [{ "Cache-Control": "public, max-age=7200, stale-while-revalidate=60" }, 2 * HOUR],
  [{ "Cache-Control": "PUBLIC,MAX-AGE=7200" }, 2 * HOUR],
  [{ "Cache-Control": "max-age=7200", Age: "600" }, 2 * HOUR - 600],
  [{ "Cache-Control": "max-age=7200", Age: "7199" }, MINUTE],
  [{ "Cache-Control": "max-age=7200", Age: "99999" }, MINUTE],
  [{ "Cache-Control": "max-age=7200", Age: "soon" }, 2 * HOUR],
  [{ "Cache-Control": "no-store" }, MINUTE],
  [{ "Cache-Control": "no-cache" }, MINUTE],
  [{ "Cache-Control": "no-store, max-age=7200" }, MINUTE],
  [{ "Cache-Control": "max-age=7200, no-cache" }, MINUTE],
  [{ "Cache-Control": "public" }, 10 * MINUTE],
  [{ "Cache-Control": "" }, 10 * MINUTE],
  [{ "Cache-Control": "max-age=" }, 10 * MINUTE],
  [{ "Cache-Control": "max-age=ten" }, 10 * MINUTE],
  [{ "Cache-Control": "max-age=-1" }, 10 * MINUTE],
  [{ "Cache-Control": "max-age=1.5" }, 10 * MINUTE],
  [{ "Cache-Control": "s-maxage=7200" }, 10 * MINUTE],
  [{ "Cache-Control": "x-max-age=7200" }, 10 * MINUTE],
  [{ Expires: "Fri, 31 Dec 2100 00:00:00 GMT" }, 10 * MINUTE],
];

describe("a set of keys is kept", () => {
  let issuers;
  let gates;
  before(async () => {
    const key = await makeKey("RS256");
    issuers = await Promise.all(HEADERS.map(() => startIssuer([key])));
    for (const [index, [headers]] of HEADERS.entries()) issuers[index].headers = headers;
    gates = await startGates(issuers.map((issuer) => ({ vars: issuer.vars(), edge: true })));
  });
  after(async () => {
    await gates?.[0].close();
    await Promise.all((issuers ?? []).map((issuer) => issuer.close()));
  });

  for (const [index, [headers, fresh]] of HEADERS.entries()) {
    test(`${fresh} s with ${JSON.stringify(headers)}`, async () => {
      const [issuer, gate] = [issuers[index], gates[index]];
      const start = inSeconds(0) * 1000;
      const token = bearer(await issuer.token({ exp: start / 1000 + 7 * DAY }));
      const fetchesAt = async (ms) => {
        await gate.edge({ clock: start + ms });
        assert.equal((await gate.post(undefined, token)).status, 200);
        return issuer.fetches;
      };
      assert.equal(await fetchesAt(0), 1);
      assert.equal(await fetchesAt(1), 1);
      assert.equal(await fetchesAt(fresh * 1000 - 1), 1, "asked too early");
      assert.equal(await fetchesAt(fresh * 1000), 2, "asked too late");
      assert.equal(await fetchesAt(2 * fresh * 1000 - 1), 2, "asked too early again");
      assert.equal(await fetchesAt(2 * fresh * 1000), 3, "asked too late again");
    });
  }
});
