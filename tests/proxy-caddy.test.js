// A real Caddy in front of a WebSocket server, with the gate behind `forward_auth`: examples/Caddyfile as docs/behind-the-gate.md shows it,
// with this machine's addresses in it.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { behindProxy, serving } from "./support/auth-proxy.js";
import { report } from "./support/refused.js";

report();

/** A Caddy with this site, in a folder that goes with it. */
async function startCaddy(site) {
  const folder = mkdtempSync(join(tmpdir(), "ws-ticket-caddy-"));
  const file = join(folder, "Caddyfile");
  // Neither its own port nor certificates: nothing but the site.
  writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${site}`);
  const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const args = ["run", "--config", file, "--adapter", "caddyfile"];
  return serving(folder, "caddy", args, { env, stdio: ["ignore", "ignore", "ignore"] });
}

behindProxy({
  name: "Caddy",
  file: "examples/Caddyfile",
  language: "caddyfile",
  place: (config, port) => config.replace(":8080 {", `http://127.0.0.1:${port} {`),
  start: startCaddy,
  // The gate's own answer, as everything that isn't 2xx.
  outage: 503,
});
