import assert from "node:assert/strict";
import { BASE } from "../core/s3c2440.ts";
import { mpll, upll } from "../core/s3c2440_clkpwr.ts";
import { INT, Rig } from "./s3c2440_rig.ts";

const core = { permissions: "none" } as const;

const MPLLCON = BASE.CLKPWR + 0x04;
const UPLLCON = BASE.CLKPWR + 0x08;
const CLKCON = BASE.CLKPWR + 0x0c;
const CLKSLOW = BASE.CLKPWR + 0x10;
const CLKDIVN = BASE.CLKPWR + 0x14;
const CAMDIVN = BASE.CLKPWR + 0x18;
const WTCON = BASE.WDT;
const WTDAT = BASE.WDT + 4;
const WTCNT = BASE.WDT + 8;
const MHZ = 1e6;

Deno.test("mpll() and upll() give the manual's frequencies from 12 MHz", core, () => {
  assert.equal(mpll(0x7f021, 12 * MHZ), 405 * MHZ);
  assert.equal(mpll(0x5c011, 12 * MHZ), 400 * MHZ);
  assert.equal(upll(0x38022, 12 * MHZ), 48 * MHZ);
});

Deno.test("FCLK is the crystal's until MPLLCON is written, even with the same value", core, () => {
  const rig = new Rig();
  const { clkpwr } = rig.soc;
  assert.deepEqual([clkpwr.fclk, clkpwr.hclk, clkpwr.pclk], [12 * MHZ, 12 * MHZ, 12 * MHZ]);
  rig.write(MPLLCON, 0x96030);
  assert.equal(clkpwr.fclk, mpll(0x96030, 12 * MHZ));
  assert.equal(rig.clock.fclk, clkpwr.fclk);
  rig.write(MPLLCON, 0x7f021);
  rig.write(CLKDIVN, 5);
  assert.deepEqual([clkpwr.fclk, clkpwr.hclk, clkpwr.pclk].map((f) => f / MHZ), [
    405,
    101.25,
    50.625,
  ]);
  rig.write(UPLLCON, 0x38022);
  assert.equal(clkpwr.uclk, 48 * MHZ);
  rig.soc.reset(1);
  assert.equal(rig.clock.fclk, 12 * MHZ);
});

Deno.test("boot() leaves 400, 100 and 50 MHz and no watchdog", core, () => {
  const { soc, clock } = new Rig(true);
  assert.deepEqual([soc.clkpwr.fclk, soc.clkpwr.hclk, soc.clkpwr.pclk], [400e6, 100e6, 50e6]);
  assert.equal(clock.fclk, 400e6);
  assert.equal(clock.next, Infinity);
  assert.equal(soc.stray, 0);
});

Deno.test("CLKDIVN and CAMDIVN divide FCLK", core, () => {
  const rig = new Rig();
  const cases: [clkdivn: number, camdivn: number, hclk: number, pclk: number][] = [
    [0, 0, 1, 1],
    [1, 0, 1, 2],
    [2, 0, 2, 2],
    [3, 0, 2, 4],
    [4, 0, 4, 4],
    [5, 0, 4, 8],
    [5, 0x200, 8, 16],
    [6, 0, 3, 3],
    [7, 0, 3, 6],
    [7, 0x200, 3, 6],
    [7, 0x100, 6, 12],
  ];
  for (const [clkdivn, camdivn, hclk, pclk] of cases) {
    rig.write(CLKDIVN, clkdivn);
    rig.write(CAMDIVN, camdivn);
    assert.deepEqual([rig.soc.clkpwr.fclkPerHclk, rig.soc.clkpwr.fclkPerPclk], [hclk, pclk]);
  }
});

Deno.test("CLKSLOW runs the core from the crystal and keeps nanoseconds going", core, () => {
  const rig = new Rig(true);
  rig.run(400_000);
  assert.equal(rig.clock.ns(), 1_000_000);
  rig.write(CLKSLOW, 0x14); // Fin / 8
  assert.equal(rig.clock.fclk, 1.5 * MHZ);
  rig.run(1500);
  assert.equal(rig.clock.ns(), 2_000_000);
  rig.write(CLKSLOW, 0x10);
  assert.equal(rig.clock.fclk, 12 * MHZ);
  rig.write(CLKSLOW, 4);
  assert.equal(rig.clock.fclk, 400 * MHZ);
});

Deno.test("CLKCON stops the core by its IDLE bit", core, () => {
  const rig = new Rig();
  rig.write(CLKCON, 0x00ff_fff0);
  assert.equal(rig.idles, 0);
  rig.write(CLKCON, 0x00ff_fff4);
  assert.equal(rig.idles, 1);
});

Deno.test("the watchdog resets the chip 5.6 s after power on", core, () => {
  const rig = new Rig();
  rig.until(rig.clock.next);
  assert.equal(rig.resets, 1);
  assert.equal(rig.clock.now, 0x8000 * 129 * 16);
  assert.equal(Math.round(rig.clock.ns() / 1e8), 56);
});

Deno.test("the watchdog counts, reloads and interrupts instead of resetting", core, () => {
  const rig = new Rig(true);
  rig.write(WTDAT, 100);
  rig.write(WTCNT, 10);
  rig.write(WTCON, (3 << 8) | 0x20 | (1 << 3) | 4);
  const tick = 8 * 4 * 32;
  const begin = rig.clock.now;
  rig.run(3 * tick);
  assert.equal(rig.read(WTCNT), 7);
  rig.write(INT.INTSUBMSK, ~(1 << 13));
  assert.equal(rig.untilSet(INT.SRCPND, 1 << 9) - begin, 10 * tick);
  rig.write(INT.SUBSRCPND, 1 << 13);
  rig.write(INT.SRCPND, 1 << 9);
  assert.equal(rig.untilSet(INT.SRCPND, 1 << 9) - begin, (10 + 101) * tick);
  assert.equal(rig.resets, 0);
  rig.write(WTCON, 0);
  assert.equal(rig.clock.next, Infinity);
});

Deno.test("a byte written to WTCNT leaves the other byte of the live count", core, () => {
  const rig = new Rig(true);
  rig.write(WTCNT, 0x1234);
  rig.write(WTCON, 0x20);
  rig.run(0x40 * 8 * 16);
  rig.soc.write(WTCNT, 1, 0xff);
  assert.equal(rig.read(WTCNT), 0x11ff);
});

Deno.test("WTCNT = 1, WTCON = 0x21 resets the chip at once, and GSTATUS2 tells", core, () => {
  const rig = new Rig(true);
  rig.write(BASE.GPIO + 0xb8, 0x1234_5678);
  rig.write(WTCNT, 1);
  rig.write(WTCON, 0x21);
  rig.run(16 * 8);
  assert.equal(rig.resets, 1);
  rig.soc.reset(4);
  assert.equal(rig.read(BASE.GPIO + 0xb4), 4);
  assert.equal(rig.read(BASE.GPIO + 0xb8), 0x1234_5678, "GSTATUS3 is kept");
  assert.equal(rig.read(WTCON), 0x8021);
  rig.write(BASE.GPIO + 0xb4, 4);
  assert.equal(rig.read(BASE.GPIO + 0xb4), 0);
});
