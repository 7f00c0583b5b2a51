// A real Traefik in front of a WebSocket server, with the gate behind ForwardAuth: examples/traefik.yaml as docs/behind-the-gate.md shows it,
// with this machine's addresses in it.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathOf } from "../scripts/program.js";
import { behindProxy, serving } from "./support/auth-proxy.js";
import { report } from "./support/refused.js";

report();

/** A Traefik with this file, in a folder that goes with it. */
async function startTraefik(config, port) {
  const folder = mkdtempSync(join(tmpdir(), "ws-ticket-traefik-"));
  writeFileSync(join(folder, "sockets.yaml"), config);
  const args = [
    `--entryPoints.web.address=127.0.0.1:${port}`,
    `--providers.file.filename=${join(folder, "sockets.yaml")}`,
    "--providers.file.watch=false",
    "--global.checkNewVersion=false",
    "--global.sendAnonymousUsage=false",
  ];
  return serving(folder, pathOf("traefik"), args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

behindProxy({
  name: "Traefik",
  file: "examples/traefik.yaml",
  language: "yaml",
  place: (config) => config,
  start: startTraefik,
  // The gate's own answer, as everything that isn't 2xx.
  outage: 503,
  // It lets X_Ticket_Subject pass, which the documents say.
  underscores: true,
});
