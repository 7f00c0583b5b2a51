// The monitor: what all isolates have done, added up exactly; kept when it is evicted; and no matter to any request, whatever becomes of it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { control, TOKEN } from "./support/control.js";
import { DEVELOPMENT, startGate, startGates } from "./support/harness.js";
import { askMetrics, metricsOnce, seriesOf } from "./support/metrics.js";
import { assertProblem, assertRefused } from "./support/problem.js";
import { rows } from "./support/rows.js";
import { strange } from "./support/tickets.js";

const ADMIN = { ADMIN_TOKEN: TOKEN };
const VARS = { ...DEVELOPMENT, TICKET_STORE: "kv", ...ADMIN };
const monitor = "TicketMonitor";
const total = (series, name) =>
  Object.entries(series)
    .filter(([each]) => each === name || each.startsWith(`${name}{`))
    .reduce((sum, [, value]) => sum + value, 0);

describe("two isolates", () => {
  let [one, two] = [];
  before(async () => {
    [one, two] = await startGates([
      { vars: VARS, monitor, edge: true },
      { vars: VARS, monitor, shares: true },
    ]);
  });
  after(() => one?.close());

  test("add up, exactly", async () => {
    for (const gate of [one, two]) {
      const tickets = [];
      for (let n = 0; n < 5; n += 1) tickets.push((await gate.issue({ sub: `alice-${n}` })).ticket);
      for (const ticket of tickets.slice(1)) assert.equal(await gate.opens(ticket), 101);
      for (let n = 0; n < 2; n += 1) assertRefused(await gate.upgrade(tickets[1]));
      for (let n = 0; n < 3; n += 1) await gate.upgrade(strange("k"));
      await gate.upgrade("x");
      await gate.post("[]");
    }
    const expected = {
      ws_ticket_tickets_issued_total: 10,
      ws_ticket_tickets_consumed_total: 8,
      ws_ticket_tickets_reused_total: 4,
      'ws_ticket_refused_total{route="ws",reason="used"}': 4,
      'ws_ticket_refused_total{route="ws",reason="unknown"}': 6,
      'ws_ticket_refused_total{route="ws",reason="ticket_malformed"}': 2,
      'ws_ticket_refused_total{route="ws-ticket",reason="body_malformed"}': 2,
      'ws_ticket_store_operations_total{store="kv+ledger",operation="issue",outcome="issued"}': 10,
      'ws_ticket_store_operations_total{store="kv+ledger",operation="consume",outcome="granted"}': 8,
      'ws_ticket_store_operations_total{store="kv+ledger",operation="consume",outcome="used"}': 4,
      'ws_ticket_store_operations_total{store="kv+ledger",operation="consume",outcome="unknown"}': 6,
      'ws_ticket_store_operation_duration_seconds_count{store="kv+ledger",operation="issue"}': 10,
      'ws_ticket_store_operation_duration_seconds_bucket{store="kv+ledger",operation="consume",le="+Inf"}': 18,
      ws_ticket_isolates_started_total: 2,
      ws_ticket_monitor_not_counted_total: 0,
    };
    const found = (series) => Object.fromEntries(Object.keys(expected).map((name) => [name, series[name]]));
    const all = (series) =>
      total(series, "ws_ticket_refused_total") >= 14 && series.ws_ticket_tickets_issued_total >= 10;
    const series = await metricsOnce([one, two], all);
    assert.deepEqual(found(series), expected);
    // Whichever gate is asked, it is the whole service's.
    assert.deepEqual(found(seriesOf((await askMetrics(two)).text)), expected);
  });

  test("count on after the monitor was evicted", async () => {
    const before = seriesOf((await askMetrics(one)).text).ws_ticket_tickets_issued_total;
    // What was said once is never taken back, however soon: of these some come within the ten seconds in which it writes nothing by itself.
    let last = before;
    for (let round = 0; round < 3; round += 1) {
      await one.issue();
      const now = await metricsOnce([one, two], (series) => series.ws_ticket_tickets_issued_total > last);
      last = now.ws_ticket_tickets_issued_total;
      await one.evict("TICKET_MONITOR");
      assert.ok(seriesOf((await askMetrics(one)).text).ws_ticket_tickets_issued_total >= last);
    }
    await two.issue();
    await metricsOnce([one, two], (series) => series.ws_ticket_tickets_issued_total === before + 4);
  });

  test("say what was slow, and what failed", async () => {
    await one.edge({ kv: { get: { how: "throw" } } });
    const { ticket } = await one.issue();
    assertProblem(await one.upgrade(ticket), 503, "store_unavailable");
    await one.edge();
    const failed = 'ws_ticket_store_operations_total{store="kv+ledger",operation="consume",outcome="failed"}';
    await metricsOnce(one, (series) => series[failed] === 1);
  });

  test("are told once, however often a batch comes, and by nothing that isn't a count", async () => {
    const { TICKET_MONITOR } = await one.worker.getEnv();
    const told = TICKET_MONITOR.getByName("monitor");
    const read = async () => seriesOf((await askMetrics(one)).text);
    const before = await read();
    const counts = { issued: 3, "refused ws used": 1, "not a count\n": 1, consumed: -1, reused: 0.5 };
    for (let times = 0; times < 3; times += 1) await told.add({ isolate: "a", number: 1, counts });
    await told.add({ isolate: "b", number: 1, counts: { issued: 1 } });
    await told.add({ isolate: "a", number: 2, counts: { issued: 1 } });
    const now = await read();
    const grown = (name) => now[name] - before[name];
    assert.equal(grown("ws_ticket_tickets_issued_total"), 5);
    assert.equal(grown('ws_ticket_refused_total{route="ws",reason="used"}'), 1);
    assert.equal(grown("ws_ticket_tickets_consumed_total"), 0);
    assert.equal(grown("ws_ticket_monitor_not_counted_total"), 3);
  });

  test("say nothing of who it was", async () => {
    const room = "needle-room";
    // Before it is done: what is counted may be told at any moment.
    const before = seriesOf((await askMetrics(one)).text).ws_ticket_tickets_reused_total;
    const { ticket } = await one.issue({ sub: "needle-subject", room });
    await one.opens(ticket);
    await one.upgrade(ticket);
    await metricsOnce(one, (series) => series.ws_ticket_tickets_reused_total > before);
    const { text } = await askMetrics(one);
    for (const needle of ["needle", ticket, ticket.slice(-20), TOKEN, "127.0.0.1"]) assert.ok(!text.includes(needle));
  });

  test("have buckets that hold what those below them hold", async () => {
    const lines = (await askMetrics(one)).text.split("\n");
    const start = 'ws_ticket_store_operation_duration_seconds_bucket{store="kv+ledger",operation="consume"';
    const buckets = lines.filter((line) => line.startsWith(start)).map((line) => Number(line.split(" ")[1]));
    assert.equal(buckets.length, 13);
    assert.deepEqual(
      buckets,
      [...buckets].sort((a, b) => a - b),
    );
  });
});

