// A real Envoy in front of a WebSocket server, with the gate behind ext_authz: examples/envoy.yaml as docs/behind-the-gate.md shows it, with
// this machine's addresses in it, and without TLS to the gate.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathOf } from "../scripts/program.js";
import { behindProxy, serving } from "./support/auth-proxy.js";
import { report } from "./support/refused.js";

report();

/** At these ports, and without TLS to the gate. */
function place(config, port, { backend, gate }) {
  const { hostname, port: own } = new URL(gate);
  return config
    .slice(0, config.indexOf("      transport_socket:"))
    .replace("address: 0.0.0.0, port_value: 8080", `address: 127.0.0.1, port_value: ${port}`)
    .replace("port_value: 3000", `port_value: ${backend}`)
    .replace("address: gate.example.com, port_value: 443", `address: ${hostname}, port_value: ${own}`);
}

/** An Envoy with this configuration, in a folder that goes with it. */
async function startEnvoy(config) {
  const folder = mkdtempSync(join(tmpdir(), "ws-ticket-envoy-"));
  writeFileSync(join(folder, "envoy.yaml"), config);
  const args = [
    "-c",
    join(folder, "envoy.yaml"),
    "--log-level",
    "error",
    "--use-dynamic-base-id",
    "--concurrency",
    "1",
  ];
  return serving(folder, pathOf("envoy"), args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

behindProxy({
  name: "Envoy",
  file: "examples/envoy.yaml",
  language: "yaml",
  place,
  start: startEnvoy,
  // What isn't 2xx goes to the client as the gate answered it, but for 5xx, which Envoy makes its own of.
  outage: 403,
});
