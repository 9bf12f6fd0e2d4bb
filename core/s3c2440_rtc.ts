/**
 * S3C2440A manual chapter 17: the real time clock. It has a crystal of its own, so it goes by the
 * nanoseconds of board time whatever FCLK is; its date comes from the configuration, never from
 * the host.
 *
 * Choices: the fields are counters of their own, as in silicon: a 31st of February that software
 * writes stays until midnight. The round reset register is kept, without effect. Writes to the time
 * need RTCCON[0], as reads give the time without it.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { Alarm, type AlarmState } from "./s3c2440_counter.ts";

const RTCCON = 0x40;
const TICNT = 0x44;
const RTCALM = 0x50;
const ALMSEC = 0x54;
const BCDSEC = 0x70;
const BCDYEAR = 0x88;

const SECOND = 1e9;

/** Registers of the real time clock. The time reads as packed decimal. */
export const RTC_REGISTERS: readonly Register[] = [
  register("RTCCON", RTCCON, "CLKRST 3, CNTSEL 2, CLKSEL 1, RTCEN 0", { width: 8, read: 0xf }),
  register("TICNT", TICNT, "tick enable 7, period n + 1 of 1/128 s [6:0]", { width: 8 }),
  register("RTCALM", RTCALM, "enable 6, year 5, month 4, date 3, hour 2, minute 1, second 0", {
    width: 8,
    read: 0x7f,
  }),
  register("ALMSEC", ALMSEC, "alarm second", { width: 8, read: 0x7f }),
  register("ALMMIN", 0x58, "alarm minute", { width: 8, read: 0x7f }),
  register("ALMHOUR", 0x5c, "alarm hour", { width: 8, read: 0x3f }),
  register("ALMDATE", 0x60, "alarm day of the month", { width: 8, reset: 1, read: 0x3f }),
  register("ALMMON", 0x64, "alarm month", { width: 8, reset: 1, read: 0x1f }),
  register("ALMYEAR", 0x68, "alarm year", { width: 8 }),
  register("RTCRST", 0x6c, "round reset", { width: 8, read: 0xf }),
  register("BCDSEC", BCDSEC, "second", { width: 8, read: 0x7f }),
  register("BCDMIN", 0x74, "minute", { width: 8, read: 0x7f }),
  register("BCDHOUR", 0x78, "hour", { width: 8, read: 0x3f }),
  register("BCDDATE", 0x7c, "day of the month", { width: 8, read: 0x3f }),
  register("BCDDAY", 0x80, "day of the week, 1 Sunday", { width: 8, read: 7 }),
  register("BCDMON", 0x84, "month", { width: 8, read: 0x1f }),
  register("BCDYEAR", BCDYEAR, "year of the century", { width: 8 }),
];

/** A point in time as the clock holds it. */
export interface RtcTime {
  /** 0-59. */
  second: number;
  /** 0-59. */
  minute: number;
  /** 0-23. */
  hour: number;
  /** Day of the month, from 1. */
  date: number;
  /** Day of the week, 1 is Sunday. */
  day: number;
  /** 1-12. */
  month: number;
  /** 0-99. */
  year: number;
}

/** The fields in the order of their registers from BCDSEC on. */
const FIELDS = ["second", "minute", "hour", "date", "day", "month", "year"] as const;

/** Saturday, 1 January 2000. */
export const RTC_DEFAULT: Readonly<RtcTime> = {
  second: 0,
  minute: 0,
  hour: 0,
  date: 1,
  day: 7,
  month: 1,
  year: 0,
};

/** What the clock holds beside its registers. */
export interface RtcHidden {
  /** The time at `since`. */
  time: RtcTime;
  /** Board time of the last whole second, in nanoseconds. */
  since: number;
  /** Board time of the next tick in nanoseconds; null: no ticks. */
  tickAt: number | null;
  /** The next tick in the queue. */
  tick: AlarmState;
  /** Board time of the next second in nanoseconds, while the alarm is on. */
  secondAt: number | null;
  /** The next second in the queue. */
  second: AlarmState;
}

/** How the clock is connected. */
export interface RtcWiring {
  /** Time base. */
  readonly clock: Clock;
  /** The tick interrupt. */
  tick(): void;
  /** The alarm interrupt. */
  alarm(): void;
}

const bcd = (n: number): number => (Math.floor(n / 10) << 4) | (n % 10);
const unBcd = (n: number): number => (n >>> 4) * 10 + (n & 0xf);

