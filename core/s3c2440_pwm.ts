/**
 * S3C2440A manual chapter 10: the five PWM timers.
 *
 * A timer counts down from TCNTB to 0, requests an interrupt there and, with auto reload, has
 * TCNTB again one tick later: its period is TCNTB + 1 ticks, the first interrupt comes TCNTB ticks
 * after the start. TCNTO is worked out from the board time whenever it is read.
 *
 * Choices where the manual is silent: a one-shot timer leaves its start bit set; a started timer
 * that stands at 0 with auto reload on takes TCNTB at the next tick (without an interrupt) and
 * stands still while TCNTB is 0; the prescaler starts a tick when a timer starts; no external
 * clock is connected to TCLK0 and TCLK1. The dead zone is kept in the registers only.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { Device, type Register, register } from "./registers.ts";
import { DownCounter, type DownCounterState } from "./s3c2440_counter.ts";

const TCFG0 = 0x00;
const TCFG1 = 0x04;
const TCON = 0x08;
const TIMERS = 5;
const tcntb = (timer: number) => 0x0c + 12 * timer;
const tcmpb = (timer: number) => 0x10 + 12 * timer;
/** Timer 4 has no compare register, so its observation register follows TCNTB4 at once. */
const tcnto = (timer: number) => timer < 4 ? 0x14 + 12 * timer : 0x40;

/** Registers of the PWM timers. */
export const PWM_REGISTERS: readonly Register[] = [
  register("TCFG0", TCFG0, "dead zone [23:16], prescaler of timers 2-4 [15:8], of 0 and 1 [7:0]", {
    read: 0xff_ffff,
  }),
  register("TCFG1", TCFG1, "DMA timer [23:20], divider of timer n [4n+3:4n]", { read: 0xff_ffff }),
  register("TCON", TCON, "start, manual update, inverter, auto reload of each timer", {
    read: 0x7f_ff1f,
  }),
  ...[0, 1, 2, 3].flatMap((n) => [
    register(`TCNTB${n}`, tcntb(n), `count buffer of timer ${n}`, { read: 0xffff }),
    register(`TCMPB${n}`, tcmpb(n), `compare buffer of timer ${n}`, { read: 0xffff }),
    register(`TCNTO${n}`, tcnto(n), `count of timer ${n}`, { read: 0xffff, write: 0 }),
  ]),
  register("TCNTB4", tcntb(4), "count buffer of timer 4", { read: 0xffff }),
  register("TCNTO4", tcnto(4), "count of timer 4", { read: 0xffff, write: 0 }),
];

/** Position of a timer's start bit in TCON; manual update is the next one. */
const START = [0, 8, 12, 16, 20] as const;
/** Distance of the auto reload bit from the start bit: timer 4 has no inverter. */
const RELOAD = [3, 3, 3, 3, 2] as const;

/** What the timers hold beside their registers. */
export interface PwmHidden {
  /** The down counters. */
  counters: DownCounterState[];
  /** The compare values in use. */
  compares: number[];
}

/** How the timers are connected. */
export interface PwmWiring {
  /** Time base. */
  readonly clock: Clock;
  /** FCLK cycles per PCLK cycle, now. */
  fclkPerPclk(): number;
  /** The interrupt of a timer. */
  interrupt(timer: number): void;
  /** A timer in DMA mode reached 0; it requests a transfer instead of an interrupt. */
  dma(timer: number): void;
}

/** The five PWM timers. */
export class Pwm extends Device<PwmHidden> {
  readonly #wiring: PwmWiring;
  readonly #counters: readonly DownCounter[];
  readonly #compares: number[] = new Array(TIMERS).fill(0);

  /**
   * The timers after reset: stopped.
   *
   * @param wiring How they are connected.
   */
  constructor(wiring: PwmWiring) {
    super(PWM_REGISTERS);
    this.#wiring = wiring;
    this.#counters = Array.from(
      { length: TIMERS },
      (_, timer) => new DownCounter(wiring.clock, () => this.#zero(timer)),
    );
    this.updateClock();
  }

  /** Level of the output pin of timer 0-3: high once the count is down to the compare value. */
  tout(timer: number): boolean {
    const inverted = (this.get(TCON) & (4 << START[timer])) !== 0;
    return (this.#counters[timer].value <= this.#compares[timer]) !== inverted;
  }

  /** To be called when PCLK has changed against FCLK. */
  updateClock(): void {
    for (let timer = 0; timer < TIMERS; timer++) {
      const prescaler = (this.get(TCFG0) >>> (timer < 2 ? 0 : 8)) & 0xff;
      const mux = (this.get(TCFG1) >>> (4 * timer)) & 0xf;
      const pclks = mux < 4 ? (prescaler + 1) * (2 << mux) : Infinity;
      this.#counters[timer].setTick(this.#wiring.fclkPerPclk() * pclks);
    }
  }

  #zero(timer: number): number {
    if (((this.get(TCFG1) >>> 20) & 0xf) === timer + 1) this.#wiring.dma(timer);
    else this.#wiring.interrupt(timer);
    return this.#reloads(timer) ? this.#reload(timer) : 0;
  }

  #reloads(timer: number): boolean {
    return (this.get(TCON) & (1 << (START[timer] + RELOAD[timer]))) !== 0;
  }

  /** Takes the buffers over into the timer; gives the count. */
  #reload(timer: number): number {
    if (timer < 4) this.#compares[timer] = this.get(tcmpb(timer));
    return this.get(tcntb(timer));
  }

  /** A started timer that stands at 0 takes its buffer at the next tick, if it reloads. */
  #restart(timer: number): void {
    const counter = this.#counters[timer];
    if (!counter.running || !this.#reloads(timer) || !counter.idle) return;
    const count = this.#reload(timer);
    if (count !== 0) counter.loadAtTick(count);
  }

  /** What a read gives, with what is worked out from the present state. */
  protected override look(offset: number): number {
    for (let timer = 0; timer < TIMERS; timer++) {
      if (offset === tcnto(timer)) return this.#counters[timer].value;
    }
    return super.look(offset);
  }

  /** A write by the CPU, with what it sets in motion. */
  protected override store(offset: number, value: number, lanes: number): void {
    super.store(offset, value, lanes);
    if (offset === TCON) this.#control();
    else if (offset === TCFG0 || offset === TCFG1) this.updateClock();
    else for (let timer = 0; timer < TIMERS; timer++) this.#restart(timer);
  }

  #control(): void {
    const tcon = this.get(TCON);
    for (let timer = 0; timer < TIMERS; timer++) {
      const bits = tcon >>> START[timer];
      if ((bits & 2) !== 0) this.#counters[timer].load(this.#reload(timer));
      this.#counters[timer].run((bits & 1) !== 0);
      this.#restart(timer);
    }
  }

  /** The state after reset. */
  override reset(): void {
    super.reset();
    for (const counter of this.#counters) counter.reset();
    this.#compares.fill(0);
    this.updateClock();
  }

  /** What is held beside the registers. */
  protected override saveHidden(): PwmHidden {
    return { counters: this.#counters.map((c) => c.state()), compares: [...this.#compares] };
  }

  /** Takes back what {@linkcode saveHidden} gave. */
  protected override restoreHidden(hidden: PwmHidden): void {
    this.#counters.forEach((counter, i) => counter.restore(hidden.counters[i]));
    hidden.compares.forEach((compare, i) => (this.#compares[i] = compare));
  }
}
