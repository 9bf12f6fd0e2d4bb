import assert from "node:assert/strict";
import fc from "fast-check";
import { BASE } from "../core/s3c2440.ts";
import { INT, Rig } from "./s3c2440_rig.ts";

const core = { permissions: "none" } as const;

const TCFG0 = BASE.PWM;
const TCFG1 = BASE.PWM + 4;
const TCON = BASE.PWM + 8;
const TCNTB = [0x0c, 0x18, 0x24, 0x30, 0x3c].map((o) => BASE.PWM + o);
const TCMPB = [0x10, 0x1c, 0x28, 0x34].map((o) => BASE.PWM + o);
const TCNTO = [0x14, 0x20, 0x2c, 0x38, 0x40].map((o) => BASE.PWM + o);
const START = [0, 8, 12, 16, 20];
const RELOAD = [3, 3, 3, 3, 2];
/** FCLK cycles per PCLK cycle after boot: 400 / 50. */
const PCLK = 8;

/** Loads timer n and starts it; gives the cycle. */
function start(rig: Rig, n: number, count: number, reload: boolean): number {
  rig.write(TCNTB[n], count);
  rig.write(TCON, 2 << START[n]);
  rig.write(TCON, (1 << START[n]) | (reload ? 1 << (START[n] + RELOAD[n]) : 0));
  return rig.clock.now;
}

/** Cycle of the next request of timer n. */
function nextRequest(rig: Rig, n: number): number {
  const cycle = rig.untilSet(INT.SRCPND, 1 << (10 + n));
  rig.write(INT.SRCPND, 1 << (10 + n));
  return cycle;
}

Deno.test("every timer has its period to the cycle, for every prescaler and divider", core, () => {
  const cases = fc.record({
    n: fc.nat(4),
    prescalers: fc.tuple(fc.nat(255), fc.nat(255)),
    mux: fc.nat(3),
    count: fc.integer({ min: 1, max: 0xffff }),
    at: fc.nat(1000),
  });
  fc.assert(fc.property(cases, ({ n, prescalers, mux, count, at }) => {
    const rig = new Rig(true);
    rig.run(at);
    rig.write(TCFG0, prescalers[0] | (prescalers[1] << 8));
    rig.write(TCFG1, mux << (4 * n));
    const begin = start(rig, n, count, true);
    const tick = PCLK * (prescalers[n < 2 ? 0 : 1] + 1) * [2, 4, 8, 16][mux];
    assert.equal(nextRequest(rig, n) - begin, count * tick);
    assert.equal(nextRequest(rig, n) - begin, (2 * count + 1) * tick);
    assert.equal(nextRequest(rig, n) - begin, (3 * count + 2) * tick);
    assert.equal(rig.peek(INT.SRCPND), 0, "nobody else");
  }));
});

Deno.test("the tick of U-Boot is 100 Hz", core, () => {
  const rig = new Rig(true);
  rig.write(TCFG0, 0x0f00);
  start(rig, 4, 15624, true);
  const first = nextRequest(rig, 4);
  assert.equal(rig.clock.ns(nextRequest(rig, 4)) - rig.clock.ns(first), 10_000_000);
});

Deno.test("the smallest tick is 40 ns at 50 MHz", core, () => {
  const rig = new Rig(true);
  const begin = start(rig, 0, 1, false);
  assert.equal(rig.clock.ns(nextRequest(rig, 0)) - rig.clock.ns(begin), 40);
});

Deno.test("TCNTO counts down live and TCNTB reads the reload value", core, () => {
  const rig = new Rig(true);
  rig.write(TCFG0, 0x0300);
  const tick = PCLK * 4 * 2;
  const begin = start(rig, 4, 100, true);
  const expect = (ticks: number, count: number) => {
    rig.until(begin + Math.round(ticks * tick));
    assert.equal(rig.read(TCNTO[4]), count, `after ${ticks} ticks`);
  };
  expect(0, 100);
  expect(0.99, 100);
  expect(1, 99);
  rig.write(TCNTB[4], 7);
  expect(40.5, 60);
  assert.equal(rig.read(TCNTB[4]), 7);
  expect(99.9, 1);
  expect(100, 0);
  expect(100.9, 0);
  expect(101, 7);
  expect(108, 0);
  expect(109, 7);
});

