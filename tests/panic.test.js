// After a panic. Nothing in the gate can, so a build of its own is told to: at GET /panic.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { compile } from "../scripts/build.js";
import { startBare } from "./support/bare.js";
import { until } from "./support/pace.js";

const VARS = { ENVIRONMENT: "development", IDENTITY: "dev", PAGE: "off" };

describe("after a panic", () => {
  let gate;
  before(async () => {
    await compile({ folder: "build/panicking", features: ["panicking"] });
    gate = await startBare({ ...VARS, TICKET_STORE: "durable" }, { folder: "build/panicking", shards: true });
  });
  after(() => gate?.close());

  const panic = async () => {
    const { status } = await gate.exchange(["GET /panic HTTP/1.1", `Host: 127.0.0.1:${gate.port}`]);
    assert.equal(status, 500);
  };

  test("the next request is served, and tickets of before open, once", async () => {
    const before = await Promise.all(Array.from({ length: 8 }, () => gate.issue()));
    await panic();
    for (const { ticket } of before) {
      assert.equal(await gate.opens(ticket), 101);
      assert.equal(await gate.opens(ticket), 401);
    }
    assert.equal(await gate.opens((await gate.issue()).ticket), 101);
  });

  test("again, and again: each time the wasm begins anew, and the objects with it", async () => {
    const { ticket } = await gate.issue();
    for (let time = 0; time < 5; time += 1) {
      await panic();
      assert.equal(await gate.opens((await gate.issue()).ticket), 101);
    }
    assert.equal(await gate.opens(ticket), 101);
  });

  test("with neighbours in flight nobody is admitted twice, and the next is served", async () => {
    const issued = await Promise.all(Array.from({ length: 30 }, () => gate.issue()));
    // Those whose memory is gone are answered by the platform, not by the gate.
    const asked = issued.map(({ ticket }) => gate.opens(ticket).catch(() => 500));
    await panic();
    const first = await Promise.all(asked);
    const second = await Promise.all(issued.map(({ ticket }) => gate.opens(ticket)));
    for (const [number, status] of first.entries()) {
      assert.ok([101, 500, 503].includes(status), `${status}`);
      if (status === 101) assert.equal(second[number], 401);
    }
    assert.equal(await gate.opens((await gate.issue()).ticket), 101);
  });

  test("its message and stack are in the log, once", async () => {
    const told = () => gate.output.split("asked to").length - 1;
    const before = told();
    await panic();
    await until(() => told() > before, "the panic is told");
    await gate.issue();
    assert.equal(told() - before, 1);
    assert.match(gate.output, /Stack:/);
  });
});
