import assert from "node:assert/strict";
import { BASE } from "../core/s3c2440.ts";
import { INT, Rig } from "./s3c2440_rig.ts";

const core = { permissions: "none" } as const;

const GPBCON = BASE.GPIO + 0x10;
const GPBDAT = BASE.GPIO + 0x14;
const GPFCON = BASE.GPIO + 0x50;
const GPGCON = BASE.GPIO + 0x60;
const EXTINT0 = BASE.GPIO + 0x88;
const EXTINT1 = BASE.GPIO + 0x8c;
const EINTMASK = BASE.GPIO + 0xa4;
const EINTPEND = BASE.GPIO + 0xa8;

Deno.test("an output pin shows its latch, an input pin its level", core, () => {
  const rig = new Rig();
  assert.equal(rig.read(GPBDAT), 0x7ff, "pulled up");
  rig.write(GPBCON, 0x0001_5400); // GPB5-8 out
  rig.write(GPBDAT, 0x0a0);
  rig.soc.gpio.setPin("B", 0, false);
  assert.equal(rig.read(GPBDAT), 0x7ff & ~0x1e0 & ~1 | 0x0a0);
  assert.deepEqual([5, 6, 7, 8, 0].map((n) => rig.soc.gpio.pin("B", n)), [
    true,
    false,
    true,
    false,
    false,
  ]);
});

Deno.test("EINT0 requests by the edges that EXTINT0 selects", core, () => {
  const cases: [signal: number, falling: boolean, rising: boolean][] = [
    [2, true, false],
    [3, true, false],
    [4, false, true],
    [5, false, true],
    [6, true, true],
    [7, true, true],
  ];
  for (const [signal, falling, rising] of cases) {
    const rig = new Rig();
    rig.write(GPFCON, 2);
    rig.write(EXTINT0, signal);
    for (const [high, requests] of [[false, falling], [true, rising]]) {
      rig.write(INT.SRCPND, 1);
      rig.soc.gpio.setPin("F", 0, high);
      assert.equal(rig.read(INT.SRCPND) & 1, requests ? 1 : 0, `${signal} ${high}`);
    }
  }
});

Deno.test("a level requests as long as it lasts", core, () => {
  const rig = new Rig();
  rig.write(GPFCON, 2);
  rig.soc.gpio.setPin("F", 0, false);
  for (let i = 0; i < 2; i++) {
    rig.write(INT.SRCPND, 1);
    assert.equal(rig.read(INT.SRCPND), 1);
  }
  rig.soc.gpio.setPin("F", 0, true);
  rig.write(INT.SRCPND, 1);
  assert.equal(rig.read(INT.SRCPND), 0);
});

Deno.test("EINT4-23 go through EINTPEND and EINTMASK", core, () => {
  const rig = new Rig();
  rig.write(GPFCON, 2 << 10); // EINT5
  rig.write(GPGCON, 2 << 6); // EINT11
  rig.write(EXTINT0, 2 << 20);
  rig.write(EXTINT1, 2 << 12);
  rig.soc.gpio.setPin("F", 5, false);
  rig.soc.gpio.setPin("G", 3, false);
  assert.equal(rig.read(EINTPEND), (1 << 5) | (1 << 11));
  assert.equal(rig.read(INT.SRCPND), 0, "masked");
  rig.write(EINTMASK, ~((1 << 5) | (1 << 11)));
  assert.equal(rig.read(INT.SRCPND), 0x30);
  rig.write(EINTPEND, 1 << 5);
  rig.write(INT.SRCPND, 0x30);
  assert.equal(rig.read(INT.SRCPND), 0x20, "EINT11 still pends");
  rig.write(EINTPEND, 1 << 11);
  rig.write(INT.SRCPND, 0x30);
  assert.equal(rig.read(INT.SRCPND), 0);
});

Deno.test("a pin that is no external interrupt requests nothing", core, () => {
  const rig = new Rig();
  rig.write(EXTINT0, 0x6666_6666);
  rig.write(EINTMASK, 0);
  for (const high of [false, true]) rig.soc.gpio.setPin("F", 3, high);
  for (const high of [false, true]) rig.soc.gpio.setPin("F", 4, high);
  assert.equal(rig.read(INT.SRCPND), 0);
  assert.equal(rig.read(EINTPEND), 0);
});
