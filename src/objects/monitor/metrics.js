// Totals in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format), version 0.0.4.

const PREFIX = "ws_ticket_";
/** What is counted: the metric without its prefix, what it says, and its labels in the order in which counts have them. */
const COUNTERS = {
  issued: ["tickets_issued_total", "Tickets issued."],
  consumed: [
    "tickets_consumed_total",
    "Tickets that opened or renewed something, or were redeemed; again where redeem was asked again.",
  ],
  reused: ["tickets_reused_total", "Tickets that were presented again after they were used."],
  refused: ["refused_total", "Requests refused, by the reason that the log has.", ["route", "reason"]],
  store: [
    "store_operations_total",
    "What stores were asked, and what came of it; failed is no answer.",
    ["store", "operation", "outcome"],
  ],
  store_slow: [
    "store_slow_total",
    "Operations that took longer than SLOW_WRITE_MS or SLOW_READ_MS.",
    ["store", "operation"],
  ],
  fell_back: ["store_fell_back_total", "Times that another store than the first choice began to issue.", ["store"]],
  recovered: ["store_recovered_total", "Times that the first choice issued again."],
  memory_in_production: [
    "memory_in_production_total",
    "Isolates that began with tickets in their memory alone, in production.",
  ],
  identity_failed: ["identity_failed_total", "Logins that could not be checked.", ["step"]],
  limiter_failed: ["limiter_failed_total", "Rate limits that gave no answer.", ["limiter"]],
  ended: ["sessions_ended_total", "Sessions ended from outside.", ["route"]],
  internal_error: ["internal_errors_total", "Requests answered 500 that the gate did not foresee.", ["route"]],
  started: ["isolates_started_total", "Isolates that began."],
  misconfigured: ["isolates_misconfigured_total", "Isolates that began with a configuration that is refused."],
  batches: ["monitor_batches_total", "Batches of counts that came."],
  not_counted: ["monitor_not_counted_total", "Counts that a monitor of this version can't keep."],
};
const DURATION = "store_operation_duration_seconds";
/** Upper bounds of its buckets in seconds, as `core/src/telemetry/tally.rs` has them. */
const BOUNDS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.2", "0.5", "1", "2.5", "5", "10", "30", "+Inf"];

export function rendered(totals, version) {
  const found = Object.entries(totals).map(([name, count]) => ({ words: name.split(" "), count }));
  const of = (what) => found.filter(({ words }) => words[0] === what);
  const lines = [...head("build_info", "gauge", "The gate that answers."), sample("build_info", { version }, 1)];
  for (const [what, [metric, help, labels = []]] of Object.entries(COUNTERS)) {
    lines.push(...head(metric, "counter", help));
    // Without labels there is a series from the start, so that its first step is seen.
    const series = labels.length > 0 ? of(what) : [{ words: [what], count: totals[what] ?? 0 }];
    for (const { words, count } of series) lines.push(sample(metric, named(labels, words), count));
  }
  lines.push(...head(DURATION, "histogram", "How long stores took."), ...histograms(of("store_le"), totals));
  return `${lines.join("\n")}\n`;
}

/** Counts of single buckets as Prometheus wants them: each with all below it, and each there from the start. */
function histograms(counts, totals) {
  const series = Map.groupBy(counts, ({ words: [, store, operation] }) => `${store} ${operation}`);
  return [...series].flatMap(([name, buckets]) => {
    const labels = named(["store", "operation"], ["", ...name.split(" ")]);
    const within = new Map(buckets.map(({ words, count }) => [words[3], count]));
    let sum = 0;
    const lines = BOUNDS.map((le) => {
      sum += within.get(le) ?? 0;
      return sample(`${DURATION}_bucket`, { ...labels, le }, sum);
    });
    lines.push(sample(`${DURATION}_sum`, labels, (totals[`store_ms ${name}`] ?? 0) / 1000));
    return [...lines, sample(`${DURATION}_count`, labels, sum)];
  });
}

const named = (labels, [, ...values]) => Object.fromEntries(labels.map((label, at) => [label, values[at] ?? ""]));

const head = (metric, type, help) => [`# HELP ${PREFIX}${metric} ${help}`, `# TYPE ${PREFIX}${metric} ${type}`];

function sample(metric, labels, value) {
  const written = Object.entries(labels).map(([label, text]) => `${label}="${text.replace(/[\\"]/g, "\\$&")}"`);
  return `${PREFIX}${metric}${written.length > 0 ? `{${written}}` : ""} ${value}`;
}
