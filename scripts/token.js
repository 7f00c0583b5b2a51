// `npm run token -- --sub alice`: a token as your login would give it: HS256, signed with the environment's JWT_SECRET, so that a
// deployed gate can be tried; without one, with that of .dev.vars, or of .dev.vars.example where there is no .dev.vars yet. Prints
// the token and nothing else, so that `$(npm run -s token -- --sub alice)` is one.
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as util from "node:util";
import { keyBytes } from "./key-bytes.js";
import { main, Stop } from "./run.js";
import { setup } from "./setup.js";
import { read, root } from "./tools.js";

const USAGE = "npm run token -- --sub alice [--rooms lobby,staff] [--claim email=alice@example.com] [--ttl 3600]";
const OPTIONS = {
  sub: { type: "string" },
  rooms: { type: "string" },
  claim: { type: "string", multiple: true, default: [] },
  ttl: { type: "string", default: "3600" },
};
/** What these say has an option of its own, or follows from `--ttl`. */
const TAKEN = ["sub", "rooms", "exp", "iat"];
const SECRET_MIN = 32;
const YEAR = 31_536_000;

function asked(args) {
  try {
    return util.parseArgs({ args, options: OPTIONS }).values;
  } catch (error) {
    throw new Stop(`${error.message.split(". ")[0]}. ${USAGE}`);
  }
}

function lifetime(text) {
  const seconds = /^[0-9]{1,8}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > YEAR) throw new Stop(`--ttl is seconds, a whole number from 1 to ${YEAR}`);
  return seconds;
}

function roomNames(text) {
  const names = text.split(",");
  if (names.includes("")) throw new Stop("--rooms is names with commas between them: lobby,staff");
  return names;
}

/** `name=value`. A value that is JSON is taken as JSON, all others as text: `level=3`, `roles=["a","b"]`, `name=Alice`. */
function claim(text) {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new Stop("--claim is name=value: email=alice@example.com");
  if (TAKEN.includes(name)) throw new Stop(`--claim can't set ${name}; --sub, --rooms and --ttl do`);
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
}

function secret() {
  const file = [".dev.vars", ".dev.vars.example"].find((name) => existsSync(join(root, name)));
  const given = process.env.JWT_SECRET;
  const text = given || (file === undefined ? "" : util.parseEnv(read(file)).JWT_SECRET);
  if (!text) throw new Stop(`${file ?? ".dev.vars"} has no JWT_SECRET; .dev.vars.example shows the line`);
  const bytes = keyBytes(text);
  const from = given ? "the environment" : file;
  if (bytes.length < SECRET_MIN) throw new Stop(`JWT_SECRET of ${from} is shorter than ${SECRET_MIN} bytes`);
  return bytes;
}

await main(async () => {
  const { sub, rooms, claim: claims, ttl } = asked(process.argv.slice(2));
  if (!sub) throw new Stop(`--sub is missing: who the token is for. ${USAGE}`);
  const all = {
    ...Object.fromEntries(claims.map(claim)),
    ...(rooms === undefined ? {} : { rooms: roomNames(rooms) }),
  };
  const seconds = lifetime(ttl);
  await setup();
  // Not before set-up: it installs it.
  const { SignJWT } = await import("jose");
  const now = Math.floor(Date.now() / 1000);
  const token = new SignJWT(all).setProtectedHeader({ alg: "HS256", typ: "JWT" });
  console.log(
    await token
      .setSubject(sub)
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .sign(secret()),
  );
});
