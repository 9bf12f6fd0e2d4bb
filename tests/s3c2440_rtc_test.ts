import assert from "node:assert/strict";
import fc from "fast-check";
import { Clock } from "../core/clock.ts";
import { BASE } from "../core/s3c2440.ts";
import { Rtc, RTC_DEFAULT, type RtcTime } from "../core/s3c2440_rtc.ts";
import { INT, Rig } from "./s3c2440_rig.ts";

const core = { permissions: "none" } as const;

const RTCCON = 0x40;
const TICNT = 0x44;
const RTCALM = 0x50;
const ALMSEC = 0x54;
const BCDSEC = 0x70;
const BCDYEAR = 0x88;
const TICK = 1 << 8;
const ALARM = 1 << 30;

function rtcAt(start: RtcTime, seconds: number): RtcTime {
  const clock = new Clock(1000);
  const rtc = new Rtc({ clock, tick: () => {}, alarm: () => {} }, start);
  // In the middle of a second: nanoseconds of 95 years are beyond exact arithmetic.
  clock.now = seconds * 1000 + 500;
  return rtc.time;
}

Deno.test("Rtc.time goes on like the calendar of 2000 to 2099", core, () => {
  const seconds = fc.nat(3_000_000_000);
  fc.assert(
    fc.property(seconds, (n) => {
      const date = new Date(Date.UTC(2000, 0, 1) + n * 1000);
      assert.deepEqual(rtcAt(RTC_DEFAULT, n), {
        second: date.getUTCSeconds(),
        minute: date.getUTCMinutes(),
        hour: date.getUTCHours(),
        date: date.getUTCDate(),
        day: date.getUTCDay() + 1,
        month: date.getUTCMonth() + 1,
        year: date.getUTCFullYear() - 2000,
      });
    }),
    { numRuns: 50 },
  );
});

Deno.test("the century ends in the year 00", core, () => {
  const last = { second: 59, minute: 59, hour: 23, date: 31, day: 5, month: 12, year: 99 };
  assert.deepEqual(rtcAt(last, 1), { ...RTC_DEFAULT, day: 6 });
});

Deno.test("the time reads as packed decimal and is written only with RTCCON[0]", core, () => {
  const rig = new Rig(true);
  const at = (offset: number) => BASE.RTC + offset;
  const fields = [0x59, 0x59, 0x23, 0x28, 2, 0x02, 0x24];
  const write = () => fields.forEach((value, i) => rig.write(at(BCDSEC + 4 * i), value));
  const read = () => fields.map((_, i) => rig.read(at(BCDSEC + 4 * i)));
  const before = read();
  assert.deepEqual(before, [0, 0, 0, 1, 7, 1, 0]);
  write();
  assert.deepEqual(read(), before);
  rig.write(at(RTCCON), 1);
  write();
  assert.deepEqual(read(), fields);
  rig.run(400e6);
  assert.deepEqual(read(), [0, 0, 0, 0x29, 3, 0x02, 0x24], "2024 is a leap year");
  assert.equal(rig.soc.read(at(BCDYEAR), 1), 0x24);
});

Deno.test("ticks come every n + 1 of 128 parts of a second, whatever FCLK does", core, () => {
  const rig = new Rig(true);
  rig.write(BASE.RTC + TICNT, 0x80 | 63);
  const seen: number[] = [];
  for (let i = 0; i < 6; i++) {
    rig.untilSet(INT.SRCPND, TICK);
    rig.write(INT.SRCPND, TICK);
    seen.push(rig.clock.ns());
    rig.run(1234);
    rig.write(BASE.CLKPWR + 0x10, i % 2 === 0 ? 0x14 : 4);
  }
  seen.forEach((ns, i) => {
    // An event lies at the first cycle of its nanosecond or later: up to a cycle of 1.5 MHz.
    assert.ok(Math.abs(ns - (i + 1) * 500e6) < 700, `${ns}`);
  });
  rig.write(BASE.RTC + TICNT, 0);
  assert.equal(rig.clock.next, Infinity);
});

Deno.test("the alarm requests when all enabled fields match", core, () => {
  const rig = new Rig(true);
  rig.write(BASE.RTC + ALMSEC, 0x05);
  rig.write(BASE.RTC + ALMSEC + 4, 0x01);
  rig.write(BASE.RTC + RTCALM, 0x43);
  assert.equal(Math.floor(rig.clock.ns(rig.untilSet(INT.SRCPND, ALARM)) / 1e9), 65);
  rig.write(INT.SRCPND, ALARM);
  rig.write(BASE.RTC + RTCALM, 0x41);
  assert.equal(Math.floor(rig.clock.ns(rig.untilSet(INT.SRCPND, ALARM)) / 1e9), 125);
  rig.write(BASE.RTC + RTCALM, 0x03);
  assert.equal(rig.clock.next, Infinity);
});
