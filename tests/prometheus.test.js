// A real Prometheus reads `/metrics`, and its own checker finds nothing wrong with them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { serving } from "./support/auth-proxy.js";
import { TOKEN } from "./support/control.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { askMetrics, metricsOnce } from "./support/metrics.js";
import { until } from "./support/pace.js";
import { freePort } from "./support/pasted.js";

describe("Prometheus", () => {
  let gate;
  let prometheus;
  let ask;
  before(async () => {
    gate = await startGate({
      vars: { ...DEVELOPMENT, TICKET_STORE: "kv", ADMIN_TOKEN: TOKEN },
      monitor: "TicketMonitor",
    });
    const folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-prometheus-"));
    const [port, file] = [await freePort(), path.join(folder, "prometheus.yml")];
    const job = {
      job_name: "ws-ticket",
      scrape_interval: "1s",
      authorization: { credentials: TOKEN },
      static_configs: [{ targets: [new URL(gate.url).host] }],
    };
    // YAML takes JSON.
    writeFileSync(file, JSON.stringify({ scrape_configs: [job] }));
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    prometheus = serving(folder, "prometheus", args, { stdio: "ignore" });
    ask = async (query) => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
      const answer = await fetch(url).catch(() => {});
      if (!answer?.ok) return [];
      return (await answer.json()).data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    };
  });
  after(async () => {
    await prometheus?.close();
    await gate?.close();
  });

  test("has what the gate did, to the last ticket", async () => {
    for (let n = 0; n < 7; n += 1) {
      const { ticket } = await gate.issue();
      if (n > 2) assert.equal(await gate.opens(ticket), 101);
    }
    await gate.upgrade("x");
    const sums = {
      ws_ticket_tickets_issued_total: 7,
      ws_ticket_tickets_consumed_total: 4,
      'sum(ws_ticket_refused_total{route="ws"})': 1,
      'ws_ticket_store_operation_duration_seconds_count{operation="consume"}': 4,
      'ws_ticket_store_operation_duration_seconds_bucket{operation="issue",le="+Inf"}': 7,
    };
    for (const [query, expected] of Object.entries(sums)) {
      let found;
      await until(
        async () => {
          found = await ask(query);
          return found[0]?.value === expected;
        },
        () => `${query} is ${expected}: ${JSON.stringify(found)}`,
        { every: 500 },
      );
    }
    const { metric } = await until(async () => (await ask("ws_ticket_build_info"))[0], "the gate's version is there");
    assert.match(metric.version, /^\d+\.\d+\.\d+$/);
  });

  test("and promtool finds nothing wrong", async () => {
    await metricsOnce(gate, (series) => series.ws_ticket_tickets_issued_total > 0);
    const { text } = await askMetrics(gate);
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
    // It does find what is.
    const wrong = text.replaceAll("tickets_issued_total", "tickets_issued");
    assert.notEqual(spawnSync("promtool", ["check", "metrics"], { input: wrong }).status, 0);
  });
});
