// `npm run fuzz`: Schemathesis asks a gate what docs/openapi.yaml allows and what it doesn't, thousands of requests that nobody
// here thought of, and every answer has to be one that the document declares. Takes about three minutes. Further arguments go
// to Schemathesis: `npm run fuzz -- --seed 7` repeats a run.
//
// It needs Python 3.10 or later with venv; Schemathesis itself is installed into the user's cache folder, once per version.
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBare } from "../tests/support/bare.js";
import { build } from "./build.js";
import { capture, main, run, Stop, step, tail } from "./run.js";
import { setup } from "./setup.js";
import { root, toolCache } from "./tools.js";

const VERSION = "4.32.5";
const EXAMPLES = 300;
const ORIGIN = "https://app.example.com";
const DEVELOPMENT = {
  ENVIRONMENT: "development",
  IDENTITY: "dev",
  PAGE: "off",
  ALLOWED_ORIGINS: ORIGIN,
  REDEEM_SECRET: "a secret to redeem with, of 32 bytes",
};
/** A server behind the gate that isn't there, and a key to assert by. */
const UPSTREAM = {
  SESSION: "upstream",
  UPSTREAM_URL: "http://127.0.0.1:9/",
  UPSTREAM_PRIVATE_KEY: generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }),
};
/** The routes that only a gate with such a server has. */
const OF_UPSTREAM = "^/(ws/|[.]well-known/)";

/** Gates, and what can't be asked of some: the document can't know how a gate is configured. */
const GATES = [
  { what: "every carriage", vars: DEVELOPMENT },
  {
    what: "subprotocols only, a cookie and a key",
    vars: {
      ...DEVELOPMENT,
      TICKET_CARRIAGE: "subprotocol",
      BIND: "cookie",
      TICKET_KEY: "a key for the fuzz, of 32 bytes or more",
    },
    without: ["positive_data_acceptance"],
  },
  {
    what: "a token for a login, which no request has",
    vars: { ...DEVELOPMENT, IDENTITY: "jwt", JWT_SECRET: "a secret for the fuzz, of 32 bytes or more" },
    without: ["positive_data_acceptance"],
  },
  {
    what: "a server behind it that is down",
    vars: { ...DEVELOPMENT, ...UPSTREAM },
    without: ["not_a_server_error"],
    upstream: true,
  },
  {
    what: "a wrong configuration",
    vars: { ENVIRONMENT: "wrong" },
    without: [
      "positive_data_acceptance",
      "negative_data_rejection",
      "missing_required_header",
      "unsupported_method",
      "not_a_server_error",
    ],
  },
];

/** Where `st` is, installed first where it isn't. */
async function schemathesis() {
  const home = join(toolCache, `schemathesis-${VERSION}`);
  const windows = process.platform === "win32";
  const bin = join(home, windows ? "Scripts" : "bin");
  const st = join(bin, windows ? "st.exe" : "st");
  if (existsSync(st)) return st;
  const python = windows ? "python" : "python3";
  const found = await capture(python, [
    "-c",
    "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))",
  ]).catch(() => ({ code: 1 }));
  if (found.code !== 0) {
    throw new Stop(`needs Python 3.10 or later with venv, as \`${python}\` (on Debian: apt-get install python3-venv)`);
  }
  await step(`fuzz: installing Schemathesis ${VERSION}`, async () => {
    rmSync(home, { recursive: true, force: true });
    for (const [command, ...args] of [
      [python, "-m", "venv", home],
      [
        join(bin, windows ? "python.exe" : "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        `schemathesis==${VERSION}`,
      ],
    ]) {
      const { code, output } = await capture(command, args);
      if (code !== 0) {
        rmSync(home, { recursive: true, force: true });
        throw new Stop(`Schemathesis can't be installed:\n${tail(output)}`);
      }
    }
  });
  return st;
}

/** Whether a gate breaks nothing. */
async function fuzz(st, { what, vars, without = [], upstream = false }, args) {
  console.log(`\n> ${what}`);
  const gate = await startBare(vars);
  // Schemathesis keeps what it found in the folder where it runs.
  const folder = mkdtempSync(join(tmpdir(), "ws-ticket-fuzz-"));
  try {
    const all = ["--config-file", join(root, "scripts/fuzz/schemathesis.toml"), "run", join(root, "docs/openapi.yaml")];
    all.push("--url", gate.url.replace(/\/$/, ""), "--max-examples", EXAMPLES, "--request-timeout", 60);
    if (without.length > 0) all.push("--exclude-checks", without.join());
    if (!upstream) all.push("--exclude-path-regex", OF_UPSTREAM);
    const env = { SCHEMATHESIS_HOOKS: join(root, "scripts/fuzz/rules.py") };
    return (await run(st, [...all, ...args].map(String), { cwd: folder, env, group: true })) === 0;
  } finally {
    await gate.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main(async () => {
  await setup();
  await build();
  const st = await schemathesis();
  const broken = [];
  for (const gate of GATES) if (!(await fuzz(st, gate, process.argv.slice(2)))) broken.push(gate.what);
  if (broken.length > 0) throw new Stop(`answers that docs/openapi.yaml doesn't allow, with ${broken.join("; ")}`);
  console.log(`\nfuzz: no answer of ${GATES.length} gates breaks docs/openapi.yaml`);
});