function daysIn(month: number, year: number): number {
  if (month === 2) return year % 4 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Moves a time on by whole seconds. */
function advance(time: RtcTime, seconds: number): void {
  const inDay = time.second + 60 * time.minute + 3600 * time.hour + seconds;
  let days = Math.floor(inDay / 86400);
  const rest = inDay - days * 86400;
  time.second = rest % 60;
  time.minute = Math.floor(rest / 60) % 60;
  time.hour = Math.floor(rest / 3600);
  for (; days > 0; days--) {
    time.day = time.day % 7 + 1;
    if (++time.date <= daysIn(time.month, time.year)) continue;
    time.date = 1;
    if (++time.month <= 12) continue;
    time.month = 1;
    time.year = (time.year + 1) % 100;
  }
}

/** The real time clock. */
export class Rtc extends Device<RtcHidden> {
  readonly #wiring: RtcWiring;
  readonly #tick: Alarm;
  readonly #second: Alarm;
  #time: RtcTime;
  #since: number;
  #tickAt: number | null = null;
  #secondAt: number | null = null;

  /**
   * A running clock.
   *
   * @param wiring How it is connected.
   * @param start The time at power on.
   */
  constructor(wiring: RtcWiring, start: Readonly<RtcTime> = RTC_DEFAULT) {
    super(RTC_REGISTERS);
    this.#wiring = wiring;
    this.#time = { ...start };
    this.#since = wiring.clock.ns();
    this.#tick = new Alarm(wiring.clock, () => this.#ticked());
    this.#second = new Alarm(wiring.clock, () => this.#compare());
  }

  /** The time now. */
  get time(): RtcTime {
    const time = { ...this.#time };
    const seconds = Math.floor((this.#wiring.clock.ns() - this.#since) / SECOND);
    if (seconds > 0) advance(time, seconds);
    return time;
  }

  /** To be called when FCLK has changed: the events lie at other cycles then. */
  updateClock(): void {
    const clock = this.#wiring.clock;
    this.#tick.set(this.#tickAt === null ? Infinity : clock.cycleAt(this.#tickAt));
    this.#armSecond();
  }

  get #tickPeriod(): number {
    return ((this.get(TICNT) & 0x7f) + 1) * (SECOND / 128);
  }

  #ticked(): void {
    this.#wiring.tick();
    this.#tickAt = this.#tickAt! + this.#tickPeriod;
    this.#tick.set(this.#wiring.clock.cycleAt(this.#tickAt));
  }

  /** Takes over the seconds that passed until `ns`. */
  #settle(ns: number): void {
    const seconds = Math.floor((ns - this.#since) / SECOND);
    if (seconds <= 0) return;
    advance(this.#time, seconds);
    this.#since += seconds * SECOND;
  }

  #armSecond(): void {
    this.#second.set(
      this.#secondAt === null ? Infinity : this.#wiring.clock.cycleAt(this.#secondAt),
    );
  }

  #compare(): void {
    // The cycle of a whole second may read as a nanosecond before it.
    this.#settle(this.#secondAt!);
    this.#secondAt = this.#secondAt! + SECOND;
    this.#armSecond();
    const enabled = this.get(RTCALM) & 0x3f;
    const fields = [
      this.#time.second,
      this.#time.minute,
      this.#time.hour,
      this.#time.date,
      this.#time.month,
      this.#time.year,
    ];
    const match = fields.every((field, i) =>
      (enabled & (1 << i)) === 0 || bcd(field) === this.get(ALMSEC + 4 * i)
    );
    if (match && enabled !== 0) this.#wiring.alarm();
  }

  /** What a read gives: the time as packed decimal. */
  protected override look(offset: number): number {
    return offset >= BCDSEC ? bcd(this.time[FIELDS[(offset - BCDSEC) >> 2]]) : super.look(offset);
  }

  /** A write by the CPU: sets the time, the tick or the alarm. */
  protected override store(offset: number, value: number, lanes: number): void {
    if (offset >= BCDSEC) {
      if ((this.get(RTCCON) & 1) === 0) return;
      super.store(offset, value, lanes);
      this.#settle(this.#wiring.clock.ns());
      this.#time[FIELDS[(offset - BCDSEC) >> 2]] = unBcd(this.get(offset));
      return;
    }
    super.store(offset, value, lanes);
    if (offset === TICNT) {
      const on = (this.get(TICNT) & 0x80) !== 0;
      this.#tickAt = on ? this.#wiring.clock.ns() + this.#tickPeriod : null;
      this.updateClock();
    } else if (offset === RTCALM) {
      this.#settle(this.#wiring.clock.ns());
      this.#secondAt = (this.get(RTCALM) & 0x40) !== 0 ? this.#since + SECOND : null;
      this.#armSecond();
    }
  }

  /** The state after reset. The time goes on, it has a battery. */
  override reset(): void {
    super.reset();
    this.#tickAt = null;
    this.#secondAt = null;
    this.updateClock();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): RtcHidden {
    return {
      time: { ...this.#time },
      since: this.#since,
      tickAt: this.#tickAt,
      tick: this.#tick.state(),
      secondAt: this.#secondAt,
      second: this.#second.state(),
    };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: RtcHidden): void {
    this.#time = { ...hidden.time };
    this.#since = hidden.since;
    this.#tickAt = hidden.tickAt;
    this.#tick.restore(hidden.tick);
    this.#secondAt = hidden.secondAt;
    this.#second.restore(hidden.second);
  }
}
