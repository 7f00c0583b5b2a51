// A real nginx in front of a WebSocket server, with the gate behind `auth_request`: examples/nginx.conf as docs/behind-the-gate.md shows it,
// with this machine's addresses in it.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { behindProxy, serving } from "./support/auth-proxy.js";
import { report } from "./support/refused.js";

report();

/** An nginx with this `server` block, in a folder that goes with it. */
async function startNginx(server) {
  const folder = mkdtempSync(join(tmpdir(), "ws-ticket-nginx-"));
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const whole = `daemon off; pid ${folder}/pid; error_log ${folder}/error.log warn; worker_processes 1;
events { worker_connections 512; } http { ${paths.join(" ")}\n${server}\n}`;
  writeFileSync(join(folder, "nginx.conf"), whole);
  return serving(folder, "nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

behindProxy({
  name: "nginx",
  file: "examples/nginx.conf",
  language: "nginx",
  place: (config, port) => config.replace("listen 8080", `listen 127.0.0.1:${port}`),
  start: startNginx,
  // Of whatever isn't 2xx, 401 or 403.
  outage: 500,
});