describe("GET /metrics", () => {
  test("is for who has the token", async (t) => {
    const gate = await startGate({ vars: VARS, monitor });
    t.after(() => gate.close());
    for (const headers of [{}, { Authorization: "Bearer wrong" }, { Authorization: TOKEN }])
      assertProblem(await askMetrics(gate, headers), 401, "admin_refused");
    assertProblem(await control(gate, "/metrics", {}), 405, "method_not_allowed");
    const { status, headers } = await askMetrics(gate);
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(headers["cache-control"], "no-store");
  });

  test("isn't there without a token, and without a monitor", async (t) => {
    const gates = await startGates([{ vars: { ...VARS, ADMIN_TOKEN: undefined }, monitor }, { vars: VARS }]);
    t.after(() => gates[0].close());
    for (const gate of gates) assertProblem(await askMetrics(gate), 404, "not_found");
  });
});

for (const row of rows.filter(({ name }) => ["memory", "durable", "kv+ledger"].includes(name)))
  test(`a monitor that gives no answer is no matter to anybody, ${row.name}`, async (t) => {
    // An object that doesn't know what it is told.
    const gate = await startGate({ vars: { ...row.vars, ...ADMIN }, monitor: "TicketRoom" });
    t.after(() => gate.close());
    for (let round = 0; round < 3; round += 1) {
      assert.equal(await gate.opens((await gate.issue()).ticket), 101);
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }
    assertProblem(await askMetrics(gate), 503, "monitor_unavailable");
  });

test("what is bound and is no namespace is refused at the start", async (t) => {
  const gate = await startGate({ vars: { ...VARS, TICKET_MONITOR: "monitor" } });
  t.after(() => gate.close());
  const { status, problems } = await gate.health();
  assert.equal(status, "misconfigured");
  assert.deepEqual(
    problems.map(({ name }) => name),
    ["TICKET_MONITOR"],
  );
});