Deno.test("a one-shot timer requests once and starts again by manual update", core, () => {
  const rig = new Rig(true);
  const begin = start(rig, 1, 50, false);
  assert.equal(nextRequest(rig, 1) - begin, 50 * 2 * PCLK);
  rig.run(1_000_000);
  assert.equal(rig.peek(INT.SRCPND), 0);
  assert.equal(rig.read(TCNTO[1]), 0);
  assert.equal(rig.read(TCON), 1 << 8, "the start bit stays");
  const again = start(rig, 1, 20, false);
  assert.equal(nextRequest(rig, 1) - again, 20 * 2 * PCLK);
});

Deno.test("a stopped timer keeps its count and goes on from it", core, () => {
  const rig = new Rig(true);
  start(rig, 2, 1000, true);
  rig.run(300 * 2 * PCLK);
  rig.write(TCON, 1 << 15);
  rig.run(12345);
  assert.equal(rig.read(TCNTO[2]), 700);
  rig.write(TCON, (1 << 12) | (1 << 15));
  const again = rig.clock.now;
  assert.equal(nextRequest(rig, 2) - again, 700 * 2 * PCLK);
});

Deno.test(
  "starting without manual update takes TCNTB at the next tick when the count is 0",
  core,
  () => {
    const rig = new Rig(true);
    rig.write(TCNTB[3], 10);
    rig.write(TCON, (1 << 16) | (1 << 19));
    const begin = rig.clock.now;
    assert.equal(nextRequest(rig, 3) - begin, 11 * 2 * PCLK);
  },
);

Deno.test("a timer whose TCNTB is 0 stands still until it is given a count", core, () => {
  const rig = new Rig(true);
  start(rig, 0, 5, true);
  rig.write(TCNTB[0], 0);
  nextRequest(rig, 0);
  assert.equal(rig.clock.next, Infinity);
  rig.run(1000);
  rig.write(TCNTB[0], 3);
  const begin = rig.clock.now;
  assert.equal(nextRequest(rig, 0) - begin, 4 * 2 * PCLK);
});

Deno.test("a timer on an external clock, or in DMA mode, does not interrupt", core, () => {
  const rig = new Rig(true);
  rig.write(TCFG1, 4 << 16);
  start(rig, 4, 5, true);
  assert.equal(rig.clock.next, Infinity);
  rig.write(TCFG1, 5 << 20);
  rig.run(1000);
  assert.equal(rig.peek(INT.SRCPND), 0);
  assert.notEqual(rig.clock.next, Infinity);
});

Deno.test("a change of the dividers changes the tick from then on", core, () => {
  const rig = new Rig(true);
  const begin = start(rig, 4, 100, false);
  rig.run(40 * 2 * PCLK);
  rig.write(BASE.CLKPWR + 0x14, 4); // PDIVN 0: PCLK = HCLK = FCLK / 4
  assert.equal(rig.read(TCNTO[4]), 60);
  assert.equal(nextRequest(rig, 4) - begin, 40 * 2 * 8 + 60 * 2 * 4);
});

Deno.test("tout() is high once the count is down to the compare value", core, () => {
  const rig = new Rig(true);
  rig.write(TCMPB[0], 30);
  const begin = start(rig, 0, 100, true);
  const level = (ticks: number) => (rig.until(begin + ticks * 2 * PCLK), rig.soc.pwm.tout(0));
  assert.deepEqual([0, 69, 70, 100, 101].map(level), [false, false, true, true, false]);
  rig.write(TCON, rig.read(TCON) | 4);
  assert.equal(rig.soc.pwm.tout(0), true);
});
