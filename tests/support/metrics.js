// What `GET /metrics` says.
import { TOKEN } from "./control.js";
import { until } from "./pace.js";

/** The answer, asked with the token. */
export const askMetrics = (gate, headers = { Authorization: `Bearer ${TOKEN}` }) =>
  gate.request({ path: "/metrics", headers });

/** The series of the text with their values: `{ 'ws_ticket_refused_total{route="ws",reason="used"}': 1 }`. */
export const seriesOf = (text) =>
  Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const [, series, value] = /^(\S+|\S+\{.*\}) (\S+)$/.exec(line);
        return [series, Number(value)];
      }),
  );

/** The series once `isThere` says that all has come: an isolate tells what it has counted seconds later. */
export async function metricsOnce(gates, isThere) {
  const [gate, ...others] = [gates].flat();
  let series;
  return until(
    async () => {
      // Each tells what it has counted behind an answer of its own.
      for (const other of others) await askMetrics(other);
      series = seriesOf((await askMetrics(gate)).text);
      return isThere(series) && series;
    },
    () => `the metrics are so: ${JSON.stringify(series, null, 1)}`,
    { every: 500 },
  );
}
