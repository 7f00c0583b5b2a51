// The gate's public keys, from where it shows them, kept for a while. Only what was read is shared between requests, and no promise: in
// Workers a request can't wait for what another one asks.
import { publicKey } from "./jws.js";

/** Milliseconds for which a set is used without asking again, as the gate's own answer says. */
const FRESH_MS = 300_000;
/** And for how long where the gate gives no answer. */
const STALE_MS = 3_600_000;
/** After this long an unknown key is asked for again, and a gate that gave no answer too. */
const PAUSE_MS = 10_000;
const TIMEOUT_MS = 5000;
const BYTES_MAX = 65_536;
const KEYS_MAX = 16;
const SETS_MAX = 16;

/** By URL: `{ keys, readAt, askedAt }`. */
const sets = new Map();

/** The keys of a JWK Set. */
export async function keysOf(jwks) {
  const all = Array.isArray(jwks?.keys) ? jwks.keys.slice(0, KEYS_MAX) : [];
  return (await Promise.all(all.map(publicKey))).filter((key) => key !== undefined);
}

/** The keys at the URL, with the one of that `kid` where there is one by now; `undefined` where nobody knows. */
export async function keysAt(url, kid) {
  const name = String(url);
  const now = Date.now();
  const known = sets.get(name) ?? { readAt: Number.NEGATIVE_INFINITY, askedAt: Number.NEGATIVE_INFINITY };
  const has = known.keys?.some((key) => key.kid === kid);
  const isOld = now - known.readAt > FRESH_MS;
  if ((!has || isOld) && now - known.askedAt > PAUSE_MS) {
    // Where there are keys one request asks and the others go on; where there are none, each has to ask for itself.
    if (known.keys !== undefined) keep(name, { ...known, askedAt: now });
    const keys = await read(name).catch(() => undefined);
    keep(
      name,
      keys === undefined ? { ...(sets.get(name) ?? known), askedAt: now } : { keys, readAt: now, askedAt: now },
    );
  }
  const { keys, readAt } = sets.get(name) ?? known;
  return Date.now() - readAt > STALE_MS ? undefined : keys;
}

function keep(name, set) {
  if (!sets.has(name) && sets.size >= SETS_MAX) sets.clear();
  sets.set(name, set);
}

async function read(url) {
  // What answers in the gate's place has no say.
  const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (answer.status !== 200) throw new Error(`the gate answered ${answer.status}`);
  const chunks = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > BYTES_MAX) throw new Error("what answered is no key set");
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
  const set = JSON.parse(new TextDecoder().decode(bytes));
  if (!Array.isArray(set?.keys)) throw new Error("what answered is no key set");
  return keysOf(set);
}
