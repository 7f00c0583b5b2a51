// How much somebody may send, counted: src/platform/meter.js.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Meter, sizeOf } from "../src/platform/meter.js";

test("four seconds' worth at once, and then what a second gives", () => {
  const meter = new Meter(2, 100, 0);
  for (let n = 0; n < 8; n += 1) assert.ok(meter.take(1, 0), `${n}`);
  assert.ok(!meter.take(1, 0));
  assert.ok(!meter.take(1, 499));
  assert.ok(meter.take(1, 500));
  assert.ok(!meter.take(1, 500));
  for (let n = 0; n < 8; n += 1) assert.ok(meter.take(1, 100_000), "the reserve is full again");
  assert.ok(!meter.take(1, 100_000), "and never fuller");
});

test("bytes likewise", () => {
  const meter = new Meter(100, 100, 0);
  assert.equal(meter.largest, 400);
  assert.ok(meter.take(400, 0));
  assert.ok(!meter.take(100, 999));
  assert.ok(meter.take(100, 1000));
});

test("what is refused takes nothing", () => {
  const meter = new Meter(1, 100, 0);
  assert.ok(meter.take(300, 0));
  for (let n = 0; n < 100; n += 1) assert.ok(!meter.take(200, 0));
  for (let n = 0; n < 3; n += 1) assert.ok(meter.take(10, 0), "neither bytes nor messages");
});

test("a clock that is set back gives nothing", () => {
  const meter = new Meter(1, 100, 10_000);
  for (let n = 0; n < 4; n += 1) assert.ok(meter.take(1, 10_000));
  assert.ok(!meter.take(1, 0));
  assert.ok(!meter.take(1, 999));
  assert.ok(meter.take(1, 1000));
});

test("a message's size is that of its bytes, and a text that is certainly too long isn't encoded", () => {
  assert.equal(sizeOf("é", 10), 2);
  assert.equal(sizeOf(new ArrayBuffer(7), 10), 7);
  assert.equal(sizeOf("x".repeat(11), 10), Infinity);
});
